"""Bronze rows become accepted or quarantined changes: each once, judged by its own values."""

import json
from decimal import Decimal

import ibis
import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pyarrow as arrow  # noqa: ICN001 - pa is pandera here
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snowpipe_platform.backends.duckdb_engine import DuckDBEngine
from snowpipe_platform.errors import ContractError, PipelineError
from snowpipe_platform.execution.change_rows import all_rules, bronze_table, change_rows
from snowpipe_platform.spec.table import ChangesTable
from snowpipe_platform_tests.ledger import CHANGES, START, Ledger, change

SOURCE = {"id": "string", "name": "string", "amount": "string", "created_at": "timestamp(6)"}


def contract(**columns):
    """A contract of `name=(type, field)`."""
    types = {name: dtype for name, (dtype, _) in columns.items()}
    fields = {name: field for name, (_, field) in columns.items()}
    return type("Contract", (pa.DataFrameModel,), {"__annotations__": types, **fields})


def changes_table(columns=None, *, types=None, clean=lambda _rows: {}, key=("id",)):
    declared = columns or {"amount": (dt.int64, pa.Field(nullable=True))}
    return ChangesTable(
        name="silver/item_changes",
        description="x",
        contract=contract(id=(str, pa.Field()), **declared),
        source="items",
        key=key,
        types={"amount": "int64"} if types is None else types,
        clean=clean,
        defined_in="shop/item_changes.py",
    )


def judged(table, *rows, source=None):
    """id, status, rules and payload of each row, in the order of the rows."""
    columns = source or SOURCE
    bronze = bronze_table(table, ibis.schema(columns))
    full = [
        {**dict.fromkeys(bronze.columns), **row, "_row_number": n, "manifest_number": 1, "source_file": "f"}
        for n, row in enumerate(rows)
    ]

    data = arrow.Table.from_pylist(full, bronze.schema().to_pyarrow())
    with duckdb_session() as session:
        session.bind("bronze/items", data)
        found = session.fetch(change_rows(table, bronze)).to_pylist()
    return sorted(found, key=lambda row: row["source_row"])


def duckdb_session():

    return DuckDBEngine(memory_limit="500MB").session()


@pytest.mark.case("A27")
@pytest.mark.parametrize(
    ("text", "value", "is_bad"),
    [
        ("7", 7, False),
        (" 7 ", 7, False),
        ("-7", -7, False),
        ("+7", 7, False),
        ("", None, False),
        (None, None, False),
        ("   ", None, False),
        ("9223372036854775807", 2**63 - 1, False),
        ("9223372036854775808", None, True),
        ("abc", None, True),
        ("2.5", None, True),
        ("1e3", None, True),
        ("0x1F", None, True),
        ("1_000", None, True),
        ("٣", None, True),
        ("7\n", 7, False),
        ("7;8", None, True),
        ("NaN", None, True),
    ],
)
def test_text_that_is_no_integer_is_quarantined_with_its_text(text, value, is_bad):
    (row,) = judged(changes_table(), change("a", amount=text))
    assert (row["amount"], row["change_status"]) == (value, "quarantined" if is_bad else "valid")
    assert row["failed_rules"] == (["amount.is_int64"] if is_bad else [])
    assert (json.loads(row["payload"])["amount"] == text) if is_bad else row["payload"] is None


@pytest.mark.parametrize(
    ("dtype", "value", "is_bad"),
    [("float64", 2.5, True), ("float64", 2.0, False), ("float64", float("nan"), True), ("float64", 1e300, True),
     ("decimal(38, 2)", 2.5, True), ("decimal(38, 0)", 10**30, True), ("int32", 7, False)],
)  # fmt: skip
def test_a_number_is_no_integer_when_its_value_would_change(dtype, value, is_bad):

    given_value = Decimal(str(value)) if dtype.startswith("decimal") else value
    (row,) = judged(changes_table(), change("a", amount=given_value), source={"id": "string", "amount": dtype})
    assert row["change_status"] == ("quarantined" if is_bad else "valid")
    assert row["amount"] == (None if is_bad else int(value))


def test_a_converted_key_is_judged_after_its_conversion():
    table = changes_table(types={"amount": "int64", "id": "string"})
    assert judged(table, change("  ", amount="1"))[0]["failed_rules"] == ["id.not_null"]


def test_a_delete_is_judged_by_the_rules_of_its_key_alone():
    table = changes_table({"amount": (dt.int64, pa.Field(ge=0))})
    with_key, without_key = judged(table, change("a", op="delete"), change(None, op="delete"))
    assert (with_key["change_status"], with_key["change_type"]) == ("valid", "delete")
    assert (without_key["change_status"], without_key["failed_rules"]) == ("quarantined", ["id.not_null"])
    assert judged(table, change("a"))[0]["failed_rules"] == ["amount.not_null"]


def test_a_warning_is_named_and_does_not_quarantine():
    table = changes_table({"amount": (dt.int64, pa.Field(nullable=True, ge=0, metadata={"severity": "warn"}))})
    (row,) = judged(table, change("a", amount="-1"))
    assert (row["change_status"], row["failed_rules"]) == ("valid", ["amount.greater_than_or_equal_to"])
    assert row["payload"] is None


def test_a_contract_without_a_rule_accepts_everything():
    table = ChangesTable(
        name="silver/item_changes", description="x", contract=contract(id=(str, pa.Field(nullable=True))),
        source="items", key=("id",), clean=lambda _rows: {},
    )  # fmt: skip
    assert [(r["change_status"], r["failed_rules"]) for r in judged(table, change(None))] == [("valid", [])]


def test_the_payload_has_every_source_column_as_text():
    (row,) = judged(changes_table(), change("a\"'ß\n", amount="x", created_at=START))
    assert json.loads(row["payload"]) == {
        "id": "a\"'ß\n", "name": None, "amount": "x", "created_at": "2024-01-01 00:00:00"
    }  # fmt: skip


@settings(max_examples=20, deadline=None)
@pytest.mark.case("A30")
@given(
    rows=st.lists(
        st.builds(
            change,
            st.sampled_from(["a", "b", None]),
            at=st.integers(0, 3),
            op=st.sampled_from(["upsert", "delete"]),
            amount=st.one_of(st.none(), st.text(max_size=4, alphabet="019.- e\n\tx"), st.integers().map(str)),
        ),
        max_size=12,
    )
)
def test_every_row_is_there_once_valid_or_quarantined(rows):
    found = judged(CHANGES, *rows)
    assert [row["source_row"] for row in found] == list(range(len(rows)))
    for row in found:
        is_bad = any(rule.id in row["failed_rules"] for rule in all_rules(CHANGES) if rule.severity == "error")
        assert row["change_status"] == ("quarantined" if is_bad else "valid")
        assert (row["payload"] is not None) == is_bad


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (
            changes_table(clean=lambda rows: {"amount": rows.amuont}),
            ["'amuont'", "Found: id, name, amount", "'amount'?", "shop/item_"],
        ),
        (changes_table(types={"amuont": "int64"}), ["'amuont'", "Did you mean 'amount'?", "shop/item_changes.py"]),
        (
            changes_table({"nmae": (str, pa.Field(nullable=True))}, types={}),
            ["'nmae'", "neither in the source nor made by clean()", "Did you mean 'name'?"],
        ),
        (changes_table(types={}), ["'amount' is string", "int64", "types={'amount': 'int64'}", "shop/item_changes.py"]),
    ],
    ids=["clean", "types", "contract", "text for a number"],
)
def test_code_that_does_not_fit_the_source_names_file_column_and_mend(table, words):
    with pytest.raises(PipelineError) as error:
        change_rows(table, bronze_table(table, ibis.schema(SOURCE)))
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize("name", ["change_status", "Payload", "change_side", "changed_at", "manifest_number", "ID"])
def test_a_column_named_as_the_platforms_is_refused_when_it_is_declared(name: str):
    with pytest.raises(PipelineError, match=f"shop/item_changes.py: column '{name}' of Contract is taken"):
        changes_table({name: (str, pa.Field(nullable=True))}, types={})


def test_a_column_that_begins_with_an_underscore_is_refused():
    with pytest.raises(PipelineError, match="'_first' of Contract is taken"):
        changes_table({"first": (str, pa.Field(nullable=True, alias="_first"))}, types={})


def test_a_column_called_status_is_the_users_own():
    table = changes_table({"status": (str, pa.Field())}, types={})
    (row,) = judged(table, change("a", status="paid"), source={"id": "string", "status": "string"})
    assert (row["status"], row["change_status"]) == ("paid", "valid")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: changes_table(key=("idd",)), ["key 'idd'", "Did you mean 'id'?"]),
        (lambda: changes_table(types={"amount": "int65"}), ["'int65'", "no type"]),
        (
            lambda: changes_table({"amount": (dt.int64, pa.Field(nullable=True, unique=True))}).validate(),
            ["'amount.unique'", "Move the rule to the dimension or fact"],
        ),
    ],
    ids=["key", "type", "rule of the whole table"],
)
def test_a_declaration_that_cannot_work_is_refused(make, words):
    with pytest.raises((PipelineError, ContractError)) as error:
        make()
    assert all(word in str(error.value) for word in ["shop/item_changes.py", *words])


def test_origin_and_instant_come_from_bronze(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.land("2024-03-01", change("a", at=1, amount="1"))
    ledger.land("2024-03-02", change("b", at=2, amount="x"), change("c", at=3))
    ledger.run("silver/item_changes")
    origin = (
        "id, changed_at, load_day::VARCHAR, manifest_number, source_row, source_file LIKE 'items/%part-00000.parquet'"
    )
    assert ledger.rows("silver/item_changes", origin) == [
        ("a", START.replace(day=2), "2024-03-01", 1, 0, True),
        ("b", START.replace(day=3), "2024-03-02", 2, 0, True),
        ("c", START.replace(day=4), "2024-03-02", 2, 1, True),
    ]

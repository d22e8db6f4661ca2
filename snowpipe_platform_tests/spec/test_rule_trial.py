"""What a rule looks at is found by trying it; what is no expression over tables is refused by name."""

from decimal import Decimal

import ibis
import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pyarrow as arrow  # noqa: ICN001 - pa is pandera here
import pytest

from snowpipe_platform.errors import ContractError
from snowpipe_platform.spec.contract import compile_rules
from snowpipe_platform.spec.table import related
from snowpipe_platform_tests.ledger import CHANGES, DIM


def contract(check, **options):
    body = {"__annotations__": {"id": str, "amount": dt.int64}, "id": pa.Field(nullable=True)}
    body["amount"] = pa.Field(nullable=True)
    body["own"] = pa.dataframe_check(name="own", **options)(check)
    return type("Contract", (pa.DataFrameModel,), body)


def compiled(check, **options):
    (rule,) = compile_rules(contract(check, **options), where="silver/t (Contract)", table="silver/t")
    return rule


def refusal(check, **options) -> str:
    with pytest.raises(ContractError) as error:
        compiled(check, **options)
    return str(error.value)


def test_a_check_says_by_itself_which_tables_it_looks_at():
    def known(_cls, data):
        sums = data.table.group_by("id").aggregate(total=data.table.amount.sum())
        both = sums.inner_join(related(DIM), "id").filter(lambda rows: rows.total != rows.amount)
        return data.table.id.isin(related(CHANGES).id) & data.table.id.notin(both.id)

    rule = compiled(known, scope="table")
    assert [table.name for table in rule.related] == ["silver/dim_items", "silver/item_changes"]
    assert rule.related[0].schema == DIM.schema


def test_a_reference_knows_one_column_of_the_table_it_refers_to():
    class Contract(pa.DataFrameModel):
        boss: dt.int64 = pa.Field(nullable=True, metadata={"references": "silver/people.key"})

    (rule,) = compile_rules(Contract, where="t", table="silver/t")
    assert (rule.id, rule.description, rule.scope) == ("boss.references", "boss is in silver/people", "table")
    assert [(table.name, table.schema) for table in rule.related] == [("silver/people", ibis.schema({"key": "int64"}))]


def test_a_reference_to_its_own_table_looks_at_its_own_rows():
    class People(pa.DataFrameModel):
        key: dt.int64
        boss: dt.int64 = pa.Field(nullable=True, metadata={"references": "silver/people.key"})

    rule = next(r for r in compile_rules(People, where="t", table="silver/people") if r.kind == "references")
    assert rule.related == ()
    rows = ibis.memtable({"key": [1, 2, 3], "boss": [None, 1, 9]}, schema={"key": "int64", "boss": "int64"})
    assert ibis.duckdb.connect().to_pyarrow(rows.filter(rule.breaks(rows))).to_pylist() == [{"key": 3, "boss": 9}]


def test_a_rule_that_looks_at_another_table_looks_at_the_whole_table():
    def known(_cls, data):
        return data.table.id.isin(related(DIM).id)

    assert "'own' looks at other rows than its own. Declare it with scope='table'." in refusal(known)


def test_rows_that_are_in_no_table_cannot_be_looked_at():
    def known(_cls, data):
        return data.table.id.isin(ibis.memtable(arrow.table({"id": ["a"]})).id)

    assert "'own' looks at rows that are in no table. Use isin(), or related()" in refusal(known, scope="table")


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (lambda _cls, data: data.table.amuont > 1, "'amuont'. Did you mean 'amount'?"),
        (lambda _cls, data: data.table.id.isin(related(DIM).idd), "'idd'. Did you mean 'id'?"),
        (lambda _cls, data: data.table["amuont"] > 1, "Existing columns: 'id', 'amount'"),
    ],
    ids=["own column", "related column", "by name"],
)
def test_a_column_there_is_not_is_answered_with_the_nearest(check, words):
    message = refusal(check, scope="table")
    assert message.startswith("silver/t (Contract): check 'own' cannot be compiled: ")
    assert words in message


def test_a_decimal_that_would_be_cut_is_refused_with_how_to_write_it():
    message = refusal(lambda _cls, data: data.table.amount > Decimal("0.0005"))
    assert "'own' compares with 0.0005, which Ibis would cut to three digits." in message
    assert "ibis.literal(Decimal('0.0005'), 'decimal(38, 10)')" in message
    compiled(lambda _cls, data: data.table.amount > ibis.literal(Decimal("0.0005"), "decimal(18, 4)"))
    compiled(lambda _cls, data: data.table.amount.isin([Decimal("0.005"), Decimal("9.99")]))


@pytest.mark.parametrize("target", ["dim_items.id", "silver/dim_items", 5], ids=str)
def test_a_reference_names_table_and_column(target):
    body = {"__annotations__": {"v": str}, "v": pa.Field(nullable=True, metadata={"references": target})}
    with pytest.raises(ContractError) as error:
        compile_rules(type("Contract", (pa.DataFrameModel,), body), where="silver/t (Contract)")
    assert str(error.value) == (
        f"silver/t (Contract): column 'v': references is {target!r}. Write it as 'silver/dim_customers.customer_key'."
    )

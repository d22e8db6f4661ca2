"""The helper that tests a table: it passes what is right and says readably what is not."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import ibis
import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pytest

import snowpipe_platform.testing
from snowpipe_platform.errors import ConfigurationError, PipelineError
from snowpipe_platform.execution.execute import run_table
from snowpipe_platform.pipeline.gold import daily_sales
from snowpipe_platform.pipeline.silver import (
    customer_changes,
    dim_customers,
    fct_order_lines,
    fct_orders,
    order_changes,
)
from snowpipe_platform.spec.table import ChangesTable
from snowpipe_platform.testing import given
from snowpipe_platform_tests.ledger import CHANGES, COLUMNS, DIM, FCT, Ledger, change

ORDER = {"customer_id": "c", "status": "paid", "currency": "USD", "order_total": "12.50", "ordered_at": "2024-03-01"}


def refused(test) -> str:
    with pytest.raises(ConfigurationError) as caught:
        test()
    return str(caught.value)


def differs(test) -> str:
    with pytest.raises(AssertionError) as caught:
        test()
    return str(caught.value)


def test_what_is_public_is_named():
    assert snowpipe_platform.testing.__all__ == ["Given", "Made", "given"]


# --- tables of a lake


def test_a_fact_keeps_the_latest_change_of_each_key_and_no_deleted_one():
    changes = [
        ORDER | {"order_id": "a", "status": "placed"},
        ORDER | {"order_id": "a"},
        ORDER | {"order_id": "b"},
        {"order_id": "b", "change_type": "delete"},
    ]
    given("silver/order_changes", changes).when(fct_orders.TABLE).then(
        [{"order_id": "a", "status": "paid", "order_total": Decimal("12.5"), "sales_date": date(2024, 3, 1)}]
    )


def test_a_change_is_where_its_instant_is_whatever_its_place():
    changes = [
        {"id": "a", "name": "new", "changed_at": "2024-03-02 10:00"},
        {"id": "a", "name": "old", "changed_at": datetime(2024, 3, 1)},
    ]
    given(CHANGES, changes).when(FCT).then([{"name": "new"}])
    given(CHANGES, changes).when(DIM).then(
        [
            {"name": "old", "effective_at": "2024-03-01", "expires_at": "2024-03-02 10:00"},
            {"name": "new", "effective_at": "2024-03-02T12:00+02:00", "expires_at": None},
        ]
    )


def test_a_quarantined_change_is_read_by_nobody():
    changes = [{"id": "a", "name": "good"}, {"id": "a", "name": "bad", "change_status": "quarantined"}]
    given(CHANGES, changes).when(FCT).then([{"name": "good"}])


def test_several_inputs_are_joined_and_one_that_is_not_given_is_empty():
    made = (
        given("silver/fct_orders", [{"order_id": "a", "sales_date": "2024-03-01", "ordered_at": "2024-03-01 10:00"}])
        .given("silver/fct_order_lines", [{"order_id": "a", "quantity": 2, "line_amount": 25}])
        .when(daily_sales.TABLE)
    )
    made.then([{"sales_date": "2024-03-01", "category": "Unknown", "region": "Unknown", "gross_amount": "25.00"}])


def test_structs_are_written_as_dicts():
    changes = [{"customer_id": "c", "customer_key": 1, "address_standardized": {"state": "TX"}}]
    address = {"street": None, "city": None, "state": "TX", "zip_code": None, "country": None}
    made = given("silver/customer_changes", changes).when(dim_customers.TABLE)
    made.then([{"customer_id": "c", "address_standardized": address}])
    message = refused(lambda: made.then([{"address_standardized": {"stat": "TX"}}]))
    assert "row 0, address_standardized: no field 'stat'. Did you mean 'state'?" in message


def test_rules_of_a_table_are_tested_by_the_rows_that_break_them():
    made = given(CHANGES, [{"id": "a"}]).when(replace(FCT, build=lambda i: i[CHANGES.name].union(i[CHANGES.name])))
    made.then_breaks("id.unique", [{"id": "a"}, {"id": "a"}]).then_breaks("id.not_null", [])
    assert "broke" not in differs(lambda: made.then_breaks("id.unique", []))


def test_a_rule_that_refers_to_another_table_sees_the_rows_it_was_given():
    orders = [
        ORDER | {"order_id": "known", "customer_key": 1},
        ORDER | {"order_id": "unknown", "customer_key": 2},
        ORDER | {"order_id": "nobody's"},
    ]
    rule, made = "customer_key.references", given("silver/order_changes", orders)
    made.given("silver/dim_customers", [{"customer_key": 1}]).when(fct_orders.TABLE).then_breaks(
        rule, [{"order_id": "unknown"}]
    )
    made.when(fct_orders.TABLE).then_breaks(rule, [{"order_id": "known"}, {"order_id": "unknown"}])
    message = refused(lambda: made.given("silver/dim_customers", [{"customer_kee": 1}]).when(fct_orders.TABLE))
    assert message == "silver/dim_customers: no column 'customer_kee'. Did you mean 'customer_key'?"


def test_a_rule_with_a_total_of_another_table_sees_the_rows_it_was_given():
    lines = [
        {"order_id": "whole", "line_number": 1, "quantity": 1, "line_amount": "1.10"},
        {"order_id": "whole", "line_number": 2, "quantity": 1, "line_amount": "2.20"},
        {"order_id": "short", "line_number": 1, "quantity": 1, "line_amount": "2.20"},
    ]
    orders = [{"order_id": "whole", "order_total": "3.30"}, {"order_id": "short", "order_total": "5.00"}]
    made = given("silver/order_line_changes", lines).given("silver/fct_orders", orders).when(fct_order_lines.TABLE)
    made.then_breaks("lines_add_up_to_the_order_total", [{"order_id": "short", "line_number": 1}])
    made.then_breaks("order_id.references", [])


def test_a_rule_may_look_at_the_tables_own_inputs():
    placed = {"order_id": "a", "sales_date": "2024-03-01", "ordered_at": "2024-03-01 10:00"}
    line = {"order_id": "a", "quantity": 2, "line_amount": 25}
    made = given("silver/fct_orders", [placed]).given("silver/fct_order_lines", [line])
    losing = replace(daily_sales.TABLE, build=lambda inputs: _half(daily_sales.build(inputs)))
    made.when(daily_sales.TABLE).then_breaks("days_add_up_to_their_lines", [])
    made.when(losing).then_breaks("days_add_up_to_their_lines", [{"sales_date": "2024-03-01", "gross_amount": "12.50"}])


def _half(sales):
    return sales.mutate(gross_amount=(sales.gross_amount / 2).cast("decimal(18, 2)"))


# --- changes tables


def test_source_rows_become_changes_at_their_watermark():
    source = [
        ORDER | {"order_id": "a", "status": " PAID ", "updated_at": "2024-03-02 08:00"},
        {"order_id": "a", "_operation": "delete", "updated_at": datetime(2024, 3, 3, 1, tzinfo=UTC)},
    ]
    given("bronze/orders", source).when(order_changes.TABLE).then(
        [
            {"order_id": "a", "status": "paid", "changed_at": "2024-03-02 08:00", "load_day": "2024-03-02"},
            {"order_id": "a", "status": None, "changed_at": "2024-03-03 01:00", "load_day": "2024-03-03"},
        ]
    )


def test_a_row_that_breaks_a_rule_is_quarantined_with_the_rules_it_breaks():
    source = [
        {"id": "a", "name": "n", "amount": "7", "created_at": None},
        {"id": "b", "amount": "n/a"},
        {"amount": "-1"},
    ]
    made = given("bronze/items", source).when(CHANGES)
    made.then([{"id": "a", "amount": 7}])
    made.then_quarantined(
        [
            {"id": "b", "failed_rules": ["amount.is_int64"]},
            {"id": None, "failed_rules": ["id.not_null", "amount.greater_than_or_equal_to"]},
        ]
    )
    made.then_breaks("amount.is_int64", [{"id": "b"}])


def test_a_warning_is_on_the_accepted_row():
    source = dict.fromkeys(("first_name", "last_name", "phone", "zip_code", "address", "city", "state"))
    source |= {"customer_id": "c", "email": "no address", "created_at": "2024-03-01"}
    made = given("bronze/customers", [source]).when(customer_changes.TABLE)
    made.then_quarantined([]).then_breaks("email_is_an_address", [{"email": "no address"}])


def test_a_source_without_rows_brings_none():
    given("bronze/orders", []).when(order_changes.TABLE).then([]).then_quarantined([])


@pytest.mark.parametrize(
    ("clean", "text"),
    [
        (lambda _rows: {}, "2024-03-01"),
        (lambda rows: {"at": rows["at"].truncate("D")}, "2024-03-01 10:00"),
        (lambda rows: {"at": rows["at"].replace("Z", "").try_cast("timestamp(6)")}, "2024-03-01T00:00:00Z"),
    ],
    ids=["taken", "taken and used", "made of the text"],
)
def test_text_is_an_instant_where_the_contract_takes_it_so(clean, text):
    contract = type("Contract", (pa.DataFrameModel,), {"__annotations__": {"at": dt.Timestamp(scale=6)}})
    table = ChangesTable(
        name="silver/x_changes", description="x", contract=contract, source="x", key=("at",), clean=clean
    )
    given("bronze/x", [{"at": text}]).when(table).then([{"at": "2024-03-01"}])


def test_code_that_does_not_fit_is_told_as_in_a_run():
    broken = replace(CHANGES, clean=lambda rows: {"name": rows.nmae})
    with pytest.raises(PipelineError, match="there is no column 'nmae'"):
        given("bronze/items", [{"id": "a", "amount": "1", "name": "n"}]).when(broken)


def test_a_mistake_is_told_of_the_table_not_of_the_text():
    """`at` could be text or an instant; neither is what is wrong."""
    types = {"at": dt.Timestamp(scale=6), "n": dt.int64}
    contract = type("Contract", (pa.DataFrameModel,), {"__annotations__": types})
    table = ChangesTable(
        name="silver/x_changes", description="x", contract=contract, source="x", key=("at",),
        clean=lambda rows: {"n": rows["at"].cast("string")},
    )  # fmt: skip
    with pytest.raises(PipelineError, match="'n' is string, wanted is int64"):
        given("bronze/x", [{"at": "2024-03-01"}]).when(table)


def test_rows_of_one_input_may_be_given_in_parts():
    given(CHANGES, [{"id": "a"}]).given(CHANGES, [{"id": "b"}]).when(FCT).then([{"id": "a"}, {"id": "b"}])


# --- what does not hold


def test_a_difference_shows_the_rows_of_each_side_on_the_columns_that_were_named():
    rows = [{"id": "a", "amount": 1}, {"id": "b", "amount": None}, {"id": "c", "amount": 3}]
    made = given(CHANGES, rows).when(FCT)
    expected = [{"id": "a", "amount": 1}, {"id": "b", "amount": 22}, {"id": "dd", "amount": 3}]
    assert differs(lambda: made.then(expected)) == (
        "silver/fct_items made other rows than expected\n"
        "               id  amount\n"
        "expected only  b   22\n"
        "expected only  dd  3\n"
        "found only     b   NULL\n"
        "found only     c   3\n"
        "1 row as expected"
    )


def test_a_row_counts_as_often_as_it_is_there():
    made = given(CHANGES, [{"id": "a"}]).when(FCT)
    assert "expected only  a" in differs(lambda: made.then([{"id": "a"}, {"id": "a"}]))


def test_the_order_of_rows_is_no_difference():
    given(CHANGES, [{"id": "a"}, {"id": "b"}]).when(FCT).then([{"id": "b"}, {"id": "a"}])


def test_no_rows_at_all_shows_all_columns_of_those_there_are():
    made = given(CHANGES, [{"id": "a"}]).when(FCT)
    assert "            id  name  amount\nfound only  a   NULL  NULL" in differs(lambda: made.then([]))


def test_a_difference_says_what_is_in_quarantine():
    made = given("bronze/items", [{"id": None, "amount": "x", "name": "", "created_at": None}]).when(CHANGES)
    assert differs(lambda: made.then([{"id": "a"}])).endswith(
        "0 rows as expected\nin quarantine: 1, by amount.is_int64, id.not_null"
    )


@pytest.mark.parametrize(
    ("test", "message"),
    [
        pytest.param(
            lambda: given("silver/order_change", []).when(fct_orders.TABLE),
            "silver/fct_orders does not read 'silver/order_change'. Did you mean 'silver/order_changes'?",
            id="input",
        ),
        pytest.param(
            lambda: given("silver/order_changes", [{"order_idd": "a"}]).when(fct_orders.TABLE),
            "silver/order_changes: no column 'order_idd'. Did you mean 'order_id'?",
            id="column",
        ),
        pytest.param(
            lambda: given("silver/order_changes", [{}, {"order_total": "1.555"}]).when(fct_orders.TABLE),
            "silver/order_changes: row 1, order_total: '1.555' is no decimal(18, 2).",
            id="digits",
        ),
        pytest.param(
            lambda: given("silver/order_changes", [{"ordered_at": "yesterday"}]).when(fct_orders.TABLE),
            "silver/order_changes: row 0, ordered_at: 'yesterday' is no timestamp(6).",
            id="instant",
        ),
        pytest.param(
            lambda: given("silver/order_changes", [{"load_day": datetime(2024, 3, 1, 10)}]).when(fct_orders.TABLE),
            "silver/order_changes: row 0, load_day: datetime.datetime(2024, 3, 1, 10, 0) is no date.",
            id="instant for a date",
        ),
        pytest.param(
            lambda: given("silver/order_changes", [{"order_id": 1}]).when(fct_orders.TABLE),
            "silver/order_changes: row 0, order_id: 1 is no string.",
            id="number for text",
        ),
        pytest.param(
            lambda: given("bronze/orders", [{"_operaton": "delete"}]).when(order_changes.TABLE),
            "bronze/orders: no column '_operaton'. Did you mean '_operation'?",
            id="platform column",
        ),
        pytest.param(
            lambda: given("bronze/orders", [{"note": 1}, {"note": "x"}]).when(order_changes.TABLE),
            "bronze/orders: note: the rows have values of several types. Give it one.",
            id="types",
        ),
        pytest.param(
            lambda: given(CHANGES.name, []).when(FCT),
            "silver/fct_items is in no pipeline package to find 'silver/item_changes' in. "
            "Give the table itself: given(TABLE, rows).",
            id="no package",
        ),
        pytest.param(
            lambda: given(CHANGES, []).when(FCT).then([{"nmae": "x"}]),
            "expected of silver/fct_items: no column 'nmae'. Did you mean 'name'?",
            id="expected column",
        ),
        pytest.param(
            lambda: given(CHANGES, []).when(FCT).then([{"id": "a"}, {"id": "b", "name": "n"}]),
            "expected of silver/fct_items: rows 0 and 1 name other columns (name). Name the same in each.",
            id="expected columns differ",
        ),
        pytest.param(
            lambda: given(CHANGES, {"id": "a"}),
            "silver/item_changes: rows are a list of dicts, one for each row: [{'order_id': 'a'}, ...].",
            id="one row for rows",
        ),
        pytest.param(
            lambda: given(CHANGES, ["a"]),
            "silver/item_changes: rows are a list of dicts, one for each row: [{'order_id': 'a'}, ...].",
            id="rows of no columns",
        ),
        pytest.param(
            lambda: given(CHANGES, []).when("silver/fct_items"),
            "when() takes the table itself, not 'silver/fct_items': from my_shop.silver.fct_items import TABLE",
            id="a name for a table",
        ),
        pytest.param(
            lambda: given(CHANGES, []).when(FCT).then({"id": "a"}),
            "expected of silver/fct_items: rows are a list of dicts, one for each row: [{'order_id': 'a'}, ...].",
            id="one row for expected rows",
        ),
        pytest.param(
            lambda: given(CHANGES, [{"id": "a"}]).when(FCT).then([{}]),
            "expected of silver/fct_items: row 0 names no column, so nothing would be compared. Name one in each row.",
            id="an expected row without columns",
        ),
        pytest.param(
            lambda: given(CHANGES, []).when(FCT).then_quarantined([]),
            "silver/fct_items has no quarantine, as a changes table has. Use then_breaks(rule, rows).",
            id="quarantine",
        ),
        pytest.param(
            lambda: given(CHANGES, []).when(FCT).then_breaks("id.uniqe", []),
            "silver/fct_items has no rule 'id.uniqe'. Did you mean 'id.unique'?",
            id="rule",
        ),
    ],
)
def test_rows_that_do_not_fit_are_answered_with_the_nearest(test, message):
    assert refused(test) == message


def test_a_value_is_compared_in_the_type_of_its_column():
    made = given(CHANGES, [{"id": "a", "amount": 1}]).when(FCT)
    assert "row 0, amount: '1' is no int64." in refused(lambda: made.then([{"amount": "1"}]))
    assert made.rows == [{"id": "a", "name": None, "amount": 1}]


def test_no_file_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given(CHANGES, [{"id": "a"}]).when(FCT).then([{"id": "a"}])
    assert list(tmp_path.iterdir()) == []


def test_the_rows_it_makes_are_those_of_the_platforms_own_types():
    made = given(CHANGES, [{"id": "a"}]).when(FCT)
    assert set(made.rows[0]) == set(ibis.schema(FCT.schema))


def test_the_rows_are_those_that_a_run_writes(tmp_path):
    """Both ways start from the same source rows: one through bronze and a lake on disk, one in memory."""
    ledger = Ledger(tmp_path)
    source = [
        *(change("a", at=1, name="one", amount="1"), change("a", at=3, name="three"), change("a", at=2, name="two")),
        *(change("b", at=1, amount="x"), change("c", at=1, name="gone"), change("c", at=2, op="delete"), change(None)),
    ]
    ledger.land("2024-03-01", *source)
    for table in (CHANGES, DIM, FCT):
        run_table(replace(ledger.request(table.name), override="test"), ledger.ground)
    changes = given("bronze/items", [dict.fromkeys(COLUMNS) | row for row in source]).when(CHANGES)

    assert in_order(changes.rows, ["id", "name", "amount", "changed_at", "change_type"]) == ledger.rows(
        CHANGES.name, "id, name, amount, changed_at, change_type", "change_status = 'valid'"
    )
    assert in_order(changes.quarantined, ["id", "failed_rules", "payload"]) == ledger.rows(
        CHANGES.name, "id, failed_rules, payload", "change_status = 'quarantined'"
    )
    for table in (DIM, FCT):
        made = given(CHANGES, changes.rows).when(table)
        assert in_order(made.rows, list(table.schema)) == ledger.rows(table.name, ", ".join(table.schema))


def in_order(rows, columns: list[str]) -> list[tuple]:
    """As the ledger has them: sorted, nulls last."""
    values = [tuple(row[name] for name in columns) for row in rows]
    return sorted(values, key=lambda row: [(value is None, str(value)) for value in row])

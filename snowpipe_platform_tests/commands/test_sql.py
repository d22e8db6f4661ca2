"""`snowpipe sql`: every table by its name, read-only."""

import json

import pytest

from snowpipe_platform.commands.sql import form_of
from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform_tests import tiny
from snowpipe_platform_tests.tiny import TinyShop


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    with pytest.MonkeyPatch.context() as environment:
        yield fill(TinyShop(tmp_path_factory.mktemp("filled"), environment))


def fill(shop):
    shop.orders(
        ("o1", "1.00", "2024-03-01 10:00"), ("o2", "two", "2024-03-01 10:00"), ("o3", "3.00", "2024-03-01 10:00")
    )
    shop.end_day("2024-03-01")
    shop.type("run")
    return shop


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("select total from gold.daily_totals", [{"total": "4.00"}]),
        ("select count(*) n from bronze.orders", [{"n": 3}]),
        ("select count(*) n from silver.order_changes", [{"n": 2}]),
        ("select order_id from silver.order_changes_quarantine", [{"order_id": "o2"}]),
        ("from fct_orders select order_id order by 1", [{"order_id": "o1"}, {"order_id": "o3"}]),
        ("with fct_orders as (select 7 x) select x from fct_orders", [{"x": 7}]),
        ("select o.amount from silver.fct_orders o join GOLD.Daily_Totals t using (ordered_on) limit 0", []),
        ("select 'nan'::double x, date '2024-03-01' d, null n", [{"x": "nan", "d": "2024-03-01", "n": None}]),
        ("describe silver.fct_orders", 3),
    ],
)  # fmt: skip
def test_a_statement_reads_tables_by_their_names(filled, statement, expected):
    rows = filled.rows(statement)
    assert (len(rows) if isinstance(expected, int) else rows) == expected


def test_held_and_uncommitted_rows_are_not_seen(shop):
    filled = fill(shop)
    filled.orders(("o4", "four", "2024-03-02 10:00"))
    filled.end_day("2024-03-02")
    filled.type("run")
    folder = next((filled.home / "bronze" / "orders").glob("year=*/month=*/day=*"))
    (folder / "extraction=killed").mkdir()
    (folder / "extraction=killed" / "part-00000.parquet").write_bytes(b"half a file")
    assert filled.rows("select count(*) n from bronze.orders") == [{"n": 4}]
    assert filled.rows("select count(*) n from silver.order_changes_quarantine") == [{"n": 1}]


def test_a_column_that_only_held_rows_have_is_null(shop):
    filled = fill(shop)
    wider = tiny.FCT_ORDERS.replace("ordered_on: dt.date", "ordered_on: dt.date\n    is_large: bool")
    wider = wider.replace("changed_at.date()", "changed_at.date(), is_large=rows.amount > 2")
    filled.mend(silver__fct_orders=wider.replace("lt=1000", "lt=2"))
    assert filled.outcomes("fct_orders", "--rebuild")["silver/fct_orders"]["status"] == "held"
    assert filled.rows("select order_id, is_large from silver.fct_orders order by 1") == [
        {"order_id": "o1", "is_large": None},
        {"order_id": "o3", "is_large": None},
    ]


def test_a_column_that_no_quarantined_row_has_is_null(shop):
    filled = fill(shop)
    wider = tiny.ORDER_CHANGES.replace("    note:", "    text: str = pa.Field(nullable=True)\n    note:")
    filled.mend(silver__order_changes=wider.replace("lambda rows: {}", 'lambda rows: {"text": rows.note}'))
    filled.orders(("o4", "4.00", "2024-03-02 10:00"))
    filled.end_day("2024-03-02")
    filled.type("run")
    assert filled.rows("select order_id, text from order_changes_quarantine") == [{"order_id": "o2", "text": None}]
    assert filled.rows("select text from order_changes where order_id = 'o4'") == [{"text": "so"}]


def test_files_that_are_gone_are_told_in_a_line(shop):
    filled = fill(shop)
    for path in (filled.home / "lake").rglob("*.parquet"):
        path.unlink()
    answer = filled.type("sql", "from silver.fct_orders")
    assert answer.exit_code == 2
    assert answer.stderr.startswith("error: silver/fct_orders cannot be read: IO Error: No files found")
    assert answer.stderr.count("\n") == 2


def test_a_table_without_a_commit_is_empty_with_its_columns(shop):
    shop.end_day("2024-03-01")
    told = shop.json("sql", "select * from silver.fct_orders")
    assert told == {"columns": ["order_id", "amount", "ordered_on"], "rows": [], "more": False}


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("select * from silver.fct_order", "there is no table silver.fct_order. Did you mean 'silver.fct_orders'?"),
        ("select * from daily_total", "there is no table daily_total. Did you mean 'gold.daily_totals'?"),
        ("drop table silver.fct_orders", "snowpipe sql reads only: give one SELECT. Found: DROP."),
        ("copy (select 1) to 'x.csv'", "snowpipe sql reads only: give one SELECT. Found: COPY."),
        ("select 1; select 2", "snowpipe sql reads only: give one SELECT. Found: SELECT, SELECT."),
        ("selec 1", 'Parser Error: syntax error at or near "selec"'),
        ("select nothing from silver.fct_orders", 'Binder Error: Referenced column "nothing" not found'),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_line(filled, statement, message):
    answer = filled.type("sql", statement)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert answer.stderr.startswith(f"error: {message}")
    assert answer.stderr.count("\n") == 2


def test_the_rows_shown_are_limited_and_say_so(filled):
    answer = filled.type("sql", "from range(5000)")
    assert len(answer.stdout.splitlines()) == 1 + 1000 + 1
    assert answer.stdout.splitlines()[-1].strip() == "the first 1,000 rows; --limit for more, --csv for all"
    assert len(filled.rows("from range(5000)")) == 5000
    assert len(filled.json("sql", "from range(5000)", "--limit", "3")["rows"]) == 3


def test_csv_is_for_other_programs(filled):
    answer = filled.type(
        "sql", "select order_id, amount, null n, ['a', 'b'] l from silver.fct_orders order by 1", "--csv"
    )
    assert answer.stdout == 'order_id,amount,n,l\no1,1.00,,"[""a"", ""b""]"\no3,3.00,,"[""a"", ""b""]"\n'


def test_columns_that_do_not_fit_are_named(filled):
    lines = filled.type("sql", "select * from silver.order_changes").stdout.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert "manifest_number" in lines[-1] + lines[-2]


def test_a_column_that_is_twice_in_the_result_has_no_place_in_json(filled):
    statement = "select order_id a, amount a from silver.fct_orders"
    answer = filled.type("sql", statement, "--json")
    told = json.loads(answer.stdout)
    assert (answer.exit_code, told["message"]) == (2, "column a is twice in the result; give each its own alias")
    assert filled.type("sql", statement, "--csv").stdout.splitlines()[0] == "a,a"


def test_two_forms_at_once_are_refused():
    with pytest.raises(ConfigurationError, match="--json and --csv are two forms of one result"):
        form_of(as_json=True, as_csv=True)
    assert form_of(as_json=False, as_csv=True) == "csv"

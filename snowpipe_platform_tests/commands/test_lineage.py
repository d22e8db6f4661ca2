"""`snowpipe lineage`: where a column comes from, and goes."""

import pytest

from snowpipe_platform_tests.tiny import FCT_ORDERS, TinyShop

UNTRACED = FCT_ORDERS.replace("amount: dt.Decimal", "extra: str\n    amount: dt.Decimal")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """One landed day."""
    with pytest.MonkeyPatch.context() as environment:
        made = TinyShop(tmp_path_factory.mktemp("lineage"), environment)
        made.one_day()
        made.type("run", "bronze/orders")
        yield made


def lines(shop, *words):
    answer = shop.type("lineage", *words)
    assert answer.exit_code == 0, answer.stderr
    return answer.stdout.splitlines()


def test_a_column_comes_from_the_querys_column_and_goes_nowhere_from_gold(shop):
    assert lines(shop, "gold/daily_totals.total") == [
        "comes from          table",
        "total               gold/daily_totals",
        "└─ amount           silver/fct_orders",
        "   └─ amount        silver/order_changes",
        "      └─ amount     bronze/orders",
        "         └─ amount  query orders",
        "",
        "which rows there are follows from",
        "silver/fct_orders  ordered_on",
        "",
        "goes into  table",
        "total      gold/daily_totals",
        "└─ nothing",
    ]


def test_down_are_the_columns_made_of_it_and_the_tables_whose_rows_it_decides(shop):
    assert lines(shop, "order_changes.changed_at", "--down") == [
        "goes into         table",
        "changed_at        silver/order_changes",
        "├─ ordered_on     silver/fct_orders",
        "│  ├─ ordered_on  gold/daily_totals",
        "│  └─ (its rows)  gold/daily_totals",
        "└─ (its rows)     silver/fct_orders",
        "   └─ (its rows)  gold/daily_totals",
    ]


def test_a_watermark_goes_into_the_instant_of_its_changes_and_further(shop):
    down = [line.split() for line in lines(shop, "bronze/orders.updated_at", "--down")]
    assert [line[-2:] for line in down[1:6]] == [
        ["updated_at", "bronze/orders"],
        ["_instant", "bronze/orders"],
        ["changed_at", "silver/order_changes"],
        ["ordered_on", "silver/fct_orders"],
        ["ordered_on", "gold/daily_totals"],
    ]
    up = [line.split() for line in lines(shop, "order_changes.changed_at", "--up")]
    assert [line[-2:] for line in up[1:5]] == [
        ["changed_at", "silver/order_changes"],
        ["_instant", "bronze/orders"],
        ["updated_at", "bronze/orders"],
        ["query", "orders"],
    ]


def test_what_is_asked_of_a_query_is_asked_of_what_it_lands(shop):
    answer = shop.type("lineage", "query orders.updated_at")
    assert answer.exit_code == 2
    assert "a query is no table. Its columns are those it lands: snowpipe lineage bronze/orders.updated_at" in " ".join(
        answer.stderr.split()
    )
    assert "Did you mean 'orders'?" in shop.type("lineage", "query ordrs").stderr


def test_a_column_the_platform_sets_comes_from_no_column(shop):
    assert lines(shop, "bronze/orders.load_day", "--up")[2] == "└─ no column: it is set, or counts rows"


def test_a_table_alone_has_the_tables_around_it(shop):
    assert lines(shop, "fct_orders") == [
        "reads                    kind",
        "silver/fct_orders        aggregate",
        "└─ silver/order_changes  changes",
        "   └─ bronze/orders      landed rows",
        "      └─ query orders    tiny",
        "",
        "is read by            kind",
        "silver/fct_orders     aggregate",
        "└─ gold/daily_totals  aggregate",
        "",
        "next: snowpipe lineage silver/fct_orders.order_id",
    ]


def test_a_program_reads_the_same(shop):
    told = shop.json("lineage", "fct_orders.amount")
    assert (told["table"], told["column"], told["notes"]) == ("silver/fct_orders", "amount", [])
    assert told["up"] == {
        "table": "silver/fct_orders",
        "column": "amount",
        "kind": "value",
        "repeated": False,
        "up": [
            {
                "table": "silver/order_changes",
                "column": "amount",
                "kind": "value",
                "repeated": False,
                "up": [
                    {
                        "table": "bronze/orders",
                        "column": "amount",
                        "kind": "value",
                        "repeated": False,
                        "up": [
                            {
                                "table": "query orders",
                                "column": "amount",
                                "kind": "value",
                                "repeated": False,
                                "up": [],
                            }
                        ],
                    }
                ],
            }
        ],
    }
    assert [(one["table"], one["column"]) for one in told["down"]["down"]] == [("gold/daily_totals", "total")]
    assert {"table": "silver/order_changes", "column": "change_status"} in told["rows_decided_by"]
    assert shop.json("lineage", "fct_orders.amount", "--up")["down"] is None


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("fct_orders.amonut", "silver/fct_orders has no column 'amonut'. Did you mean 'amount'?"),
        ("bronze/orders.amonut", "bronze/orders has no column 'amonut'. Did you mean 'amount'?"),
        ("fct_orders.amount.cents", "silver/fct_orders.amount has no field 'cents'. Known: none."),
        ("silver/fct_oders.amount", "there is no table 'silver/fct_oders'. Did you mean 'silver/fct_orders'?"),
        ("fct_oders", "there is no table 'fct_oders'. Did you mean 'silver/fct_orders'?"),
    ],
)
def test_what_there_is_not_is_answered_with_the_nearest(shop, target, message):
    answer = shop.type("lineage", target)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert message in answer.stderr


def test_without_an_extraction_it_says_what_is_missing_and_shows_the_rest(shop):
    told = lines(shop, "customer_list.name", "--up")
    assert told[:3] == [
        "comes from  table",
        "name        silver/customer_list",
        "└─ name     silver/customer_changes",
    ]
    assert "bronze/customers has no extraction yet" in " ".join(told)
    answer = shop.type("lineage", "bronze/customers.name")
    assert (answer.exit_code, "bronze/customers has no extraction yet" in answer.stderr) == (1, True)


def test_a_table_whose_code_does_not_fit_is_named_and_stops_nothing_else(tmp_path, monkeypatch):
    shop = TinyShop(tmp_path, monkeypatch, silver__fct_orders=UNTRACED)
    told = shop.json("lineage", "order_changes.amount", "--down")
    assert any("build() makes no column 'extra'" in note for note in told["notes"])


def test_looking_writes_nothing(tmp_path, monkeypatch):
    shop = TinyShop(tmp_path, monkeypatch)
    assert shop.type("lineage", "gold/daily_totals.total").exit_code == 0
    assert not shop.home.exists()


def test_help_has_an_example(shop):
    answer = shop.type("lineage", "--help")
    assert (answer.exit_code, "snowpipe lineage gold/daily_sales.net_amount" in answer.stdout) == (0, True)

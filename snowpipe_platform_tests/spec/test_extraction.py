"""The declared queries: defaults, durations, the rules between keys."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from pydantic import ValidationError

from snowpipe_platform.spec.extraction import QueriesFile, Query, QueryRule, repeated_queries

CUSTOMERS = {
    "name": "customers",
    "sql": "SELECT * FROM customers WHERE updated_at > ?",
    "watermark_column": "updated_at",
}


def test_a_query_needs_only_a_name_its_sql_and_a_watermark():
    assert Query(**CUSTOMERS).model_dump() == {
        "batch_size": 10_000,
        "max_batches": 100,
        "max_retries": 3,
        "output_format": "parquet",
        "name": "customers",
        "sql": "SELECT * FROM customers WHERE updated_at > ?",
        "watermark_column": "updated_at",
        "entity": "customers",
        "partition_by": "date",
        "primary_key": (),
        "mode": "incremental",
        "lookback": timedelta(0),
        "safety_lag": timedelta(0),
        "initial_value": None,
        "due": None,
        "compare_keys": None,
        "max_deleted_share": 0.1,
        "soft_delete_column": None,
        "on_null_watermark": "exclude",
        "on_schema_change": "evolve",
        "rules": (),
        "time_zones": {},
        "description": "",
        "owners": (),
    }


def test_a_table_with_a_key_and_no_watermark_is_read_in_full():
    query = Query(name="regions", sql="SELECT * FROM regions", primary_key="region_id")
    assert (query.mode, query.primary_key) == ("full", ("region_id",))


def test_a_query_takes_what_it_does_not_set_from_the_file():
    orders = {"name": "orders", "sql": "SELECT * FROM orders", "primary_key": ["id"]}
    queries = QueriesFile(
        batch_size=500,
        max_retries=0,
        output_format="json",
        queries=[CUSTOMERS, orders | {"batch_size": 7, "max_batches": None, "output_format": "parquet"}],
    ).queries
    resolved = [(each.batch_size, each.max_batches, each.max_retries, each.output_format) for each in queries]
    assert resolved == [(500, 100, 0, "json"), (7, None, 0, "parquet")]


def test_a_file_read_back_from_its_own_json_is_equal():
    declared = CUSTOMERS | {"lookback": "2h", "rules": [{"name": "known", "expression": "id IS NOT NULL"}]}
    queries = QueriesFile(batch_size=5, queries=[declared])
    assert QueriesFile.model_validate_json(queries.model_dump_json()) == queries


def test_a_query_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Query(**CUSTOMERS).name = "orders"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("15m", timedelta(minutes=15), id="text"),
        pytest.param(timedelta(1), timedelta(1), id="duration"),
        pytest.param(1000, Decimal(1000), id="whole number"),
        pytest.param(0.1, Decimal("0.1"), id="float, as written"),
        pytest.param(Decimal("0.10"), Decimal("0.10"), id="decimal"),
    ],
)
def test_a_lookback_is_a_duration_or_an_exact_number(value, expected):
    lookback = Query(**CUSTOMERS, lookback=value).lookback
    assert (lookback, type(lookback)) == (expected, type(expected))


@pytest.mark.parametrize("value", [-1, True, float("nan"), Decimal("NaN"), "soon", None, timedelta(-1), [1]])
def test_any_other_lookback_is_refused(value):
    with pytest.raises(ValidationError, match="must be a duration"):
        Query(**CUSTOMERS, lookback=value)


def test_a_safety_lag_is_never_a_bare_number():
    with pytest.raises(ValidationError, match="must be a duration"):
        Query(**CUSTOMERS, safety_lag=30)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("2024-01-01T00:00:00.123456789Z", "2024-01-01T00:00:00.123456789Z", id="text stays as written"),
        pytest.param(10**30, 10**30, id="beyond int64"),
        pytest.param(0.1, Decimal("0.1"), id="float"),
        pytest.param(date(2024, 1, 1), date(2024, 1, 1), id="date"),
        pytest.param(datetime(2024, 1, 1), datetime(2024, 1, 1), id="naive instant"),
        pytest.param(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1), id="UTC instant"),
        pytest.param(
            datetime(2024, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))),
            datetime(2023, 12, 31, 23),
            id="instant in another zone",
        ),
    ],
)
def test_an_initial_value_keeps_its_kind_and_instants_become_utc(value, expected):
    initial_value = Query(**CUSTOMERS, initial_value=value).initial_value
    assert (initial_value, type(initial_value)) == (expected, type(expected))


@pytest.mark.parametrize("value", [True, float("inf"), ["2024-01-01"]])
def test_any_other_initial_value_is_refused(value):
    with pytest.raises(ValidationError, match="must be a number, a date, an instant or text"):
        Query(**CUSTOMERS, initial_value=value)


LAID_OUT = "SELECT * -- all\n  FROM customers\n  WHERE updated_at > ?;"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"sql": LAID_OUT}, id="layout of the SQL"),
        pytest.param({"mode": "incremental"}, id="a default written out"),
        pytest.param(
            {"name": "clients", "batch_size": 5, "lookback": "2h", "owners": "me"}, id="keys that pick no rows"
        ),
    ],
)
def test_the_fingerprint_stays_while_the_same_rows_come(changes):
    assert Query(**CUSTOMERS | changes).fingerprint() == Query(**CUSTOMERS).fingerprint()


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"sql": "SELECT id, updated_at FROM customers WHERE updated_at > ?"}, id="sql"),
        pytest.param({"watermark_column": "created_at"}, id="watermark"),
        pytest.param({"primary_key": "id"}, id="key"),
        pytest.param({"sql": "SELECT * FROM customers", "mode": "full", "primary_key": "id"}, id="mode"),
    ],
)
def test_the_fingerprint_changes_with_what_decides_the_rows(changes):
    assert Query(**CUSTOMERS | changes).fingerprint() != Query(**CUSTOMERS).fingerprint()


def test_the_fingerprint_is_the_same_in_every_process():
    assert Query(**CUSTOMERS).fingerprint() == "572504e027e766cd11cda9cd033504fee75e0fd1028cb509b2a82721d784b399"


def test_all_disagreements_between_keys_come_together_each_at_its_key():
    rule = QueryRule(name="known", expression="id IS NOT NULL")
    with pytest.raises(ValidationError) as refused:
        Query(
            name="customers",
            sql="SELECT * FROM customers WHERE updated_at > ?",
            mode="full",
            compare_keys="0 4 * * *",
            soft_delete_column="gone",
            on_null_watermark="fail",
            rules=[rule, rule],
        )
    assert [(problem["loc"], problem["msg"]) for problem in refused.value.errors()] == [
        (("mode",), "is 'full', which needs a primary_key: snapshots are compared by key"),
        (("sql",), "holds a placeholder (?), which mode 'full' does not bind: remove its condition"),
        (("on_null_watermark",), "is 'fail', but mode 'full' reads no watermark: remove it; or use 'exclude'"),
        (("compare_keys",), "is set, but mode 'full' reads every key and finds deletes itself: remove it"),
        (("soft_delete_column",), "is set, which needs a primary_key: a delete is of a key"),
        (("rules", 1, "name"), "'known' is already taken by rules[0]"),
    ]


@pytest.mark.parametrize("policy", ["include", "fail"])
def test_null_watermarks_are_read_where_the_sql_allows(policy):
    assert Query(**CUSTOMERS, on_null_watermark=policy).on_null_watermark == policy


def test_a_repeated_name_or_entity_is_named_once_with_the_first_that_has_it():
    identities = {0: ("a", "a"), 1: ("b", "a"), 2: ("a", "a"), 4: ("c", "c")}
    assert repeated_queries(identities) == [
        ((1, "entity"), "'a' is already written by queries[0]: an entity has one log, and one query writes it"),
        ((2, "name"), "'a' is already taken by queries[0]"),
    ]


def test_time_zones_are_iana_names():
    query = Query(**CUSTOMERS, time_zones={"ordered_at": "Europe/London", "paid_at": "Asia/Kolkata"})
    assert query.time_zones == {"ordered_at": "Europe/London", "paid_at": "Asia/Kolkata"}

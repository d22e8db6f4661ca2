"""Rows of the platform's tables as inputs of a user's own assets."""

import dagster as dg
import pytest

from snowpipe_platform.orchestration.partitions import load_days

# ibis 12 calls what duckdb 1.5 deprecates; drop with an ibis that does not.
pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")

DAYS = ("2024-03-01", "2024-03-02", "2024-03-03")
CHANGES, DIMENSION = "silver/customer_changes", "silver/dim_customers"


def _load(shop, name, *, day=None):
    """The rows that a user's asset is given."""
    key = dg.AssetKey(name.split("/"))
    partitions = load_days(shop.pipeline.first_day) if day else None
    found = []

    @dg.asset(ins={"rows": dg.AssetIn(key)}, partitions_def=partitions)
    def own(rows) -> None:
        found.append(rows.to_pyarrow())

    result = dg.materialize(
        [own, *shop.definitions.assets],
        selection=[own],
        resources=shop.definitions.resources,
        partition_key=day,
        instance=shop.instance,
    )
    assert result.success
    return found[0]


@pytest.fixture
def two_days(shop):
    shop.customers("2024-03-01", good=199, bad=1)
    shop.run(day="2024-03-01")
    shop.customers("2024-03-02", good=5)
    shop.run(day="2024-03-02")
    return shop


def test_rows_are_loaded_as_ibis_tables(two_days):
    versions = _load(two_days, DIMENSION)
    changes = {day: len(_load(two_days, CHANGES, day=day)) for day in DAYS}
    bronze = {day: _load(two_days, "bronze/customers", day=day) for day in DAYS}

    assert (len(versions), versions.column_names) == (204, ["customer_id", "email", "effective_at", "expires_at"])
    assert changes == {"2024-03-01": 199, "2024-03-02": 5, "2024-03-03": 0}
    assert len(_load(two_days, CHANGES)) == 204
    assert {day: len(rows) for day, rows in bronze.items()} == {"2024-03-01": 200, "2024-03-02": 5, "2024-03-03": 0}
    assert {"customer_id", "manifest_number", "source_file", "load_day"} <= set(bronze["2024-03-01"].column_names)


def test_a_table_without_rows_says_how_to_make_them(shop):
    key = dg.AssetKey(["silver", "dim_customers"])

    @dg.asset(ins={"rows": dg.AssetIn(key)})
    def own(rows) -> None: ...

    result = dg.materialize(
        [own, *shop.definitions.assets],
        selection=[own],
        resources=shop.definitions.resources,
        instance=shop.instance,
        raise_on_error=False,
    )

    description = result.failure_data_for_node("own").user_failure_data.description
    assert description == "silver/dim_customers has no rows yet. Make them with 'snowpipe run silver/dim_customers'."

"""A pipeline as Dagster definitions, and a load day through every table of it."""

import dagster as dg
import pytest

CHANGES = "silver/customer_changes"


def test_a_load_day_runs_through_every_table_and_its_checks(shop):
    shop.customers("2024-03-01", good=3)

    result = shop.run(day="2024-03-01")

    assert result.success
    assert {name: event.partition for name, event in shop.materialized(result).items()} == {
        "bronze/customers": "2024-03-01",
        CHANGES: "2024-03-01",
        "silver/dim_customers": None,
        "gold/customer_count": None,
    }
    assert set(shop.evaluations(result)) == {
        "bronze/customers:window_complete",
        f"{CHANGES}:published",
        f"{CHANGES}:customer_id__not_null",
        f"{CHANGES}:email__str_contains",
        f"{CHANGES}:nickname__str_length",
        "silver/dim_customers:published",
        "silver/dim_customers:customer_id__not_null",
        "silver/dim_customers:effective_at__not_null",
        "silver/dim_customers:customer_id_and_effective_at__unique",
        "gold/customer_count:published",
        "gold/customer_count:domain__not_null",
        "gold/customer_count:domain__unique",
        "gold/customer_count:customers__not_null",
        "gold/customer_count:customers__less_than_or_equal_to",
    }
    assert shop.rows("gold/customer_count") == [{"domain": "example.com", "customers": 3}]


@pytest.mark.case("A30")
def test_valid_and_quarantined_rows_are_the_rows_that_were_landed(shop):
    shop.customers("2024-03-01", good=199, bad=1)

    result = shop.run(day="2024-03-01")

    metadata = {name: event.metadata for name, event in shop.materialized(result).items()}
    landed = metadata["bronze/customers"]["rows_landed"].value
    valid, quarantined = shop.rows(CHANGES, change_status="valid"), shop.rows(CHANGES, change_status="quarantined")
    assert (landed, len(valid), len(quarantined)) == (200, 199, 1)
    assert {row["customer_id"] for row in valid}.isdisjoint(row["customer_id"] for row in quarantined)
    assert metadata[CHANGES]["rows_new"].value == 200
    assert metadata[CHANGES]["rows_quarantined"].value == 1


@pytest.mark.case("A16")
def test_running_a_landed_day_again_adds_nothing_and_says_so(shop):
    shop.customers("2024-03-01", good=3)
    shop.run(day="2024-03-01")
    before = _contents(shop)

    result = shop.run(day="2024-03-01")

    assert result.success
    assert _contents(shop) == before
    summaries = {name: event.metadata["summary"].value for name, event in shop.materialized(result).items()}
    assert summaries == {
        "bronze/customers": "nothing new at the source",
        CHANGES: "nothing to do: nothing new in bronze",
        "silver/dim_customers": "nothing to do: inputs have not changed",
        "gold/customer_count": "nothing to do: inputs have not changed",
    }
    assert all(one.passed for one in result.get_asset_check_evaluations())


def _contents(shop):
    files = {str(path.relative_to(shop.root)) for path in (shop.root / "home").rglob("*.parquet")}
    commits = {name: [state.commit_id for state in shop.ground.lake.history(name)] for name in shop.pipeline.by_name}
    return files, commits, [manifest.number for manifest in shop.ground.bronze.log("customers")]


def test_an_error_of_the_platform_ends_the_step_with_its_message_and_is_not_retried(shop):
    shop.sql("DROP TABLE customers")

    result = shop.run("bronze/customers", day="2024-03-01")

    failure = result.failure_data_for_node("bronze__customers")
    assert "customers" in failure.user_failure_data.description
    assert failure.user_failure_data.label == "intentional-failure"
    assert failure.user_failure_data.metadata["error"].value == "SourceError"
    assert failure.error.cls_name == "Failure"
    assert not failure.error.message.startswith("dagster._core.errors")
    assert not result.filter_events(lambda event: event.is_step_up_for_retry)


def test_no_retry_policy_stands_on_top_of_the_adapters_own(shop):
    assets = [*shop.definitions.assets, *shop.definitions.asset_checks]
    assert [asset.op.name for asset in assets if asset.op.retry_policy is not None] == []


@pytest.mark.case("A37")
def test_no_table_with_partitioned_checks_runs_several_days_in_one_run(shop):
    checks = [spec for checks in shop.definitions.asset_checks for spec in checks.check_specs]
    partitioned = {spec.asset_key for spec in checks if spec.partitions_def is not None}
    policies = {asset.key: asset.backfill_policy for asset in shop.definitions.assets}

    assert {key.to_user_string() for key in partitioned} == {"bronze/customers", CHANGES}
    assert {policies[key] for key in partitioned} == {None}, "no policy: one run, and one check result, a day"


def test_unpartitioned_tables_depend_on_daily_ones_without_loading_them(shop):
    dimension = shop.definitions.resolve_assets_def(dg.AssetKey(["silver", "dim_customers"]))
    assert dimension.partitions_def is None
    assert dimension.dependency_keys == {dg.AssetKey(["silver", "customer_changes"])}
    assert dimension.op.ins["silver_customer_changes"].dagster_type.is_nothing


def test_an_asset_says_what_it_is(shop):
    changes = shop.definitions.resolve_assets_def(dg.AssetKey(["silver", "customer_changes"]))
    spec = changes.get_asset_spec()

    assert spec.group_name == "silver"
    assert spec.kinds == {"silver", "iceberg", "changes"}
    assert list(spec.owners) == ["team:crm"]
    assert spec.description == "One accepted change of a customer."
    assert spec.code_version == shop.pipeline.table(CHANGES).code_version
    assert spec.metadata["dagster/table_name"] == "silver.customer_changes"
    columns = {column.name: column for column in spec.metadata["dagster/column_schema"].columns}
    assert columns["customer_id"].description == "the shop's own id"
    assert not columns["customer_id"].constraints.nullable
    assert columns["email"].constraints.other == ["email: str contains (pattern @)"]
    assert columns["changed_at"].type == "timestamp(6)"
    assert changes.op.pool == CHANGES


def test_owners_of_the_queries_file_need_no_prefix(shop):
    bronze = shop.definitions.resolve_assets_def(dg.AssetKey(["bronze", "customers"]))
    assert list(bronze.get_asset_spec().owners) == ["team:data-team"]


def test_a_rebuild_makes_every_row_anew(shop):
    shop.customers("2024-03-01", good=3)
    shop.run(day="2024-03-01")

    result = shop.run("silver/dim_customers", config={"ops": {"silver__dim_customers": {"config": {"rebuild": True}}}})

    metadata = shop.materialized(result)["silver/dim_customers"].metadata
    assert (metadata["operation"].value, metadata["reason"].value) == ("replace_all", "rebuild")


@pytest.mark.case("A36")
def test_one_failed_day_of_thirty_is_the_only_one_to_retry(shop):
    shop.sql("CREATE TABLE bait AS SELECT 1 AS one")
    days = [f"2024-03-{number:02}" for number in range(1, 31)]
    key, partitions = dg.AssetKey(["bronze", "customers"]), None
    for day in days:
        shop.customers(day, good=1)
        if day == "2024-03-17":
            shop.sql("ALTER TABLE customers RENAME TO mislaid")
        shop.run("bronze/customers", day=day)
        if day == "2024-03-17":
            shop.sql("ALTER TABLE mislaid RENAME TO customers")
    partitions = shop.definitions.resolve_assets_def(key).partitions_def
    before = shop.instance.get_status_by_partition(key, days, partitions)
    failed = [day for day, status in before.items() if status.value == "FAILED"]

    retried = [shop.run("bronze/customers", day=day) for day in failed]

    assert failed == ["2024-03-17"]
    assert [result.success for result in retried] == [True]
    after = shop.instance.get_status_by_partition(key, days, partitions)
    assert {status.value for status in after.values()} == {"MATERIALIZED"}
    assert len(shop.instance.get_runs()) == 31

"""What a person sees on an asset."""

from datetime import date

import dagster as dg
import pytest

from snowpipe_platform.errors import PipelineError
from snowpipe_platform.execution.decisions import Author, decision, record
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.orchestration.metadata import quality_table
from snowpipe_platform.spec.quality import Counts
from snowpipe_platform.spec.rule import Rule, Tolerance

CHANGES = "silver/customer_changes"


def test_an_extraction_says_how_much_came_and_where_it_is(shop):
    shop.customers("2024-03-01", good=3)
    shop.run("bronze/customers", day="2024-03-01")
    shop.customers("2024-03-02", good=5)

    result = shop.run("bronze/customers", day="2024-03-02")

    metadata = shop.materialized(result)["bronze/customers"].metadata
    assert metadata["dagster/row_count"].value == 8
    assert metadata["dagster/partition_row_count"].value == 5
    assert (metadata["rows_read"].value, metadata["rows_known"].value) == (8, 3)
    assert metadata["dagster/uri"].value.startswith(str(shop.root / "home" / "bronze" / "customers"))
    columns = [column.name for column in metadata["dagster/column_schema"].value.columns]
    assert columns[:4] == ["customer_id", "email", "nickname", "updated_at"]
    assert metadata["rows_per_load_day"].value.startswith("![rows landed per load day](data:image/svg+xml;base64,")


def test_rows_that_were_withdrawn_and_edited_count_no_more_and_no_twice(shop):
    shop.customers("2024-03-01", good=3)
    shop.run("bronze/customers", day="2024-03-01")
    author = Author(by="ana", reason="x", identity=RunIdentity(run_id="cli", job="test"))
    day = {"load_day": date(2024, 3, 1)}
    edit = {"supersedes": {1: "0"}, "rows_landed": 1, "rows_read": 1}
    record("customers", shop.ground, author, lambda log: [decision(log, "correction", author, **day, **edit)])
    shop.customers("2024-03-02", good=5)
    metadata = shop.materialized(shop.run("bronze/customers", day="2024-03-02"))["bronze/customers"].metadata
    assert metadata["dagster/row_count"].value == 8

    record("customers", shop.ground, author, lambda log: [decision(log, "withdrawal", author, **day, withdraws=1)])
    metadata = shop.materialized(shop.run("bronze/customers", day="2024-03-02"))["bronze/customers"].metadata
    assert (metadata["dagster/row_count"].value, metadata["dagster/partition_row_count"].value) == (8, 8)


@pytest.mark.case("A5")
def test_rows_without_a_watermark_are_counted_on_the_asset(shop):
    shop.customers("2024-03-01", good=10)
    shop.sql("UPDATE customers SET updated_at = NULL WHERE customer_id LIKE '%-3'")

    result = shop.run("bronze/customers", day="2024-03-01")

    assert shop.materialized(result)["bronze/customers"].metadata["rows_null_watermark"].value == 1


@pytest.mark.case("A11")
def test_a_new_column_at_the_source_shows_on_the_asset(shop):
    shop.customers("2024-03-01", good=1)
    shop.run("bronze/customers", day="2024-03-01")
    shop.sql("ALTER TABLE customers ADD COLUMN country VARCHAR")
    shop.sql("UPDATE customers SET updated_at = TIMESTAMP '2024-03-02 10:00'")
    shop.now("2024-03-03")

    result = shop.run("bronze/customers", day="2024-03-02")

    metadata = shop.materialized(result)["bronze/customers"].metadata
    assert metadata["schema_changes"].value == "- country is new (string)"
    assert metadata["schema_verdict"].value == "compatible, taken"
    assert [record.data for record in metadata["schema_diff"].records] == [
        {
            "column": "country",
            "change": "added",
            "before": "",
            "after": "string",
            "breaking": False,
            "outcome": "taken",
            "renamed to": "",
        }
    ]


@pytest.mark.case("A11")
def test_a_refused_change_shows_on_the_failure(shop):
    shop.customers("2024-03-01", good=1)
    shop.run("bronze/customers", day="2024-03-01")
    shop.sql("ALTER TABLE customers RENAME nickname TO called")
    shop.now("2024-03-03")

    result = shop.run("bronze/customers", day="2024-03-02")

    (event,) = [event for event in result.all_events if event.is_step_failure]
    metadata = event.step_failure_data.user_failure_data.metadata
    assert metadata["schema_verdict"].value == "breaking, refused"
    told = [(row.data["column"], row.data["change"], row.data["renamed to"]) for row in metadata["schema_diff"].records]
    assert told == [("nickname", "gone", "called"), ("called", "added", "")]


def test_a_table_shows_its_quality(shop):
    shop.customers("2024-03-01", good=199, bad=1)

    result = shop.run("bronze/customers", CHANGES, day="2024-03-01")

    metadata = shop.materialized(result)[CHANGES].metadata
    assert metadata["summary"].value == "+200 rows, 1 quarantined; 200 in the table"
    assert metadata["dagster/uri"].value == str(shop.root / "home" / "lake" / "silver" / "customer_changes")
    assert "| email.str_contains | error | 1 | 0.50% | 0.00% / 2.00% | warned |" in metadata["quality"].value
    assert "1. email.str_contains: 1" in metadata["failures_per_rule"].value


def test_held_rows_are_announced(shop):
    shop.customers("2024-03-01", good=1, bad=1)

    result = shop.run("bronze/customers", CHANGES, day="2024-03-01")

    metadata = shop.materialized(result)[CHANGES].metadata
    expected = "2 rows held back: beyond the tolerance of email.str_contains; the table is as it was"
    assert metadata["summary"].value == expected
    assert metadata["dagster/row_count"].value == 0


def test_a_quality_table_has_a_line_per_rule():
    rules = [
        Rule("a|b", "", "error", "row", (), Tolerance(0.1, 0.5), lambda table: table.x),
        Rule("c", "", "warn", "row", (), Tolerance(0.0, 0.02), lambda table: table.x),
    ]
    assert quality_table(rules, Counts(4, 1, {"a|b": 3, "c": 1})).splitlines() == [
        "| rule | severity | broken | share | tolerated | verdict |",
        "|---|---|---:|---:|---:|---|",
        "| a\\|b | error | 3 | 75.00% | 10.00% / 50.00% | failed |",
        "| c | warn | 1 | 25.00% | 0.00% | warned |",
        "",
        "4 rows judged, 1 quarantined.",
    ]


def test_metadata_is_what_dagster_renders(shop):
    shop.customers("2024-03-01", good=1)
    result = shop.run(day="2024-03-01")
    kinds = {
        name: type(value) for event in shop.materialized(result).values() for name, value in event.metadata.items()
    }
    assert kinds["rows_per_commit"] is kinds["quality"] is dg.MarkdownMetadataValue
    assert kinds["dagster/column_schema"] is dg.TableSchemaMetadataValue


def test_a_table_says_where_its_columns_come_from(shop):
    shop.customers("2024-03-01", good=2)

    result = shop.run(day="2024-03-01")

    keys = shop.definitions.get_repository_def().asset_graph.get_all_asset_keys()
    found = {}
    for name, event in shop.materialized(result).items():
        if "dagster/column_lineage" in event.metadata:
            deps = event.metadata["dagster/column_lineage"].value.deps_by_column
            assert {dep.asset_key for column in deps.values() for dep in column} <= set(keys)
            found[name] = {
                column: [f"{'/'.join(d.asset_key.path)}.{d.column_name}" for d in of] for column, of in deps.items()
            }
    assert list(found) == [CHANGES, "silver/dim_customers", "gold/customer_count"]
    assert found[CHANGES]["email"] == ["bronze/customers.email"]
    assert found[CHANGES]["changed_at"] == ["bronze/customers._instant"]
    assert found["silver/dim_customers"]["email"] == ["silver/customer_changes.email"]
    assert found["gold/customer_count"] == {"domain": ["silver/dim_customers.email"], "customers": []}


def test_columns_that_cannot_be_traced_break_no_run(shop, monkeypatch):
    def untraced(name, *_):
        raise PipelineError(f"{name} is not traced")

    monkeypatch.setattr("snowpipe_platform.orchestration.metadata.lineage_of", untraced)
    shop.customers("2024-03-01", good=2)
    result = shop.run(day="2024-03-01")
    assert result.success
    about = shop.materialized(result)["gold/customer_count"].metadata
    assert about["column_lineage"].value == "not traced: gold/customer_count is not traced"

"""`snowpipe doctor`: each check, and the mend of each failure."""

import os
import sqlite3

import pytest

from snowpipe_platform.backends.sqlite_state import SqliteState
from snowpipe_platform.commands.instance import ensure_instance
from snowpipe_platform.settings import read_settings
from snowpipe_platform_tests.tiny import CUSTOMER_LIST, QUERIES, TinyShop

NO_PROCESS = 2**22 + 1
"""Above the largest process id Linux gives."""


def checks(shop):
    return {check["name"]: check for check in shop.json("doctor")["checks"]}


def test_everything_is_ok_before_the_first_run(shop):
    shop.end_day("2024-03-01")
    answer = shop.type("doctor")
    assert (answer.exit_code, shop.json("doctor")["ok"]) == (0, True)
    assert set(checks(shop)) == {
        "python",
        "libraries",
        "settings",
        "home folder",
        "pipeline",
        "warehouse",
        "query orders",
        "query customers",
        "tables",
        "dropped files",
        "bronze files",
        "lake",
        "leases",
        "dagster",
    }
    assert not shop.home.exists()


def test_a_warehouse_that_is_missing_says_how_to_build_one(shop):
    shop.source.path.unlink()
    answer = shop.type("doctor")
    assert answer.exit_code == 1
    assert checks(shop)["warehouse"]["ok"] is False
    assert "snowpipe demo" in " ".join(answer.stdout.split())


def test_a_query_whose_key_the_source_does_not_return_is_named(tmp_path, monkeypatch):
    shop = TinyShop(tmp_path, monkeypatch, source__queries=QUERIES.replace("order_id", "order_number"))
    shop.end_day("2024-03-01")
    found = checks(shop)["query orders"]
    assert found["ok"] is False
    assert "primary_key 'order_number' is not returned by its SQL" in found["detail"]


def test_a_pipeline_that_does_not_load_is_a_failed_check_and_no_traceback(tmp_path, monkeypatch):
    shop = TinyShop(tmp_path, monkeypatch, source__queries=QUERIES.replace("watermark_column", "watermark_colum"))
    answer = shop.type("doctor")
    assert (answer.exit_code, checks(shop)["pipeline"]["ok"]) == (2, False)
    assert "Did you mean" in checks(shop)["pipeline"]["detail"]
    assert "Traceback" not in answer.output


def test_a_setting_that_cannot_be_read_ends_the_checks_that_need_it(shop, monkeypatch):
    monkeypatch.setenv("SNOWPIPE_MEMORY_LIMIT", "much")
    assert [name for name, check in checks(shop).items() if not check["ok"]] == ["settings"]
    assert shop.type("doctor").exit_code == 2


def test_a_library_of_another_version_is_named_with_the_wanted_one(shop, monkeypatch):
    monkeypatch.setattr("snowpipe_platform.commands.doctor.version", lambda name: "0.1" if name == "duckdb" else "999")
    detail = checks(shop)["libraries"]["detail"]
    assert "duckdb is 0.1, wanted <2,>=1.5.5" in detail


@pytest.mark.parametrize(("alive", "expected"), [(True, "a running process"), (False, "a dead process")])
def test_leases_are_shown_with_their_holders(shop, alive, expected):
    shop.end_day("2024-03-01")
    path = read_settings().state_path
    with SqliteState(path).lease("silver/fct_orders", holder="r"):
        with sqlite3.connect(path) as state:
            state.execute("UPDATE leases SET pid = ?", (os.getpid() if alive else NO_PROCESS,))
        state.close()
        assert expected in checks(shop)["leases"]["detail"]


def test_an_instance_of_dagster_is_opened(shop):
    shop.end_day("2024-03-01")
    ensure_instance(read_settings())
    assert checks(shop)["dagster"]["detail"].endswith("0 runs")


@pytest.fixture
def ran(shop):
    shop.one_day()
    shop.type("run")
    return shop


def test_every_file_of_bronze_and_of_the_lake_is_looked_at(ran):
    assert checks(ran)["bronze files"]["detail"] == "2 as their manifests recorded them"
    on_disk = len(list((ran.home / "lake").rglob("*.parquet")))
    assert checks(ran)["lake"]["detail"] == f"5 tables, {on_disk} files"


def test_a_missing_bronze_file_is_named_with_its_manifest(ran):
    path = next((ran.home / "bronze" / "orders").glob("**/*.parquet"))
    path.unlink()
    found = checks(ran)["bronze files"]
    assert found["detail"] == f"manifest 1 of bronze/orders: {path} is missing"
    assert ran.type("doctor").exit_code == 1


def test_a_bronze_file_that_was_cut_short_is_named_with_both_sizes(ran):
    path = next((ran.home / "bronze" / "orders").glob("**/*.parquet"))
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-1])
    assert f"has {size - 1:,} bytes, recorded are {size:,}" in checks(ran)["bronze files"]["detail"]


@pytest.mark.parametrize(
    ("pattern", "expected"), [("metadata/*.json", "gold/daily_totals cannot be read"), ("**/*.parquet", "is missing")]
)
def test_a_table_that_lost_its_metadata_or_a_file_fails_the_lake(ran, pattern, expected):
    for path in (ran.home / "lake" / "gold" / "daily_totals").glob(pattern):
        path.unlink()
    found = checks(ran)["lake"]
    assert (found["ok"], expected in found["detail"], "gold/daily_totals" in found["detail"]) == (False, True, True)


RETYPED = CUSTOMER_LIST.replace("name: str =", "name: int =").replace(
    'key=["customer_id"])', 'key=["customer_id"]).mutate(name=1)'
)


def test_a_type_that_the_table_on_disk_cannot_have_is_told_by_doctor_plan_and_run(ran):
    ran.edit("silver/customer_list.py", RETYPED)
    why = (
        "types no longer fit the table on disk: Cannot change column type: name: string -> long. Widen a type, or give"
    )
    found = checks(ran)["table silver/customer_list"]
    assert (found["ok"], why in found["detail"]) == (False, True)
    for words in (("plan",), ("run", "--yes")):
        answer = ran.type(*words, "silver/customer_list", "--rebuild")
        assert why in " ".join(answer.stdout.split()), words


def test_a_table_that_no_file_declares_any_more_is_named_with_where_it_lies(ran):
    (ran.folder / ran.package / "silver/customer_list.py").unlink()
    ran.edit("silver/__init__.py", "")
    found = checks(ran)["table silver/customer_list"]
    assert (found["ok"], found["is_warning"]) == (True, True)
    assert found["detail"] == f"no file declares it; its rows lie in {ran.home}/lake/silver/customer_list"
    answer = ran.type("doctor")
    assert answer.exit_code == 0
    assert ["table", "silver/customer_list", "warned"] in [line.split()[:3] for line in answer.stdout.splitlines()]

"""Table names for the shell."""

import subprocess
import sys

from snowpipe_platform.cli.words import complete_column, complete_entity, complete_query, complete_table
from snowpipe_platform.commands.completion import entity_names, query_names, table_names
from snowpipe_platform.spec.pipeline import load_pipeline
from snowpipe_platform_tests.tiny import QUERIES


def test_names_are_completed_full_and_short(shop):
    assert complete_table("silver/f") == ["silver/fct_orders"]
    assert complete_table("daily") == ["daily_totals"]
    assert complete_table("bronze/") == ["bronze/orders", "bronze/customers"]


def test_every_name_is_one_a_run_takes(shop):
    assert set(table_names()) >= set(load_pipeline(shop.package).names)


def test_queries_and_entities_are_completed(shop):
    queries = shop.folder / shop.package / "source" / "queries.yaml"
    queries.write_text(QUERIES.replace("name: orders", "name: recent_orders\n    entity: orders"))
    assert (complete_query(""), complete_query("rec")) == (["recent_orders", "customers"], ["recent_orders"])
    assert (complete_entity("o"), complete_entity("bronze/c")) == (["orders"], ["bronze/customers"])


def test_a_pipeline_that_is_not_there_completes_to_nothing(shop, monkeypatch):
    monkeypatch.setenv("SNOWPIPE_PIPELINE", "not_there.pipeline")
    assert (table_names(), query_names(), entity_names()) == ([], [], [])


def test_a_key_press_imports_no_table(shop):
    code = (
        "import sys; from snowpipe_platform.cli.words import complete_table; complete_table(''); "
        "print([name for name in ('pandera', 'ibis', 'dagster', 'pyiceberg') if name in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=shop.folder, env=shop.environment
    )
    assert answer.stdout == "[]\n"


def test_columns_are_completed_behind_a_table_and_a_dot(shop):
    assert complete_column("silver/fct_orders.") == [
        "silver/fct_orders.order_id",
        "silver/fct_orders.amount",
        "silver/fct_orders.ordered_on",
    ]
    assert complete_column("daily_totals.t") == ["daily_totals.total"]
    assert complete_column("silver/f") == ["silver/fct_orders"]
    assert complete_column("nothing.") == []

"""Table names for the shell."""

import subprocess
import sys
from dataclasses import replace
from datetime import datetime

from typer.testing import CliRunner

from snowpipe_platform.backends.sqlite_state import SqliteState
from snowpipe_platform.cli import app
from snowpipe_platform.cli.words import (
    complete_column,
    complete_entity,
    complete_letter,
    complete_query,
    complete_table,
)
from snowpipe_platform.commands.completion import entity_names, query_names, table_names
from snowpipe_platform.records import DeadLetter
from snowpipe_platform.settings import read_settings
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


def test_columns_of_bronze_are_those_that_landed(shop):
    assert complete_column("bronze/orders.") == []
    shop.one_day()
    shop.type("run", "bronze/orders")
    landed = ["order_id", "amount", "note", "updated_at"]
    assert complete_column("bronze/orders.") == [f"bronze/orders.{name}" for name in landed]
    assert complete_column("orders.n") == ["orders.note"]


def completed(*words):
    """What bash is offered for the last word."""
    typed = {"COMP_WORDS": " ".join(["snowpipe", *words]), "COMP_CWORD": str(len(words)), "_TYPER_COMPLETE_ARGS": ""}
    environment = {**typed, "_SNOWPIPE_COMPLETE": "complete_bash"}
    return CliRunner().invoke(app, [], prog_name="snowpipe", env=environment).stdout.split()


def test_rules_are_those_of_the_table_typed_before(shop):
    assert completed("show", "fct_orders", "--failing", "am") == ["amount.not_null", "amount.less_than"]
    assert "note.str_contains" in completed("show", "silver/order_changes", "--failing", "")
    assert "note.str_contains" not in completed("quarantine", "show", "order_changes", "--rule", "")
    assert "amount.is_decimal" in completed("quarantine", "show", "order_changes", "--rule", "am")
    assert completed("show", "bronze/orders", "--failing", "") == []
    shop.edit("gold/daily_totals.py", "1 / 0")
    assert completed("show", "fct_orders", "--failing", "") == []


def test_dead_letters_are_completed_by_kind_and_by_the_beginning_of_an_id(shop):
    assert completed("dead-letters", "show", "") == []
    assert not shop.home.exists()
    letter = DeadLetter("abcdef01" + "0" * 24, "rows", "orders", "x", datetime(2024, 3, 1), {})
    SqliteState(read_settings().state_path).put(letter, replace(letter, id="0" * 32))
    assert completed("dead-letters", "list", "--kind", "") == ["extraction", "rows", "arrival"]
    assert completed("dead-letters", "retry", "--kind", "r") == ["rows"]
    assert completed("dead-letters", "show", "ab") == ["abcdef0"]
    assert completed("dead-letters", "retry", "abcdef0", "0") == ["0000000"]
    assert complete_letter("ab") == [("abcdef0", "rows of orders")]

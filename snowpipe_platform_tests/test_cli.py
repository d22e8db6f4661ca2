"""What can be typed, and how the command answers when it was typed wrongly."""

import json
import os
import subprocess
import sys

import pytest

from snowpipe_platform_tests.tiny import TinyShop

HEAVY = ["dagster", "pyiceberg", "pandera", "ibis", "duckdb", "pyarrow", "pandas"]
WITHOUT_NETWORK = """
import socket, sys
def refuse(*args, **kwargs):
    raise AssertionError("the network was asked for")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
sys.argv = ["snowpipe", *sys.argv[1:]]
from snowpipe_platform.cli import main
main()
"""

COMMANDS = (
    *("run", "status", "show", "sql", "doctor", "demo", "dev"),
    *("adopt", "maintain", "lineage", "plan", "init", "serve"),
)
FAMILIES = (
    *("state show", "state history", "state set", "state rewind", "state rebuild"),
    *("bronze log", "bronze withdraw"),
    *("dead-letters list", "dead-letters show", "dead-letters retry", "dead-letters discard"),
    *("models list", "models show", "models compare", "models train", "models approve", "models reject"),
    *("models deploy", "models rollback"),
    *("quarantine list", "quarantine show", "quarantine export", "quarantine replay", "quarantine discard"),
)


@pytest.fixture
def shop(tmp_path, monkeypatch):
    return TinyShop(tmp_path, monkeypatch)


def python(*words, code, environment, folder):
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder, check=False, timeout=60)


def test_help_answers_without_importing_what_runs_need(tmp_path):
    code = f"""
import sys
from snowpipe_platform.cli import main
try:
    main()
except SystemExit:
    print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
"""
    answer = python("--help", code=code, environment={"PATH": os.environ["PATH"]}, folder=tmp_path)
    assert answer.stderr == "[]\n"
    for command in (*COMMANDS, *{family.partition(" ")[0] for family in FAMILIES}):
        assert f" {command} " in answer.stdout


@pytest.mark.parametrize("command", [*COMMANDS, *FAMILIES])
def test_every_commands_help_has_an_example(shop, command):
    answer = shop.type(*command.split(), "--help")
    assert (answer.exit_code, f"snowpipe {command}" in answer.stdout.partition("Usage")[2].partition("\n")[2]) == (
        0,
        True,
    )


@pytest.mark.parametrize("words", [[], ["state"], ["bronze"], ["dead-letters"], ["models"]])
def test_a_family_typed_alone_is_answered_with_what_can_follow(shop, words):
    answer = shop.type(*words)
    assert (answer.exit_code, answer.stderr) == (2, "")
    assert f"Usage: {' '.join(['snowpipe', *words])} " in answer.stdout


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["plan", "--partition", "2024-13-01"], "--partition"),
        (["run", "--from", "2024-02-01", "--to", "2024-02-30"], "--to"),
        (["quarantine", "show", "order_changes", "--day", "yesterday"], "--day"),
    ],
)
def test_what_is_no_day_is_answered_with_how_one_is_written(shop, words, option):
    answer = shop.type(*words)
    told = f"Invalid value for '{option}': '{words[-1]}' is no day; write one as 2024-03-01"
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert answer.stderr.splitlines()[0] == f"error: {told}"


def test_the_version_is_one_line(shop):
    assert shop.type("--version").stdout == "snowpipe 0.1.0\n"


@pytest.mark.case("A35")
def test_a_run_needs_no_variable_of_aws_snowflake_or_dagster_and_no_network(shop, tmp_path):
    shop.one_day()
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **shop.environment}
    answer = python("run", code=WITHOUT_NETWORK, environment=environment, folder=tmp_path)
    assert answer.stderr == ""
    assert [line.split()[0] for line in answer.stdout.splitlines()[1:]] == [
        "bronze/orders",
        "bronze/customers",
        "silver/customer_changes",
        "silver/order_changes",
        "silver/customer_list",
        "silver/fct_orders",
        "gold/daily_totals",
    ]
    assert answer.returncode == 0


@pytest.mark.parametrize(
    ("words", "message", "command"),
    [
        (["rum"], "No such command 'rum'", "snowpipe --help"),
        (["run", "--form", "2024-03-01"], "No such option: --form (Possible options: --from", "snowpipe run --help"),
        (["run", "--from", "March"], "Invalid value for '--from'", "snowpipe run --help"),
        (["show"], "Missing argument 'TABLE'", "snowpipe show --help"),
        (
            ["run", "fct_order"],
            "there is no table 'fct_order'. Did you mean 'silver/fct_orders'?",
            "snowpipe run --help",
        ),
        (
            ["show", "silver/nothing_like_it"],
            "there is no table 'silver/nothing_like_it'. Known: ",
            "snowpipe show --help",
        ),
    ],
)
def test_what_was_typed_wrongly_is_answered_in_a_line_with_the_next_command(shop, words, message, command):
    answer = shop.type(*words)
    first, last = answer.stderr.splitlines()
    assert (answer.exit_code, answer.stdout, last) == (2, "", f"next: {command}")
    assert message in first


def test_a_setting_out_of_range_names_its_variable(shop, monkeypatch):
    monkeypatch.setenv("SNOWPIPE_THREADS", "none")
    answer = shop.type("status")
    assert answer.exit_code == 2
    assert answer.stderr.startswith("error: SNOWPIPE_THREADS: ")
    assert answer.stderr.endswith("next: snowpipe doctor\n")


def test_an_error_is_an_object_under_json_and_a_line_on_stderr(shop):
    shop.source.path.unlink()
    answer = shop.type("run", "--json")
    told = json.loads(answer.stdout)
    assert (answer.exit_code, told["error"], told["next"]) == (1, "SourceError", "snowpipe doctor")
    assert answer.stderr == f"error: {told['message']}\nnext: snowpipe doctor\n"
    assert "Traceback" not in answer.output


def test_an_error_nobody_foresaw_is_a_line_too_and_its_traceback_is_to_be_had(tmp_path, monkeypatch):
    shop = TinyShop(tmp_path, monkeypatch)
    monkeypatch.setattr("snowpipe_platform.commands.status.status", lambda *_, **__: 1 / 0)
    answer = shop.type("status")
    expected = "error: ZeroDivisionError: division by zero\nnext: snowpipe status --traceback\n"
    assert (answer.exit_code, answer.stderr) == (1, expected)
    assert "Traceback (most recent call last)" in shop.type("status", "--traceback").stderr

"""`snowpipe adopt`: what waits is taken in, and told file by file."""

import pytest

from snowpipe_platform.cli.arrivals import _complete_entity
from snowpipe_platform.commands import arrivals
from snowpipe_platform_tests.dropping import drop
from snowpipe_platform_tests.kit import make_ground
from snowpipe_platform_tests.tiny import TinyShop

HEADER = "order_id,amount,note,updated_at\n"


@pytest.fixture
def shop(tmp_path, monkeypatch):
    shop = TinyShop(tmp_path, monkeypatch)
    shop.one_day()
    shop.type("run", "bronze/orders", "bronze/customers")
    return shop


def put(shop, path, *lines, **options):
    return drop(shop.home / "bronze", "orders", path, HEADER + "".join(f"{line}\n" for line in lines), **options)


KNOWN, NEW = "o1,12.50,so,2024-03-01 10:00", "o9,3.00,no,2024-03-01 12:00"


def test_a_file_is_taken_in_and_the_next_command_takes_it_to_silver(shop):
    put(shop, "2024/march.csv", KNOWN, NEW)
    answer = shop.type("adopt")
    assert answer.exit_code == 0
    assert [line.split() for line in answer.stdout.splitlines()] == [
        ["file", "rows", "new", "known", "dropped"],
        ["orders/2024/march.csv", "2", "1", "1", "0", "ok"],
        ["next:", "snowpipe", "run", "--partition", "2024-03-01"],
    ]
    assert shop.type("run", "--partition", "2024-03-01").exit_code == 0
    assert shop.rows("select order_id from silver.fct_orders order by 1") == [
        {"order_id": "o1"},
        {"order_id": "o2"},
        {"order_id": "o9"},
    ]


def test_the_list_of_dead_letters_tells_the_file_and_below_it_why(shop):
    put(shop, "2024/a_long_folder/of_many/march.csv", "o9,4.00,no,someday")
    drop(shop.home / "bronze", "orders", "empty.jsonl", "")
    shop.type("adopt")
    lines = shop.type("dead-letters", "list").stdout.splitlines()
    assert lines[0].split() == ["id", "kind", "query", "or", "file", "load", "day", "failed", "why"]
    assert lines[-1].startswith("next: snowpipe dead-letters show ")
    by_file = {line.split()[2]: reason for line, reason in zip(lines[1:-1:2], lines[2:-1:2], strict=True)}
    assert by_file == {
        "…a_long_folder/of_many/march.csv": (
            "    row 1, column 'updated_at': text that is no timestamp(6). Mend the value an…"
        ),
        "orders/empty.jsonl": "    the file is empty. Write one object a line.",
    }
    assert max(map(len, lines)) <= 80


def test_nothing_waits_and_where_files_go(shop):
    put(shop, "a.csv", NEW)
    shop.type("adopt")
    answer = shop.type("adopt")
    assert answer.exit_code == 0
    assert answer.stdout.splitlines() == [
        "nothing waits; 1 file adopted before",
        f"drop files under {shop.home.resolve()}/bronze/<entity>/arrivals",
    ]


def test_a_dry_run_tells_what_would_be_and_does_nothing(shop):
    put(shop, "a.csv", KNOWN, NEW)
    answer = shop.type("adopt", "--dry-run")
    assert [line.split() for line in answer.stdout.splitlines()[1:]] == [
        ["orders/a.csv", "2", "1", "1", "0", "ok"],
        ["dry", "run:", "nothing", "was", "written"],
        ["next:", "snowpipe", "adopt"],
    ]
    told = shop.json("adopt", "--dry-run")
    assert (told["dry_run"], told["files"][0]["new"]) == (True, 1)
    assert shop.rows("select count(*) as n from bronze.orders") == [{"n": 2}]


def test_a_file_that_is_refused_says_why_and_leaves_with_1(shop):
    put(shop, "bad.csv", "o9,three,no,2024-03-01", "o9,4.00,no,someday")
    put(shop, "good.csv", NEW)
    answer = shop.type("adopt")
    assert answer.exit_code == 1
    lines = answer.stdout.splitlines()
    assert lines[1].split() == ["orders/bad.csv", "-", "-", "-", "-", "FAILED"]
    told = " ".join(" ".join(lines[2:4]).split())
    assert told.startswith("bronze/orders/arrivals/bad.csv: row 2, column 'updated_at': text that is no timestamp(6).")
    assert all(len(line) <= 80 for line in lines)
    again = shop.type("adopt")
    assert again.exit_code == 0
    assert "orders/bad.csv is in the dead letters until it is written again or retried" in " ".join(
        again.stdout.split()
    )
    put(shop, "bad.csv", "o8,4.00,no,2024-03-01 13:00")
    assert shop.type("adopt").exit_code == 0


def test_when_nothing_but_a_failure_came_of_it_the_next_step_is_to_mend_the_file(shop):
    put(shop, "bad.csv", "o9")
    last = shop.type("adopt").stdout.splitlines()[-1]
    assert last == "next: mend the file and write it again, then: snowpipe adopt"


def retry(shop, *words):
    told = shop.json("dead-letters", "retry", "--all", "--yes", *words)
    return [(one["status"], one["note"]) for one in told["letters"]]


def test_a_file_whose_columns_were_not_allowed_is_adopted_by_a_retry_once_they_are(shop):
    queries = shop.folder / shop.package / "source" / "queries.yaml"
    lenient = queries.read_text()
    queries.write_text(lenient.replace("    lookback: 1 day\n", "    lookback: 1 day\n    on_schema_change: freeze\n"))
    drop(shop.home / "bronze", "orders", "new.csv", "order_id,amount,note,updated_at,channel\n" + NEW + ",web\n")
    assert shop.type("adopt").exit_code == 1
    ((status, note),) = retry(shop)
    assert status == "FAILED"
    assert "channel" in note
    queries.write_text(lenient)
    assert retry(shop, "--dry-run") == [("waits", "1 new row would be landed")]
    assert retry(shop) == [("ok", "1 new row landed")]
    assert shop.json("dead-letters", "list")["letters"] == []
    assert shop.json("adopt")["files"] == []
    assert shop.rows("select order_id, channel from bronze.orders where order_id = 'o9'") == [
        {"order_id": "o9", "channel": "web"}
    ]


def test_a_retry_says_when_the_file_is_gone(shop):
    file = put(shop, "bad.csv", "o9")
    shop.type("adopt")
    file.unlink()
    assert retry(shop) == [("FAILED", "the file is gone: discard the letter")]


def test_a_traceback_is_to_be_had(shop):
    put(shop, "bad.csv", "o9")
    assert "Traceback (most recent call last)" in shop.type("adopt", "--traceback").stderr


def test_json_has_stable_keys(shop):
    put(shop, "a.csv", KNOWN, NEW)
    drop(shop.home / "bronze", "ordres", "b.csv", HEADER)
    told = shop.json("adopt")
    assert told == {
        "dry_run": False,
        "files": [
            {
                "table": "bronze/orders",
                "path": "a.csv",
                "fate": "adopted",
                "rows": 2,
                "new": 1,
                "known": 1,
                "dropped": 0,
                "load_day": "2024-03-01",
                "error": None,
            }
        ],
        "unsettled": [],
        "in_dead_letters": [],
        "adopted_before": 0,
        "misplaced": ["ordres"],
        "errors": [],
        "next": "snowpipe run --partition 2024-03-01",
    }


def test_a_table_is_named_in_full_or_short_and_has_to_be_of_bronze(shop):
    put(shop, "a.csv", NEW)
    drop(shop.home / "bronze", "customers", "c.csv", "customer_id,name\nc9,Nine\n")
    assert [file["table"] for file in shop.json("adopt", "bronze/customers")["files"]] == ["bronze/customers"]
    assert [file["table"] for file in shop.json("adopt", "orders")["files"]] == ["bronze/orders"]
    wrong = shop.type("adopt", "silver/fct_orders")
    assert (wrong.exit_code, wrong.stderr.splitlines()[0]) == (
        2,
        "error: silver/fct_orders takes no files: they are dropped for bronze. Name a table of bronze.",
    )
    assert "Did you mean 'bronze/orders'?" in shop.type("adopt", "ordrs").stderr


def test_files_for_a_name_nobody_writes_are_told_with_the_nearest(shop):
    drop(shop.home / "bronze", "ordres", "b.csv", HEADER)
    told = " ".join(shop.type("adopt").stdout.split())
    assert "bronze/ordres/arrivals: there is no entity 'ordres'. Did you mean 'orders'?" in told
    doctor = next(check for check in shop.json("doctor")["checks"] if check["name"] == "dropped files")
    assert doctor["ok"] is False
    assert doctor["mend"] == "Did you mean 'orders'? Move them below the entity's own folder."


def test_a_file_copied_a_moment_ago_is_waited_for(shop, monkeypatch):
    file = put(shop, "a.csv", NEW, age=0)
    waits = []

    def settle(seconds):
        waits.append(seconds)
        put(shop, file.name, NEW, age=60)

    monkeypatch.setattr(arrivals.time, "sleep", settle)
    assert [found["fate"] for found in shop.json("adopt")["files"]] == ["adopted"]
    assert len(waits) == 1
    assert 0 < waits[0] <= 5


def test_a_file_that_is_written_all_the_while_is_left_for_later(shop, monkeypatch):
    put(shop, "a.csv", NEW, age=0)
    monkeypatch.setattr(arrivals.time, "sleep", lambda _: put(shop, "a.csv", NEW, age=0))
    answer = shop.type("adopt")
    assert answer.exit_code == 0
    assert "orders/a.csv is still written to; left for the next look" in answer.stdout


def test_an_entity_that_another_run_writes_stops_no_other(shop):
    put(shop, "a.csv", NEW)
    drop(shop.home / "bronze", "customers", "c.csv", "customer_id,name\nc9,Nine\n")
    with make_ground(shop.home, shop.source.path).state.lease("bronze/orders", holder="other"):
        answer = shop.type("adopt")
    assert answer.exit_code == 1
    assert "bronze/orders: run other" in " ".join(answer.stdout.split())
    assert answer.stdout.splitlines()[-1] == "next: snowpipe adopt"
    assert shop.rows("select count(*) as n from bronze.customers") == [{"n": 3}]


def test_before_the_pipelines_first_day_nothing_is_loaded(shop):
    put(shop, "a.csv", NEW)
    shop.source.set_clock("2024-02-20")
    answer = shop.type("adopt")
    assert answer.exit_code == 2
    assert "the day at the source, 2024-02-19, is before the pipeline's first day, 2024-03-01" in answer.stderr


def test_status_and_doctor_say_what_waits(shop):
    put(shop, "a.csv", NEW)
    put(shop, "bad.csv", "o9")
    shop.type("adopt")
    put(shop, "a.csv", KNOWN)
    found = {one["table"]: one for one in shop.json("status")["bronze"]}
    assert (found["bronze/orders"]["arrivals_waiting"], found["bronze/orders"]["arrivals_failed"]) == (1, 1)
    assert found["bronze/orders"]["note"] == "dropped files that wait: 1; dropped files in the dead letters: 1"
    assert found["bronze/customers"]["note"] == ""
    assert shop.type("status").stdout.splitlines()[-1] == "next: snowpipe adopt"
    doctor = next(check for check in shop.json("doctor")["checks"] if check["name"] == "dropped files")
    assert (doctor["ok"], doctor["detail"]) == (True, "1 wait; adopt them with: snowpipe adopt; 1 in the dead letters")


def test_the_shell_completes_entities(shop):
    assert _complete_entity("bronze/o") == ["bronze/orders"]
    assert _complete_entity("silver") == []

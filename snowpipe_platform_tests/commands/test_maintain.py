"""`snowpipe maintain`: one line per table, the same from a dry run, and nothing lost."""

import os
import re

from snowpipe_platform_tests.kit import make_ground

NOW = ("--older-than", "0s", "--grace", "0s")
CHANGES = "silver/order_changes"


def run_days(shop, days):
    """Each committed by a run of its own."""
    for day in range(1, days + 1):
        shop.orders((f"o{day}", "12.50", f"2024-03-0{day} 10:00"))
        shop.end_day(f"2024-03-0{day}")
        assert shop.type("run").exit_code == 0


def test_what_a_dry_run_plans_is_done_and_no_row_is_lost(shop):
    run_days(shop, 5)
    rows = shop.rows("select * from silver.fct_orders order by order_id")
    planned = shop.json("maintain", "--dry-run", *NOW)
    assert {one["table"]: one for one in planned["tables"]}[CHANGES] | {"seconds": 0} == {
        "table": CHANGES,
        "status": "planned",
        "files_before": 5,
        "files_after": 1,
        "snapshots_before": 5,
        "snapshots_after": 2,
        "orphans": 0,
        "files_removed": 4,
        "bytes_freed": planned["tables"][3]["bytes_freed"],
        "seconds": 0,
        "note": "",
    }
    assert (planned["dry_run"], planned["older_than_seconds"], planned["grace_seconds"]) == (True, 0, 0)
    assert planned["next"] == "snowpipe maintain --older-than 0s --grace 0s"
    assert_reads_well(shop.type("maintain", "--dry-run", *NOW).stdout.splitlines())
    done = shop.json("maintain", *NOW)
    assert done["next"] is None

    def said(answer):
        return [{**one, "seconds": 0, "status": one["status"].replace("planned", "ok")} for one in answer["tables"]]

    assert said(done) == said(planned)
    assert shop.rows("select * from silver.fct_orders order by order_id") == rows
    assert {one["status"] for one in shop.json("status")["tables"]} == {"ok"}
    assert shop.outcomes()["gold/daily_totals"]["status"] == "unchanged"


def assert_reads_well(lines):
    """A line of at most eighty columns for each table, and what to type next."""
    assert lines[0].split() == ["table", "files", "snapshots", "orphans", "freed", "took"]
    (line,) = [line for line in lines if line.startswith(CHANGES)]
    assert re.fullmatch(rf"{CHANGES} +5 → 1 +5 → 2 +0 +[\d.]+ kB +[\d.]+ s +planned", line)
    assert re.fullmatch(r"dry run: nothing was changed; [\d.]+ kB would be freed", lines[-2])
    assert lines[-1] == "next: snowpipe maintain --older-than 0s --grace 0s"
    assert all(len(line) <= 80 for line in lines)


def test_what_was_freed_is_said_and_a_second_time_there_is_nothing_to_do(shop):
    run_days(shop, 1)
    lost = shop.home / "lake" / CHANGES / "data" / "lost.parquet"
    lost.write_bytes(b"x" * 1500)
    os.utime(lost, (0, 0))
    done = shop.type("maintain")
    assert re.search(rf"{CHANGES} +1 +1 +1 +1.5 kB +[\d.]+ s +ok\n", done.stdout)
    assert (done.stdout.splitlines()[-1], lost.exists()) == ("1.5 kB freed", False)
    again = shop.type("maintain")
    assert (again.exit_code, again.stdout.splitlines()[-1]) == (0, "nothing to do: every table is as it was")
    assert shop.json("maintain")["next"] is None


def test_tables_are_named_as_everywhere(shop):
    assert [one["table"] for one in shop.json("maintain", "daily_totals", "bronze/orders")["tables"]] == [
        "bronze/orders",
        "gold/daily_totals",
    ]
    wrong = shop.type("maintain", "dayly_totals")
    assert (wrong.exit_code, "Did you mean 'gold/daily_totals'?" in wrong.stderr) == (2, True)


def test_a_duration_that_is_none_says_how_it_is_written(shop):
    wrong = shop.type("maintain", "--older-than", "a week")
    assert wrong.exit_code == 2
    assert "older-than 'a week' is not a duration. Write one such as 7d, 36h or 90m." in wrong.stderr


def test_a_table_that_is_being_written_is_skipped_and_the_command_succeeds(shop):
    run_days(shop, 1)
    state = make_ground(shop.home, shop.source.path).state
    with state.lease(CHANGES, holder="r1"):
        done = shop.type("maintain", *NOW)
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert next(line for line in lines if line.startswith(CHANGES)).endswith("skipped")
    assert "run r1" in done.stdout
    assert lines[-1].startswith("next: the same command again")


def test_a_table_that_cannot_be_maintained_fails_the_command(shop):
    run_days(shop, 1)
    for path in (shop.home / "lake" / "silver" / "order_changes" / "data").rglob("*.parquet"):
        path.unlink()
    done = shop.type("maintain", CHANGES, "--traceback")
    assert done.exit_code == 1
    assert "is missing, so nothing is removed" in " ".join(done.stdout.split())
    assert done.stdout.splitlines()[-1] == "next: snowpipe doctor"
    assert "LakeError" in done.stderr
    assert shop.json("maintain", CHANGES)["tables"][0]["status"] == "FAILED"


def test_before_the_first_run_there_is_nothing_to_do(shop):
    done = shop.type("maintain")
    assert done.exit_code == 0
    assert "never run" in done.stdout

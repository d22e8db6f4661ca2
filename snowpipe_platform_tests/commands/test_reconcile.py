"""`snowpipe reconcile`: a line per load day, differences with their windows, keys and commands; and mending."""

import pytest

LATE = ("late", "9.99", "2019-05-05 05:00")
DAY = "2024-03-01"


def one_landed_day(shop):
    shop.one_day()
    assert shop.type("run").exit_code == 0


def lines(result):
    found = result.stdout.splitlines()
    assert all(len(line) <= 80 for line in found if "snowpipe" not in line and "/part-" not in line), result.stdout
    return found


def test_every_row_is_where_it_should_be(shop):
    one_landed_day(shop)
    done = shop.type("reconcile")
    assert done.exit_code == 0
    *table, well, snapshots = lines(done)
    assert [line.split() for line in table] == [
        ["table", "load", "day", "files", "rows", "source", "pending"],
        ["bronze/orders", DAY, "1", "2", "2", "-", "ok"],
        ["bronze/customers", DAY, "1", "2", "-", "-", "ok"],
    ]
    assert well == "every row is where it should be"
    assert snapshots.strip() == "held against the source by their own runs, as mode is full: bronze/customers"


def test_a_late_row_is_named_planned_mended_and_taken_in(shop):
    one_landed_day(shop)
    before = shop.json("state", "show")["queries"][0]["watermark"]
    shop.orders(LATE)

    found = shop.type("reconcile", "bronze/orders")
    assert found.exit_code == 1
    assert lines(found)[1].split() == ["bronze/orders", DAY, "1", "2", "3", "-", "differs"]
    assert lines(found)[3:] == [
        "bronze/orders 2024-03-01: 1 row at the source and not in bronze",
        "    [beginning, 2024-03-02T00:00:00.000000)",
        "    order_id=late",
        "    read the source again: snowpipe reconcile bronze/orders --day 2024-03-01",
        "    --mend",
        "next: snowpipe reconcile bronze/orders --day 2024-03-01 --mend",
    ]
    planned = shop.type("reconcile", "orders", "--day", DAY, "--mend", "--dry-run")
    assert planned.exit_code == 1
    told = " ".join(planned.stdout.split())
    assert "would read [2019-05-05T05:00:00.000000, 2019-05-05T05:00:00.000001) again" in told
    assert "dry run: nothing was written" in told
    assert shop.json("bronze", "log", "orders")["count"] == 1

    mended = shop.type("reconcile", "orders", "--day", DAY, "--mend", "--yes")
    assert mended.exit_code == 0
    assert lines(mended)[1].split() == [
        "bronze/orders",
        DAY,
        "2",
        "3",
        "3",
        "1",
        "mended",
    ]
    assert lines(mended)[-1] == f"next: snowpipe run --partition {DAY}"
    assert shop.json("state", "show")["queries"][0]["watermark"] == before

    assert shop.type("run", "--partition", DAY).exit_code == 0
    assert shop.type("reconcile").exit_code == 0
    assert shop.rows("select order_id from silver.fct_orders order by 1") == [
        {"order_id": "late"},
        {"order_id": "o1"},
        {"order_id": "o2"},
    ]


def test_the_answer_as_json(shop):
    one_landed_day(shop)
    shop.orders(LATE)
    answer = shop.json("reconcile", "silver/order_changes")
    again = "snowpipe reconcile bronze/orders --day 2024-03-01 --mend"
    assert answer == {
        "dry_run": False,
        "days": [
            {
                "table": "bronze/orders",
                "load_day": DAY,
                "status": "differs",
                "files": 1,
                "rows": 2,
                "source_rows": 3,
                "pending": 0,
                "unconsumed": 0,
                "kept_out": 0,
                "elsewhere": 0,
                "gone": 0,
                "mended": 0,
                "differences": [
                    {
                        "part": "source",
                        "where": "[beginning, 2024-03-02T00:00:00.000000)",
                        "what": "at the source and not in bronze",
                        "rows": 1,
                        "keys": ["order_id=late"],
                        "mend": again,
                    }
                ],
                "missing": [{"lower": "2019-05-05T05:00:00.000000", "upper": "2019-05-05T05:00:00.000001"}],
                "notes": [],
                "error": None,
            }
        ],
        "next": again,
    }


def test_a_damaged_file_is_named_with_both_ways_to_mend_it(shop):
    one_landed_day(shop)
    (path,) = (shop.home / "bronze" / "customers").rglob("part-*")
    path.unlink()
    found = shop.type("reconcile", "customers")
    assert found.exit_code == 1
    told = " ".join(found.stdout.split())
    assert "2 rows of entry 1 in a file that is missing" in told
    assert str(path.relative_to(shop.home / "bronze")) in told
    assert "restore the file from a backup, or take its entry back and run its day again" in told
    assert lines(found)[-1] == "next: snowpipe bronze withdraw customers 1 --reason 'damaged file'"


def test_a_day_that_cannot_be_compared_fails_by_itself(shop):
    one_landed_day(shop)
    shop.source.run("ALTER TABLE orders DROP COLUMN note")
    found = shop.json("reconcile")
    assert [(one["table"], one["status"]) for one in found["days"]] == [
        ("bronze/orders", "FAILED"),
        ("bronze/customers", "ok"),
    ]
    assert "note is gone" in found["days"][0]["error"]
    assert shop.type("reconcile").exit_code == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(["gold/daily_totals"], "Name one that has: bronze/orders, bronze/customers", id="no source"),
        pytest.param(["--day", "2024-03-05"], "load day 2024-03-05 has landed nothing", id="no such day"),
        pytest.param(["--day", DAY, "--from", DAY], "--day names one day, --from and --to a range", id="two ways"),
        pytest.param(["--to", DAY], "--to needs --from", id="half a range"),
        pytest.param(["--from", "2024-03-02", "--to", DAY], "Exchange --from and --to", id="backwards"),
        pytest.param(["--dry-run"], "without --mend nothing is written", id="nothing to plan"),
        pytest.param(["orderz"], "Did you mean", id="misspelt"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_line(shop, words, told):
    one_landed_day(shop)
    refused = shop.type("reconcile", *words)
    assert refused.exit_code == 2
    assert told in refused.stderr


def test_before_anything_has_landed_there_is_nothing_to_compare(shop):
    done = shop.type("reconcile")
    assert (done.exit_code, done.stdout) == (0, "no load day has landed yet\nnext: snowpipe run\n")

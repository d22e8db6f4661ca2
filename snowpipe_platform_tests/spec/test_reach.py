"""What was read, skipped, or waits to be read again, after runs, a person's decisions and withdrawals."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from snowpipe_platform.spec.bronze_log import incomplete_days, last_extraction, live_watermark
from snowpipe_platform.spec.manifest import BronzeFile, ColumnSpec, Coverage
from snowpipe_platform.spec.reach import reach_of, reaches
from snowpipe_platform.spec.watermark import WatermarkKind
from snowpipe_platform_tests.contracts.bronze_store import manifest

NUMBER = WatermarkKind.NUMBER


def read(number, lower, upper, *, day=None, rows=None, moves=True, **facts):
    """A run that read numbers [lower, upper); rows: the lowest and highest it landed."""
    coverage = Coverage(kind=NUMBER, lower=None if lower is None else str(lower), upper=str(upper))
    low, high = rows or (upper - 1, upper - 1)
    file = BronzeFile(path="x", rows=1, size_bytes=1, watermark_min=str(low), watermark_max=str(high))
    facts = {"load_day": date(2024, 3, day or number), "coverage": coverage, "moves_watermark": moves, **facts}
    return manifest(number, file).model_copy(update=facts)


def moved(number, to):
    coverage = Coverage(kind=NUMBER, lower=str(to), upper=str(to))
    facts = {"kind": "watermark", "coverage": coverage, "moves_watermark": True, "by": "ann"}
    return manifest(number).model_copy(update=facts)


def withdraw(number, which):
    return manifest(number).model_copy(update={"kind": "withdrawal", "withdraws": which, "by": "ann"})


def bounds(ranges):
    return [(None if i.lower is None else int(i.lower), int(i.upper)) for i in ranges.intervals]


RUNS = (read(1, None, 5), read(2, 3, 9), read(3, 7, 12))
"""Each run looks two numbers back."""


def test_an_empty_log_has_covered_nothing():
    assert (live_watermark([]), last_extraction([])) == (None, None)


@pytest.mark.parametrize(
    ("log", "watermark", "skipped"),
    [
        pytest.param(RUNS, 12, [], id="runs"),
        pytest.param((*RUNS, moved(4, 20)), 20, [(12, 20)], id="set forward"),
        pytest.param((*RUNS, moved(4, 20), read(5, 18, 25)), 25, [(12, 20)], id="a run after it"),
        pytest.param((*RUNS, moved(4, 6)), 6, [], id="rewound"),
        pytest.param((*RUNS, moved(4, 6), read(5, 4, 13)), 13, [], id="a run after it"),
        pytest.param((*RUNS, moved(4, 20), moved(5, 15)), 15, [(12, 15)], id="rewound into what was skipped"),
        pytest.param((*RUNS, moved(4, 20), moved(5, 8)), 8, [], id="rewound before what was skipped"),
        pytest.param((*RUNS, moved(4, 20), moved(5, 30)), 30, [(12, 30)], id="set forward twice"),
        pytest.param((*RUNS, moved(4, 12)), 12, [], id="set where it is"),
        pytest.param(
            (*RUNS, moved(4, 20), withdraw(5, 2), moved(6, 7)), 7, [(5, 7), (12, 20)], id="set forward before a skip"
        ),
        pytest.param(
            (read(1, 4, 5), withdraw(2, 1), moved(3, 9)), 9, [(None, 9)], id="set forward when nothing is covered"
        ),
        pytest.param((read(1, 4, 9), moved(2, 1)), 1, [], id="rewound before the first run's start"),
    ],
)
def test_a_person_sets_the_watermark(log, watermark, skipped):
    reach = reach_of(log)
    assert (reach.watermark, bounds(reach.skipped)) == (Decimal(watermark), skipped)


@pytest.mark.parametrize(
    ("log", "watermark"),
    [
        pytest.param((*RUNS, withdraw(4, 3)), 9, id="the last run"),
        pytest.param((*RUNS, withdraw(4, 2)), 5, id="a run whose end a later one looked back behind"),
        pytest.param((read(1, None, 5), read(2, None, 9), read(3, None, 12), withdraw(4, 2)), 5, id="whose start, too"),
        pytest.param((*RUNS, withdraw(4, 1)), None, id="the first"),
        pytest.param((read(1, 0, 5), read(2, 3, 9), withdraw(3, 1)), None, id="the first, which had a start"),
        pytest.param((*RUNS, withdraw(4, 3), withdraw(5, 2)), 5, id="two"),
        pytest.param((*RUNS, withdraw(4, 2), read(5, 3, 9)), 12, id="read again, what lay beyond counts again"),
        pytest.param((*RUNS, withdraw(4, 2), read(5, 3, 7)), 7, id="read again in part"),
        pytest.param((*RUNS, withdraw(4, 2), read(5, 3, 9), withdraw(6, 5)), 5, id="read again, and withdrawn again"),
        pytest.param((*RUNS, withdraw(4, 1), read(5, None, 14)), 14, id="the first, read again with all since"),
        pytest.param(
            (read(1, None, 5), read(2, 3, 9, rows=(3, 8)), withdraw(3, 2)), 3, id="a run that took a late row"
        ),
        pytest.param((*RUNS, read(4, 6, 8, moves=False, rows=(6, 6)), withdraw(5, 4)), 6, id="a backfill"),
        pytest.param(
            (read(1, 10, 15), read(2, 3, 5, moves=False, rows=(3, 3)), withdraw(3, 2)),
            15,
            id="a backfill before the first run's start",
        ),
        pytest.param(
            (*RUNS, moved(4, 20), read(5, 18, 25), withdraw(6, 3)), 9, id="a run before what a person skipped"
        ),
        pytest.param((*RUNS, moved(4, 20), withdraw(5, 3), read(6, 7, 12)), 20, id="read again up to what was skipped"),
    ],
)
def test_what_is_withdrawn_is_read_again(log, watermark):
    assert live_watermark(log) == (None if watermark is None else Decimal(watermark))


def test_what_was_skipped_stays_so_when_a_run_before_it_is_withdrawn():
    reach = reach_of((*RUNS, moved(4, 20), read(5, 9, 25), withdraw(6, 5)))
    assert (reach.watermark, bounds(reach.covered), bounds(reach.skipped)) == (20, [(None, 20)], [(12, 20)])


def test_each_entry_has_the_watermark_of_its_time():
    log = (*RUNS, moved(4, 6), withdraw(5, 1), read(6, None, 14))
    found = [None if reach.watermark is None else int(reach.watermark) for _, reach in reaches(log)]
    assert found == [5, 9, 12, 6, None, 14]


@pytest.mark.parametrize(
    ("log", "days"),
    [
        pytest.param(RUNS, [], id="nothing withdrawn"),
        pytest.param((*RUNS, withdraw(4, 2)), [2], id="until it is read again"),
        pytest.param((*RUNS, withdraw(4, 2), read(5, 3, 9, day=2)), [], id="by its own day"),
        pytest.param((*RUNS, withdraw(4, 2), read(5, 3, 14)), [], id="by a later day"),
        pytest.param((*RUNS, withdraw(4, 2), read(5, 3, 8, day=2)), [2], id="in part"),
        pytest.param((*RUNS, withdraw(4, 2), read(5, 0, 99, query="other")), [2], id="by another query"),
        pytest.param((*RUNS, withdraw(4, 2), moved(5, 20)), [], id="or a person skips it"),
        pytest.param((*RUNS, withdraw(4, 2), moved(5, 7)), [2], id="or a part of it"),
        pytest.param(
            (*RUNS, read(4, 6, 8, day=9, moves=False), withdraw(5, 4), read(6, 6, 8, moves=False)), [], id="a backfill"
        ),
        pytest.param((read(1, 5, 9, kind="arrival"), withdraw(2, 1)), [], id="a file that came by hand"),
        pytest.param((read(1, 5, 9, by="ann"), withdraw(2, 1)), [], id="rows a person landed"),
    ],
)
def test_the_day_of_what_was_withdrawn_is_incomplete(log, days):
    assert incomplete_days(log) == [date(2024, 3, day) for day in days]


def test_a_withdrawn_snapshot_waits_for_the_next():
    snapshot = {"coverage": None, "moves_watermark": False, "mode": "full"}
    log = [read(1, 0, 1, **snapshot), withdraw(2, 1)]
    assert incomplete_days(log) == [date(2024, 3, 1)]
    assert incomplete_days([*log, read(3, 0, 1, **snapshot)]) == []


def test_a_continuation_that_is_withdrawn_leaves_its_day_cut_short():
    cut = Coverage(kind=NUMBER, lower="1", upper="5", asked_upper="9")
    log = [read(1, None, 5, complete=False, coverage=cut), read(2, 5, 9, day=1), withdraw(3, 2)]
    assert incomplete_days(log) == [date(2024, 3, 1)]


def timestamps(number, lower, upper, **facts):
    coverage = Coverage(kind=WatermarkKind.TIMESTAMP, lower=lower, upper=upper)
    return read(number, 0, 1, coverage=coverage, files=(), **facts)


def dates(number, lower, upper):
    return timestamps(number, lower, upper).model_copy(
        update={"coverage": Coverage(kind=WatermarkKind.DATE, lower=lower, upper=upper)}
    )


def test_a_date_that_became_an_instant_goes_on_where_it_was():
    log = [dates(1, None, "2024-03-02"), timestamps(2, "2024-03-01", "2024-03-02T06:00:00"), withdraw(3, 1)]
    assert live_watermark(log[:2]) == datetime(2024, 3, 2, 6)
    assert live_watermark(log) is None
    assert live_watermark([*log[:2], withdraw(3, 2)]) == datetime(2024, 3, 2)


def test_of_a_number_that_became_an_instant_nothing_is_known():
    log = [*RUNS, moved(4, 20), timestamps(5, None, "2024-03-02T00:00:00"), withdraw(6, 2)]
    reach = reach_of(log)
    assert (reach.watermark, reach.skipped.intervals, reach.holes) == (datetime(2024, 3, 2), (), ())


def test_the_last_extraction_is_of_those_that_count():
    columns = (ColumnSpec(name="id", type="int64"),)
    log = [read(1, None, 5, columns=columns), read(2, 5, 9), moved(3, 7), withdraw(4, 2)]
    found = last_extraction(log)
    assert found is not None
    assert (found.number, found.columns) == (1, columns)

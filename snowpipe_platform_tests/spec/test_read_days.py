"""A day is there when an extraction that counts has read to its end."""

from datetime import date, datetime

import pytest

from snowpipe_platform.spec.manifest import BronzeFile, Coverage
from snowpipe_platform.spec.read_days import read_at, unread_days
from snowpipe_platform.spec.watermark import WatermarkKind
from snowpipe_platform_tests.contracts.bronze_store import manifest

LAST = date(2024, 3, 4)


def read(number, lower, upper, *, day=None, kind=WatermarkKind.TIMESTAMP, lowest=None, moves=True, **facts):
    """A run for a day of March, at noon of the day after, that read between two instants; lowest: of its rows."""
    coverage = Coverage(kind=kind, lower=lower and f"2024-03-{lower}", upper=f"2024-03-{upper}")
    mark = f"2024-03-{lowest or upper}"
    file = BronzeFile(path="x", rows=1, size_bytes=1, watermark_min=mark, watermark_max=mark)
    day = day or number
    facts = {"load_day": date(2024, 3, day), "extracted_at": datetime(2024, 3, day + 1, 12), **facts}
    return manifest(number, file).model_copy(update={"coverage": coverage, "moves_watermark": moves, **facts})


def withdraw(number, which):
    return manifest(number).model_copy(update={"kind": "withdrawal", "withdraws": which, "by": "ann"})


def moved(number, to):
    coverage = Coverage(kind=WatermarkKind.TIMESTAMP, lower=f"2024-03-{to}", upper=f"2024-03-{to}")
    facts = {"kind": "watermark", "coverage": coverage, "moves_watermark": True, "by": "ann"}
    return manifest(number).model_copy(update=facts)


RUNS = (read(1, None, "02"), read(2, "01", "03"), read(3, "02", "04", lowest="02T10:00"))
"""Each run looks a day back; the third found a late row of the second day."""
SNAPSHOT = {"mode": "full", "coverage": None, "moves_watermark": False}


@pytest.mark.parametrize(
    ("log", "days"),
    [
        pytest.param((), [], id="nothing"),
        pytest.param((*RUNS, read(4, "03", "05")), [], id="to the end"),
        pytest.param(RUNS, [4], id="a day behind"),
        pytest.param((*RUNS[:2], read(3, "02", "03T12:00")), [3, 4], id="half a day"),
        pytest.param((read(1, None, "02", kind=WatermarkKind.DATE),), [2, 3, 4], id="a date"),
        pytest.param((*RUNS, read(4, "03", "09")), [], id="ahead"),
        pytest.param((RUNS[0], read(2, "01", "04", day=3)), [4], id="a missed day that the next run read"),
        pytest.param((*RUNS, withdraw(4, 3)), [3, 4], id="withdrawn with a late row of the day before"),
        pytest.param((*RUNS, withdraw(4, 3), read(5, "02", "05", day=4)), [], id="a later run read it"),
        pytest.param((*RUNS, withdraw(4, 1)), [1, 4], id="the first withdrawn"),
        pytest.param((*RUNS, moved(4, "01T12:00")), [4], id="rewound"),
        pytest.param((*RUNS, moved(4, "04T12:00")), [4], id="half a day skipped"),
        pytest.param((*RUNS, moved(4, "05")), [], id="a day skipped"),
        pytest.param((read(1, "01", "02"), moved(2, "01"), withdraw(3, 1)), [1, 2, 3, 4], id="all withdrawn"),
        pytest.param((read(1, None, "02").model_copy(update=SNAPSHOT),), [], id="a snapshot tells no day"),
        pytest.param(
            (read(1, None, "02").model_copy(update=SNAPSHOT), withdraw(2, 1)), [1], id="but that it was withdrawn"
        ),
    ],
)
def test_days_that_are_not_read_to_their_end(log, days: list[int]):
    assert unread_days(log, last=LAST) == [date(2024, 3, day) for day in days]


@pytest.mark.parametrize(
    ("log", "day", "at"),
    [
        pytest.param(RUNS, 2, datetime(2024, 3, 3, 12), id="by its own run"),
        pytest.param(RUNS, 4, None, id="not yet"),
        pytest.param((RUNS[0], read(2, "01", "04", day=3)), 2, datetime(2024, 3, 4, 12), id="by the next run"),
        pytest.param((*RUNS, withdraw(4, 3)), 3, None, id="withdrawn"),
        pytest.param((*RUNS, withdraw(4, 3)), 2, datetime(2024, 3, 3, 12), id="the day before it"),
        pytest.param(
            (*RUNS, withdraw(4, 3), read(5, "02", "05", day=4)), 3, datetime(2024, 3, 5, 12), id="by a later run"
        ),
    ],
)
def test_when_a_day_was_first_read_to_its_end(log, day: int, at):
    assert read_at(log, date(2024, 3, day)) == at


def test_a_number_tells_no_day():
    coverage = Coverage(kind=WatermarkKind.NUMBER, lower=None, upper="20240305")
    log = [manifest(1).model_copy(update={"coverage": coverage, "moves_watermark": True})]
    assert (read_at(log, LAST), unread_days(log, last=LAST)) == (None, [])

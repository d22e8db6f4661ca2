from datetime import date, datetime
from decimal import Decimal

import pytest

from snowpipe_platform.spec.bronze_log import incomplete_days, live_watermark
from snowpipe_platform.spec.manifest import Coverage, Manifest, day_folder
from snowpipe_platform.spec.watermark import WatermarkKind
from snowpipe_platform_tests.contracts.bronze_store import manifest


def entry(day, lower, upper, asked=None, *, moves=True, query="orders"):
    """A manifest of load day 2024-03-<day> that read numbers [lower, upper) of [lower, asked)."""
    number = lambda value: None if value is None else str(value)  # noqa: E731
    coverage = Coverage(kind=WatermarkKind.NUMBER, lower=number(lower), upper=str(upper), asked_upper=number(asked))
    facts = {"load_day": date(2024, 3, day), "coverage": coverage, "moves_watermark": moves, "complete": asked is None}
    return manifest(1).model_copy(update={**facts, "query": query})


def test_a_manifest_survives_being_stored():
    stored = entry(1, 0, 10**37 + 1)
    assert Manifest.model_validate_json(stored.model_dump_json()) == stored


def test_fields_of_a_later_version_are_ignored():
    text = manifest(1).model_dump_json().replace('"number":1', '"number":1,"colour":"red"')
    assert Manifest.model_validate_json(text) == manifest(1)


def test_the_live_watermark_is_the_end_of_the_last_manifest_that_moved_it():
    assert live_watermark([]) is None
    assert live_watermark([entry(1, None, 5), entry(2, 5, 9), entry(1, 0, 99, moves=False), manifest(1)]) == Decimal(9)


@pytest.mark.case("A62")
@pytest.mark.parametrize(
    ("log", "incomplete"),
    [
        pytest.param([], [], id="nothing was run"),
        pytest.param([entry(1, None, 5)], [], id="complete"),
        pytest.param([entry(1, None, 5, 9)], [1], id="cut"),
        pytest.param([entry(1, None, 5, 9), entry(1, 5, 7, 9)], [1], id="its continuation is cut too"),
        pytest.param([entry(1, None, 5, 9), entry(1, 5, 9)], [], id="continued to its end"),
        pytest.param([entry(1, None, 5, 9), entry(2, 5, 12)], [], id="the next day read the rest"),
        pytest.param([entry(1, None, 5, 9), entry(2, 5, 7, 12), entry(3, 7, 12)], [], id="two days read the rest"),
        pytest.param([entry(1, None, 5, 9), entry(2, 5, 7, 12)], [1, 2], id="the next day is cut before its end"),
        pytest.param([entry(1, None, 5, 9), entry(2, 6, 12, moves=False)], [1], id="a backfill beside the rest"),
        pytest.param([entry(1, None, 5, 9), entry(2, 5, 12, query="other")], [1], id="another query's coverage"),
        pytest.param(
            [entry(1, None, 5), entry(1, 2, 3, 5, moves=False)], [1], id="a backfill of a complete day is cut"
        ),
    ],
)
def test_days_cut_short_are_incomplete_until_their_rest_is_read(log, incomplete):
    assert incomplete_days(log) == [date(2024, 3, day) for day in incomplete]


@pytest.mark.parametrize(
    ("partition_by", "folder"),
    [
        ("none", ""),
        ("month", "year=2024/month=03"),
        ("date", "year=2024/month=03/day=01"),
        ("hour", "year=2024/month=03/day=01/hour=07"),
    ],
)
def test_the_folder_of_a_day(partition_by, folder):
    at = datetime(2024, 3, 2, 7, 30)
    assert day_folder(date(2024, 3, 1), partition_by, extracted_at=at) == folder

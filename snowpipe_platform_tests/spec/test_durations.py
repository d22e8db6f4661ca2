"""Lengths of time as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from snowpipe_platform.spec.durations import duration_from_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("2h", timedelta(hours=2)),
        ("3d", timedelta(days=3)),
        ("1w", timedelta(weeks=1)),
        ("2 days", timedelta(days=2)),
        ("1 hour 30 minutes", timedelta(hours=1, minutes=30)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        (" 1.5H ", timedelta(hours=1, minutes=30)),
        ("0.1s", timedelta(microseconds=100_000)),
        ("0s", timedelta(0)),
        ("PT15M", timedelta(minutes=15)),
        ("P2D", timedelta(days=2)),
        ("P1DT2H3M4.5S", timedelta(days=1, hours=2, minutes=3, seconds=4, microseconds=500_000)),
        ("P2W", timedelta(weeks=2)),
    ],
)
def test_durations_are_read_from_text(text, expected):
    assert duration_from_text(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "m",
        "-3d",
        "3 months",
        "1y",
        "P",
        "PT",
        "P1M",
        "P1Y",
        "PT1D",
        "1:30",
        "1,5h",
        "1e3s",
        "٣d",
        "999999999999d",
    ],
)
def test_text_that_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="duration"):
        duration_from_text(text)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=364)))
def test_a_duration_survives_its_own_json(duration):
    iso = TypeAdapter(timedelta).dump_json(duration).decode().strip('"')
    assert duration_from_text(iso) == duration

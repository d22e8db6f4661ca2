"""Origins as people type and logs keep them, and what decisions make of a log."""

from datetime import date

import pytest

from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.spec.bronze_log import landings
from snowpipe_platform.spec.origins import Origin, decided, decode_origins, encode_origins, parse_origin
from snowpipe_platform_tests.contracts.bronze_store import manifest


def entry(number, kind="extraction", **facts):
    facts = {"kind": kind, "load_day": date(2024, 3, 1), **facts}
    return manifest(number).model_copy(update=facts)


def origins(*texts):
    return {parse_origin(text) for text in texts}


@pytest.mark.parametrize("text", ["12:5", "#12:5", " 12:5 "])
def test_an_id_is_entry_and_row_as_an_export_may_write_it(text):
    assert (parse_origin(text), str(parse_origin(text))) == (Origin(12, 5), "12:5")


@pytest.mark.parametrize("text", ["", "12", "12:", "12:05:00", "12-5", "-1:5", "12:5,12:6", "a:b"])
def test_what_is_no_id_is_refused_with_how_one_is_written(text):
    with pytest.raises(ConfigurationError, match=r"is no row id\. One is written as 12:5"):
        parse_origin(text)


def test_origins_are_kept_as_ranges_and_read_back_in_order():
    given = [Origin(2, 7), Origin(1, 3), Origin(1, 2), Origin(1, 9)]
    assert encode_origins(given) == {1: "2-3,9", 2: "7"}
    assert list(decode_origins(encode_origins(given))) == sorted(given)


@pytest.mark.parametrize(
    ("decisions", "gone", "discarded"),
    [
        pytest.param([], (), (), id="nobody decided"),
        pytest.param([("correction", {1: "0-1"})], ("1:0", "1:1"), (), id="two rows edited"),
        pytest.param([("discard", {1: "0"})], (), ("1:0",), id="one given up"),
        pytest.param([("correction", {1: "0"}), ("correction", {2: "0"})], ("1:0", "2:0"), (), id="edited twice"),
        pytest.param([("correction", {1: "0"}), ("discard", {2: "0"})], ("1:0",), ("2:0",), id="an edit given up"),
        pytest.param([("correction", {1: "0"}), ("withdrawal", 2)], (), (), id="an edit withdrawn"),
        pytest.param([("discard", {1: "0"}), ("withdrawal", 2)], (), (), id="a discard withdrawn"),
        pytest.param(
            [("correction", {1: "0-1"}), ("withdrawal", 1)], ("1:0", "1:1", "2:0", "2:1"), (), id="its source"
        ),
        pytest.param(
            [("correction", {1: "0"}), ("correction", {2: "0"}), ("withdrawal", 2)],
            ("2:0", "3:0"),
            (),
            id="an edit of a withdrawn edit",
        ),
        pytest.param(
            [("correction", {1: "0"}), ("correction", {1: "0"})], ("1:0", "3:0"), (), id="the same row edited twice"
        ),
    ],
)
def test_what_decisions_make_of_rows(decisions, gone, discarded):
    log = [entry(1)]
    for kind, about in decisions:
        facts = {"withdraws": about} if kind == "withdrawal" else {"supersedes": about}
        log.append(entry(len(log) + 1, kind, **facts))
    assert (decided(log).gone, decided(log).discarded) == (origins(*gone), origins(*discarded))


def test_landings_are_what_came_from_outside_and_counts():
    log = [
        entry(1),
        entry(2, "arrival"),
        entry(3, "correction", supersedes={1: "0"}),
        entry(4, "discard", supersedes={1: "1"}),
        entry(5, "watermark"),
        entry(6, "withdrawal", withdraws=2),
    ]
    assert [found.number for found in landings(log)] == [1]

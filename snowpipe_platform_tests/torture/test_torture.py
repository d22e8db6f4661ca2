"""A run that is killed at any step loses and doubles nothing, and the harness that says so can tell when one does."""

import json
import sys
from collections import Counter

import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from snowpipe_platform_tests.torture.changes import Change
from snowpipe_platform_tests.torture.child import STEPS, AtStep
from snowpipe_platform_tests.torture.killer import AtMoment, Killer
from snowpipe_platform_tests.torture.shapes import KINDS, Shape
from snowpipe_platform_tests.torture.strategies import trials
from snowpipe_platform_tests.torture.trial import Attempt, Played, Round, Tally, TortureError, Trial, play, played

NEWS = (Change("many"), Change("bad", key=1), Change("wait"))
LEFT_BEHIND = Attempt(before=NEWS, kill=AtStep("before manifest"))
"""Files that no manifest names."""
ROUNDS_OF = 6


@pytest.fixture(scope="module")
def killer():
    return Killer()


@pytest.fixture
def tally(request):
    """Told with the test, whatever its end: as properties of a JUnit report, and on its stdout."""
    tally = Tally()
    yield tally
    told = {"trials": tally.trials, "kills": tally.kills.total(), "rows checked": tally.rows_checked}
    request.node.user_properties += told.items()
    sys.stdout.write(f"{told} {dict(tally.kills)}\n")


def every_step(steps):
    """One live run after another, each killed at the next step; after some of them one goes through."""
    attempts = []
    for step in steps:
        attempts += [LEFT_BEHIND] if "folder" in step else []
        attempts.append(Attempt(before=NEWS, kill=AtStep(step)))
    starts = range(0, len(attempts), ROUNDS_OF)
    return tuple(Round(attempts=tuple(attempts[start : start + ROUNDS_OF])) for start in starts)


@pytest.mark.slow
@pytest.mark.case("A9")
@pytest.mark.parametrize(("file_format", "steps"), [("parquet", STEPS[::2]), ("json", STEPS[1::2])])
def test_a_run_killed_at_each_step_loses_and_doubles_nothing(killer, tally, file_format, steps):
    play(Trial(shape=Shape(file_format=file_format), rounds=every_step(steps)), killer, tally)
    left_behind = sum("folder" in step for step in steps)
    assert tally.kills == Counter(steps) + Counter({"before manifest": left_behind})
    assert tally.rows_checked > 100


@pytest.mark.slow
@pytest.mark.case("A9")
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=1, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), print_blob=True)
@given(data=st.data())
def test_whatever_changes_and_whenever_it_is_killed_each_version_lands_once(killer, tally, kind, data):
    trial = data.draw(trials(["parquet", "json"], kinds=[kind], rounds=2, attempts=3), label="trial")
    play(trial, killer, tally)


def test_a_run_is_killed_wherever_it_is(killer, tally):
    attempts = tuple(Attempt(before=NEWS, kill=AtMoment(thousandths)) for thousandths in (100, 300, 500))
    play(Trial(shape=Shape(), rounds=(Round(attempts=attempts),)), killer, tally)
    assert tally.kills["at random"] >= 2


@pytest.fixture
def recovered(killer):
    """A trial that went well so far: five rows of bronze and silver."""
    with played(Shape(), killer, Tally()) as play:
        play.change((Change("many"), Change("wait")))
        play.recover()
        yield play


def found(play: Played):
    return sorted({problem.kind for problem in play.checker.after_a_run()})


def rewrite(play, alter):
    """Put other rows in the place of those of bronze's first file."""
    path = min(play.checker.bronze.rglob("part-*"))
    pq.write_table(alter(pq.read_table(path)), path)


def test_nothing_is_found_where_nothing_is_wrong(recovered):
    assert found(recovered) == []


def test_a_row_that_goes_from_bronze_is_lost(recovered):
    rewrite(recovered, lambda rows: rows.slice(1))
    problems = recovered.checker.after_a_run()
    (lost,) = [problem.told for problem in problems if problem.kind == "lost"]
    assert lost == f"{min(recovered.source.rows)} is in bronze 0 times, and was shown 1 times"


def test_a_file_that_goes_from_bronze_is_lost(recovered):
    path = min(recovered.checker.bronze.rglob("part-*"))
    path.unlink()
    told = [problem.told for problem in recovered.checker.at_any_time() if problem.kind == "lost"]
    assert told == [f"{path.relative_to(recovered.checker.bronze)} is gone, with its rows"]


def test_a_row_that_is_in_bronze_twice_is_doubled(recovered):
    rewrite(recovered, lambda rows: pa.concat_tables([rows, rows.slice(0, 1)]))
    assert "doubled" in {problem.kind for problem in recovered.checker.at_any_time()}


def test_a_row_that_the_source_never_showed_is_wrong(recovered):
    rewrite(recovered, lambda rows: rows.set_column(1, "amount", pa.array(["0"] * len(rows))))
    assert found(recovered) == ["lost", "wrong"]


def test_a_row_that_silver_lacks_is_lost_and_one_it_has_of_nothing_is_doubled(recovered):
    log = recovered.checker.bronze / "items" / "_log" / "000000001.json"
    manifest = json.loads(log.read_text())
    for row in manifest["files"]:
        assert row["rows"] <= 2
    manifest["number"] = 2
    log.rename(log.with_name("000000002.json")).write_text(json.dumps(manifest))
    problems = recovered.checker.after_a_run()
    assert {problem.kind for problem in problems if "silver" in problem.told} == {"lost", "doubled"}


def test_a_watermark_that_goes_back_is_wrong(recovered):
    state = recovered.ground.state
    now = state.watermark("items")
    state.advance_watermark("items", expected=now, new="2024-02-01T00:00:00.000000")
    told = [problem.told for problem in recovered.checker.at_any_time()]
    assert f"the live watermark went back from {now} to 2024-02-01T00:00:00.000000" in told


def test_a_trial_with_a_finding_fails_and_tells_the_row(recovered):
    rewrite(recovered, lambda rows: pa.concat_tables([rows, rows.slice(0, 1)]))
    with pytest.raises(
        TortureError, match=r"Version\(id=0, amount='\d+', mark=\d+\) is in bronze 2 times, and was shown 1"
    ):
        recovered.recover()

"""A step along a log brings exactly the rows that the entries it takes in bring, remove, replace and give up."""

from datetime import date

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from snowpipe_platform.execution.log_step import LogStep
from snowpipe_platform.spec.origins import Origin, encode_origins
from snowpipe_platform_tests.cells import CellLog
from snowpipe_platform_tests.contracts.bronze_store import manifest

DAYS = ("2024-03-01", "2024-03-02")
day = st.sampled_from(DAYS)
pick, several = st.integers(0, 99), st.integers(1, 3)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("land"), day, several),
        st.tuples(st.just("correct"), day, pick, several),
        st.tuples(st.just("correct"), day, pick, several),
        st.tuples(st.just("discard"), day, pick, several),
        st.tuples(st.just("withdraw"), pick),
        st.tuples(st.just("run"), st.sampled_from([*DAYS, None])),
    ),
    min_size=5,
    max_size=30,
)


class Model:
    """A table as nothing but origins, each with whether it is discarded."""

    def __init__(self):
        self.cells, self.log, self.done, self.rows = CellLog(), [], frozenset(), {}

    def land(self, day, count):
        self._enter(self.cells.land(day, [None] * count), day, kind="extraction", rows_landed=count)

    def correct(self, day, pick, count):
        about = self._some(day, pick, count)
        if about:
            number = self.cells.correct(day, about, [None] * len(about))
            self._enter(number, day, kind="correction", rows_landed=len(about), supersedes=ranges(about))

    def discard(self, day, pick, count):
        about = self._some(day, pick, count)
        if about:
            self._enter(self.cells.discard(day, about), day, kind="discard", supersedes=ranges(about))

    def withdraw(self, pick):
        found = self.cells.withdrawable()
        if found:
            number = found[pick % len(found)]
            self._enter(
                self.cells.withdraw(number), self.cells.entries[number - 1][1], kind="withdrawal", withdraws=number
            )

    def run(self, day):
        after = self.done | {e.number for e in self.log if day is None or str(e.load_day) == day}
        step = LogStep.between(self.log, self.done, after)
        kept = {o: v for o, v in self.rows.items() if o[0] not in step.withdrawn and o not in step.altered}
        brought = {Origin(entry.number, row) for entry in step.new for row in range(entry.rows_landed)} - step.gone
        assert not (brought | step.again) & kept.keys(), "a row would be there twice"
        self.rows = kept | {origin: origin in step.discarded for origin in brought | step.again}
        self.done = after
        assert self.rows == {cell.origin: cell.is_discarded for cell in self.cells.cells(self.done)}

    def _some(self, day, pick, count):
        """Rows of a day that nobody gave up; a few in a row."""
        found = [cell.origin for cell in self.cells.waiting(day, lambda _: True)]
        start = pick % len(found) if found else 0
        return found[start : start + count]

    def _enter(self, number, day, **facts):
        facts = {"rows_landed": 0, **facts, "load_day": date.fromisoformat(day)}
        self.log.append(manifest(number).model_copy(update=facts))


def ranges(origins):
    return encode_origins(Origin(*origin) for origin in origins)


@pytest.mark.case("A58")
@settings(max_examples=400, deadline=None)
@given(schedule=steps)
def test_after_any_steps_the_rows_are_those_of_the_consumed_entries(schedule):
    model = Model()
    for step, *arguments in schedule:
        getattr(model, step)(*arguments)
    model.run(None)
    at_once = LogStep.between(model.log, frozenset(), model.done)
    landed = {Origin(entry.number, row) for entry in at_once.new for row in range(entry.rows_landed)}
    assert {origin: origin in at_once.discarded for origin in landed - at_once.gone} == model.rows

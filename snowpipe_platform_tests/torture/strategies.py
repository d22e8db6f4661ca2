"""Which trials there are. A trial that fails shrinks to few changes and few kills."""

from collections.abc import Sequence

import hypothesis.strategies as st

from snowpipe_platform_tests.torture.changes import DEEDS, KEYS, Change
from snowpipe_platform_tests.torture.child import READING, STEPS, AtStep
from snowpipe_platform_tests.torture.killer import AtMoment
from snowpipe_platform_tests.torture.shapes import FRACTIONS, KINDS, TICKS_A_DAY, Kind, Shape
from snowpipe_platform_tests.torture.trial import Attempt, Round, Trial

PASSES = {
    "lease taken": 3,
    "before lease freed": 3,
    "batch read": 3,
    "before fsync": 8,
    "file written": 3,
    "before count": 2,
    "before read": 2,
    "table made": 2,
    "silver staged": 2,
    "before silver commit": 2,
    "before catalog swap": 3,
    "catalog swapped": 3,
    "silver committed": 2,
}
"""How often a run with news passes a step, about; one, where nothing is said."""


FIRST = "manifest committed"
"""The step that a failure shrinks to."""


def _shape(**facts: object) -> Shape:
    if facts["kind"] == "snapshot":
        facts |= {"keyed": True, "nulls": False, "lookback": 0, "cut": False}
    facts["compared"] = bool(facts["compared"]) and bool(facts["keyed"]) and facts["kind"] != "snapshot"
    return Shape(**facts)  # type: ignore[arg-type]


def _shapes(kinds: Sequence[Kind], formats: Sequence[str]) -> st.SearchStrategy[Shape]:
    return st.builds(
        _shape,
        kind=st.sampled_from(kinds),
        keyed=st.sampled_from([True, True, False]),
        nulls=st.booleans(),
        lookback=st.sampled_from([2, 0, TICKS_A_DAY + 1]),
        cut=st.booleans(),
        compared=st.booleans(),
        file_format=st.sampled_from(formats),
    )


_change = st.builds(
    Change,
    st.sampled_from(["write", "many", *DEEDS]),
    st.integers(0, KEYS - 1),
    st.integers(-2, TICKS_A_DAY),
    st.integers(0, len(FRACTIONS) - 1),
)
_wait = st.integers(0, TICKS_A_DAY).map(lambda ticks: Change("wait", lag=ticks))
_at_step = st.sampled_from(sorted(STEPS, key=lambda step: step != FIRST)).flatmap(
    lambda step: st.builds(AtStep, st.just(step), st.integers(1, PASSES.get(step, 1)))
)
_pause = st.sampled_from([step for step in STEPS if step not in READING]).map(AtStep)


def _changes(at_most: int, *, at_least: int = 0) -> st.SearchStrategy[tuple[Change, ...]]:
    return st.lists(_change, min_size=at_least, max_size=at_most).map(tuple)


def _news(at_most: int, *, at_least: int = 0) -> st.SearchStrategy[tuple[Change, ...]]:
    """Changes, and so much time that a run sees most of them."""
    return st.tuples(_changes(at_most, at_least=at_least), _wait).map(lambda both: (*both[0], both[1]))


def trials(
    formats: Sequence[str], *, kinds: Sequence[Kind] = KINDS, rounds: int = 3, attempts: int = 8, moments: bool = False
) -> st.SearchStrategy[Trial]:
    """formats: of the files. kinds: of the watermark. rounds, attempts: in a trial and a round, at most. moments: kills
    at random moments too, which no two machines repeat exactly."""
    kills = [_at_step] * 5 + [st.none()]
    if moments:
        kills += [st.integers(0, 1_000).map(AtMoment)] * 2
    attempt = st.builds(
        Attempt,
        before=_news(3, at_least=1),
        days_back=st.sampled_from([0, 0, 0, 1, 2]),
        kill=st.one_of(kills),
        meanwhile=_changes(2),
        meanwhile_at=_pause,
    )
    tried = st.lists(attempt, min_size=2, max_size=attempts).map(tuple)
    one = st.builds(Round, attempts=tried, after=_news(2))
    return st.builds(Trial, shape=_shapes(kinds, formats), rounds=st.lists(one, min_size=1, max_size=rounds).map(tuple))

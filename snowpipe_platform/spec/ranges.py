"""Sets of watermarks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from snowpipe_platform.spec.watermark import Interval, Watermark


@dataclass(frozen=True)
class Ranges:
    """Watermarks of one kind: disjoint half-open intervals in order, of which no two touch."""

    intervals: tuple[Interval, ...] = ()

    @classmethod
    def of(cls, intervals: Iterable[Interval]) -> "Ranges":
        """What any of the intervals holds."""
        found = cls()
        for interval in intervals:
            found = found.add(interval)
        return found

    def add(self, new: Interval) -> "Ranges":
        """With the interval's watermarks too."""
        if new.is_empty:
            return self
        near = [each for each in self.intervals if _touch(each, new)]
        lowers = [each.lower for each in (*near, new)]
        lower = None if None in lowers else min(lowers)  # type: ignore[type-var]
        whole = Interval(lower, max(each.upper for each in (*near, new)))
        apart = (each for each in self.intervals if each not in near)
        return Ranges(tuple(sorted((*apart, whole), key=lambda each: each.upper)))

    def remove(self, gone: Interval) -> "Ranges":
        """Without the interval's watermarks."""
        if gone.is_empty:
            return self
        return Ranges(tuple(part for each in self.intervals for part in _parts(each, gone)))

    def without(self, other: "Ranges") -> "Ranges":
        """Without the watermarks of the other."""
        found = self
        for each in other.intervals:
            found = found.remove(each)
        return found

    def below(self, bound: Watermark) -> "Ranges":
        """The watermarks below the bound."""
        cut = (Interval(each.lower, min(each.upper, bound)) for each in self.intervals)
        return Ranges(tuple(each for each in cut if not each.is_empty))

    def first_outside(self, value: Watermark) -> Watermark:
        """The lowest watermark from `value` on that is not in it."""
        holding = (each.upper for each in self.intervals if each.meets(value, value))
        return next(holding, value)

    def each_bound(self, change: Callable[[Watermark], Watermark]) -> "Ranges":
        """With another bound for each."""
        changed = (Interval(None if i.lower is None else change(i.lower), change(i.upper)) for i in self.intervals)
        return Ranges.of(changed)


def _touch(left: Interval, right: Interval) -> bool:
    """Whether the two share a watermark, or one begins where the other ends."""
    begins_in_time = left.lower is None or left.lower <= right.upper  # type: ignore[operator]
    return begins_in_time and (right.lower is None or right.lower <= left.upper)  # type: ignore[operator]


def _parts(whole: Interval, gone: Interval) -> list[Interval]:
    """What of `whole` lies before `gone`, and what after."""
    before = [] if gone.lower is None else [Interval(whole.lower, min(whole.upper, gone.lower))]
    lower = gone.upper if whole.lower is None else max(whole.lower, gone.upper)
    return [part for part in (*before, Interval(lower, whole.upper)) if not part.is_empty]


NO_RANGE = Ranges()

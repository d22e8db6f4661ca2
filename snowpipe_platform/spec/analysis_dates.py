"""Which analysis dates an as-of table has, and which of them are no longer what they would be if made now."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta

from snowpipe_platform.spec.consumption import decode_ranges, encode_ranges

DATES_PROPERTY = "snowpipe.analysis-dates"


def end_of(on: date) -> datetime:
    """The exclusive end of a UTC day."""
    return datetime.combine(on, time()) + timedelta(days=1)


@dataclass(frozen=True)
class AnalysisDates:
    """made: dates by the code version that made them. stale: of them, those a change has come for since."""

    made: Mapping[str, frozenset[date]] = field(default_factory=dict)
    stale: frozenset[date] = frozenset()

    @property
    def all(self) -> frozenset[date]:
        return frozenset().union(*self.made.values())

    def changed_since(self, first_change_at: datetime | None) -> "AnalysisDates":
        """A change at an instant alters every date that had not ended by then; None: nothing changed."""
        if first_change_at is None:
            return self
        return replace(self, stale=self.stale | {on for on in self.all if end_of(on) > first_change_at})

    def with_stale(self, changed: Collection[date]) -> "AnalysisDates":
        """Of the changed dates those that are made are stale."""
        return replace(self, stale=self.stale | (self.all & frozenset(changed)))

    def with_made(self, on: date, *, code_version: str) -> "AnalysisDates":
        """The date is as the code makes it now."""
        kept = {code: dates - {on} for code, dates in self.made.items()}
        made = {**kept, code_version: kept.get(code_version, frozenset()) | {on}}
        return AnalysisDates({code: dates for code, dates in made.items() if dates}, self.stale - {on})

    def by_other_code(self, code_version: str) -> frozenset[date]:
        """Dates that other code than this made."""
        return frozenset().union(*(dates for code, dates in self.made.items() if code != code_version))

    def restatable(self, restate_days: int) -> list[date]:
        """Stale dates, oldest first, among the last `restate_days` days up to the newest date."""
        first = max(self.all, default=date.min).toordinal() - restate_days
        return sorted(on for on in self.stale if on.toordinal() > first)

    def oldest_code(self, code_version: str) -> str:
        """Other code that dates are still of, else this one."""
        return next((code for code in sorted(self.made) if code != code_version), code_version)

    def encode(self) -> str:
        """Compact JSON: days as ranges of ordinals."""
        made = {code: encode_ranges(_ordinals(dates)) for code, dates in self.made.items()}
        return json.dumps({"made": made, "stale": encode_ranges(_ordinals(self.stale))}, sort_keys=True)

    @classmethod
    def decode(cls, text: str | None) -> "AnalysisDates":
        """What `encode` wrote; no date when there is nothing to read."""
        if not text:
            return cls()
        stored = json.loads(text)
        return cls({code: _dates(ranges) for code, ranges in stored["made"].items()}, _dates(stored["stale"]))


def in_words(dates: Collection[date]) -> str:
    """`2024-03-01, 2024-03-04 to 2024-03-09`: runs of days, oldest first."""
    parts = encode_ranges(_ordinals(dates)).split(",") if dates else []
    runs = [tuple(date.fromordinal(int(end)).isoformat() for end in part.split("-")) for part in parts]
    return ", ".join(" to ".join(run) for run in runs)


def _ordinals(dates: Iterable[date]) -> list[int]:
    return [on.toordinal() for on in dates]


def _dates(ranges: str) -> frozenset[date]:
    return frozenset(date.fromordinal(number) for number in decode_ranges(ranges))

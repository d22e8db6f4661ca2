"""What a commit records about its rows, and what follows from it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from snowpipe_platform.spec.rule import Rule

QUALITY_PROPERTY = "snowpipe.quality"
WHOLE_TABLE = "all"


class Verdict(StrEnum):
    """How a rule stands."""

    OK = "ok"
    WARNED = "warned"
    FAILED = "failed"


@dataclass(frozen=True)
class Counts:
    """Rows looked at, rows quarantined, and rows that break each rule; a rule no row breaks may be left out.

    discarded: of the rows, those a person gave up; they break no rule any more.
    """

    rows: int
    quarantined: int = 0
    broken: Mapping[str, int] = field(default_factory=dict)
    discarded: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        ids = sorted({*self.broken, *other.broken})
        broken = {rule_id: self.broken.get(rule_id, 0) + other.broken.get(rule_id, 0) for rule_id in ids}
        rows, quarantined = self.rows + other.rows, self.quarantined + other.quarantined
        return Counts(rows, quarantined, broken, self.discarded + other.discarded)

    def share(self, rule_id: str) -> float:
        """Share of the rows not given up, 0 to 1, that break the rule."""
        judged = self.rows - self.discarded
        return self.broken.get(rule_id, 0) / judged if judged else 0.0

    def verdict(self, rule: Rule) -> Verdict:
        """Beyond `error_above` an error rule fails, beyond `warn_above` any rule warns."""
        share = self.share(rule.id)
        if rule.severity == "error" and share > rule.tolerance.error_above:
            return Verdict.FAILED
        return Verdict.WARNED if share > rule.tolerance.warn_above else Verdict.OK

    def failed(self, rules: Iterable[Rule]) -> list[Rule]:
        """The rules beyond their tolerance."""
        return [rule for rule in rules if self.verdict(rule) is Verdict.FAILED]


@dataclass(frozen=True)
class Quality:
    """Counts by load day, each of the whole day, for tables with one; by date for as-of tables; else under `all`."""

    by_partition: Mapping[str, Counts] = field(default_factory=dict)

    @property
    def total(self) -> Counts:
        """All partitions together."""
        return sum(self.by_partition.values(), Counts(0))

    def __add__(self, other: "Quality") -> "Quality":
        days = sorted({*self.by_partition, *other.by_partition})
        one, two = ({day: quality.by_partition.get(day, Counts(0)) for day in days} for quality in (self, other))
        return Quality({day: one[day] + two[day] for day in days})

    def failed(self, rules: Sequence[Rule]) -> dict[str, list[Rule]]:
        """Rules beyond their tolerance, by partition; empty when everything may be published."""
        found = {partition: counts.failed(rules) for partition, counts in self.by_partition.items()}
        return {partition: failed for partition, failed in found.items() if failed}

    def encode(self) -> str:
        return json.dumps(
            {
                k: {"rows": c.rows, "quarantined": c.quarantined, "broken": dict(c.broken), "discarded": c.discarded}
                for k, c in self.by_partition.items()
            },
            sort_keys=True,
        )

    @classmethod
    def decode(cls, text: str | None) -> "Quality":
        stored = json.loads(text) if text else {}
        return cls({key: Counts(**value) for key, value in stored.items()})

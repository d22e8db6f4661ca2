"""What a table has consumed: the only record of it travels in its own commits."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

CONSUMED_PROPERTY = "snowpipe.consumed"


@dataclass(frozen=True)
class UpstreamCommit:
    """The commit of an input table up to which a table has consumed it."""

    snapshot_id: int
    number: int


@dataclass(frozen=True)
class Consumption:
    """Manifest numbers by entity, and the last commit by input table."""

    manifests: Mapping[str, frozenset[int]] = field(default_factory=dict)
    commits: Mapping[str, UpstreamCommit] = field(default_factory=dict)

    def encode(self) -> str:
        """Compact JSON: numbers as ranges, `{"manifests": {"orders": "1-57,60"}, "commits": {…}}`."""
        manifests = {entity: encode_ranges(numbers) for entity, numbers in self.manifests.items()}
        commits = {name: [str(commit.snapshot_id), commit.number] for name, commit in self.commits.items()}
        return json.dumps({"manifests": manifests, "commits": commits}, sort_keys=True)

    def is_within(self, other: "Consumption") -> bool:
        """Whether `other` has consumed all these manifests; later commits of an input have the earlier ones in them."""
        return all(numbers <= other.manifests.get(entity, frozenset()) for entity, numbers in self.manifests.items())

    @classmethod
    def decode(cls, text: str | None) -> "Consumption":
        """Read what `encode` wrote; nothing consumed when there is nothing to read."""
        if not text:
            return cls()
        stored = json.loads(text)
        return cls(
            {entity: decode_ranges(ranges) for entity, ranges in stored["manifests"].items()},
            {name: UpstreamCommit(int(value[0]), int(value[1])) for name, value in stored["commits"].items()},
        )


def encode_ranges(numbers: Iterable[int]) -> str:
    """`{1, 2, 3, 7}` as `1-3,7`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def decode_ranges(text: str) -> frozenset[int]:
    """`1-3,7` as `{1, 2, 3, 7}`."""
    numbers: set[int] = set()
    for part in text.split(",") if text else []:
        low, _, high = part.partition("-")
        numbers.update(range(int(low), int(high or low) + 1))
    return frozenset(numbers)

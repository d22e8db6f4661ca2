"""What a table has consumed: the only record of it travels in its own commits."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

CONSUMED_PROPERTY = "snowpipe.consumed"


@dataclass(frozen=True)
class UpstreamCommit:
    """The commit of an input table up to which a table has consumed it.

    content_id: what the input's rows were; maintenance, ours or another tool's, writes new snapshots of the same rows.
    Empty in records from before it was kept. snapshot_id: where those rows were read, and are while it is not expired.
    """

    snapshot_id: int
    number: int
    content_id: str

    def has_rows_of(self, other: "UpstreamCommit") -> bool:
        """Whether both are the same rows, in whatever snapshot and files."""
        if self.content_id and other.content_id:
            return self.content_id == other.content_id
        return self.snapshot_id == other.snapshot_id


@dataclass(frozen=True)
class Consumption:
    """Manifest numbers by entity, and the last commit by input table."""

    manifests: Mapping[str, frozenset[int]] = field(default_factory=dict)
    commits: Mapping[str, UpstreamCommit] = field(default_factory=dict)

    def encode(self) -> str:
        """Compact JSON: numbers as ranges, `{"manifests": {"orders": "1-57,60"}, "commits": {…}}`."""
        manifests = {entity: encode_ranges(numbers) for entity, numbers in self.manifests.items()}
        commits = {name: [str(c.snapshot_id), c.number, c.content_id] for name, c in self.commits.items()}
        return json.dumps({"manifests": manifests, "commits": commits}, sort_keys=True)

    def is_within(self, other: "Consumption") -> bool:
        """Whether `other` has consumed all these manifests; later commits of an input have the earlier ones in them."""
        return all(numbers <= other.manifests.get(entity, frozenset()) for entity, numbers in self.manifests.items())

    def is_level_with(self, other: "Consumption") -> bool:
        """Whether both have consumed the same rows of the same tables."""
        pairs = ((commit, other.commits.get(name)) for name, commit in self.commits.items())
        same = (theirs is not None and commit.has_rows_of(theirs) for commit, theirs in pairs)
        return self.commits.keys() == other.commits.keys() and all(same)

    @classmethod
    def decode(cls, text: str | None) -> "Consumption":
        """Read what `encode` wrote; nothing consumed when there is nothing to read."""
        if not text:
            return cls()
        stored = json.loads(text)
        return cls(
            {entity: decode_ranges(ranges) for entity, ranges in stored["manifests"].items()},
            {name: _upstream(*value) for name, value in stored["commits"].items()},
        )


def _upstream(snapshot_id: str, number: int, content_id: str = "") -> UpstreamCommit:
    return UpstreamCommit(int(snapshot_id), int(number), content_id)


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

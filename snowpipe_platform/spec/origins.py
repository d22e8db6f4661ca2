"""Where a row comes from, and which landed rows count once people have decided about some of them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.spec.bronze_log import standing, withdrawn
from snowpipe_platform.spec.consumption import decode_ranges, encode_ranges
from snowpipe_platform.spec.manifest import Manifest

_ID = re.compile(r"#?(\d+):(\d+)")


class Origin(NamedTuple):
    """Entry of the bronze log and row number in it: what tells a row of a changes table from every other. `12:5`."""

    manifest_number: int
    source_row: int

    def __str__(self) -> str:
        return f"{self.manifest_number}:{self.source_row}"


@dataclass(frozen=True)
class Decided:
    """What a log's decisions say about its rows.

    gone: rows of entries that count, which do not: another row stands in their place, or what they stood for does not
    count. discarded: rows that count and were given up.
    """

    gone: frozenset[Origin]
    discarded: frozenset[Origin]


def parse_origin(text: str) -> Origin:
    """`12:5`, or `#12:5` as an export writes it. Raises ConfigurationError."""
    found = _ID.fullmatch(text.strip())
    if found is None:
        raise ConfigurationError(f"{text.strip()!r} is no row id. One is written as 12:5, entry of the log and row.")
    return Origin(int(found[1]), int(found[2]))


def encode_origins(origins: Iterable[Origin]) -> dict[int, str]:
    """As a decision names them: ranges of row numbers by entry."""
    rows: dict[int, list[int]] = {}
    for origin in sorted(origins):
        rows.setdefault(origin.manifest_number, []).append(origin.source_row)
    return {number: encode_ranges(numbers) for number, numbers in rows.items()}


def decode_origins(ranges: Mapping[int, str]) -> Iterator[Origin]:
    """The rows a decision is about, by entry and row; a correction's own rows are in the same order."""
    return (Origin(number, row) for number in sorted(ranges) for row in sorted(decode_ranges(ranges[number])))


def decided(log: Sequence[Manifest]) -> Decided:
    """Of all decisions that count. Rows that corrections bring stay in the number of those they replace: where a
    replaced row is withdrawn, or was replaced before, the one in its place does not count either."""
    withdrawn_numbers, counting = withdrawn(log), {entry.number for entry in standing(log)}
    gone: set[Origin] = set()
    discarded: set[Origin] = set()
    for entry in (entry for entry in log if entry.number not in withdrawn_numbers):
        if entry.kind == "discard":
            discarded.update(decode_origins(entry.supersedes))
        elif entry.kind == "correction":
            for row, origin in enumerate(decode_origins(entry.supersedes)):
                if origin in gone or origin.manifest_number not in counting:
                    gone.add(Origin(entry.number, row))
                gone.add(origin)
    return Decided(frozenset(gone), frozenset(discarded - gone))

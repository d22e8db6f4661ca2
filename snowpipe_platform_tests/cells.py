"""What a log of landings and decisions means, in plain Python: an oracle, written without the platform.

A landed row is a cell. A correction changes the content of a cell, and where it comes from; a discard marks it.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

Place = tuple[int, int]
"""Number of the entry, and of the row in it."""


@dataclass
class Cell:
    """A landed row as it stands: where its present content comes from, and what it is."""

    origin: Place
    day: str
    content: Any
    is_discarded: bool = False


@dataclass
class CellLog:
    """Entries as they were made, numbered from 1."""

    entries: list[tuple[str, str, Any, Any]] = field(default_factory=list)

    def land(self, day: str, rows: list[Any]) -> int:
        return self._enter("extraction", day, None, rows)

    def correct(self, day: str, about: list[Place], rows: list[Any]) -> int:
        return self._enter("correction", day, sorted(about), rows)

    def discard(self, day: str, about: list[Place]) -> int:
        return self._enter("discard", day, sorted(about), ())

    def withdraw(self, number: int) -> int:
        return self._enter("withdrawal", self.entries[number - 1][1], number, ())

    def _enter(self, *entry: Any) -> int:
        self.entries.append(entry)
        return len(self.entries)

    def withdrawable(self) -> list[int]:
        """Entries that are no withdrawal and were not withdrawn."""
        numbered = list(enumerate(self.entries, start=1))
        gone = self._withdrawn(range(1, len(numbered) + 1))
        return [number for number, entry in numbered if entry[0] != "withdrawal" and number not in gone]

    def waiting(self, day: str, is_bad: Callable[[Any], bool]) -> list[Cell]:
        """Bad rows of the day that nobody gave up, by origin."""
        found = [cell for cell in self.cells() if cell.day == day and is_bad(cell.content) and not cell.is_discarded]
        return sorted(found, key=lambda cell: cell.origin)

    def cells(self, consumed: Collection[int] | None = None) -> list[Cell]:
        """All rows that count; of the consumed entries alone where they are given."""
        counting = range(1, len(self.entries) + 1) if consumed is None else consumed
        gone, cells, discarded = self._withdrawn(counting), [], set()
        for number, (kind, day, about, rows) in enumerate(self.entries, start=1):
            if number in gone or number not in counting:
                continue
            if kind == "extraction":
                cells += [Cell((number, place), day, content) for place, content in enumerate(rows)]
            elif kind == "discard":
                discarded |= set(about)
            elif kind == "correction":
                for place, (origin, content) in enumerate(zip(about, rows, strict=True)):
                    for cell in (cell for cell in cells if cell.origin == origin):
                        cell.origin, cell.content = (number, place), content
        for cell in cells:
            cell.is_discarded = cell.origin in discarded
        return cells

    def _withdrawn(self, counting: Collection[int]) -> set[int]:
        numbered = enumerate(self.entries, start=1)
        return {entry[2] for number, entry in numbered if entry[0] == "withdrawal" and number in counting}

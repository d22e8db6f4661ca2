"""Which rows differ between what was expected and what was found, for a person to read."""

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def difference(expected: Sequence[Row], found: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Rows of one side as often as the other does not have them, sorted as text: expected only, found only."""
    missing, extra = [], list(found)
    for row in expected:
        if row in extra:
            extra.remove(row)
        else:
            missing.append(row)
    return sorted(missing, key=_texts), sorted(extra, key=_texts)


def shown_difference(columns: Sequence[str], missing: Sequence[Row], extra: Sequence[Row], *, same: int) -> str:
    """One aligned line per row, after the side it is on. The rows have these columns, in this order."""
    lines = [["", *columns]]
    lines += [["expected only", *_texts(row)] for row in missing]
    lines += [["found only", *_texts(row)] for row in extra]
    widths = [max(len(line[index]) for line in lines) for index in range(len(lines[0]))]
    text = "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
    return f"{text}\n{same} row{'' if same == 1 else 's'} as expected"


def _texts(row: Row) -> list[str]:
    return ["NULL" if value is None else str(value) for value in row.values()]

"""`snowpipe run --verify`: tables beside rebuilds of them."""

import sys
import traceback
from collections.abc import Sequence

from snowpipe_platform.commands.project import Project, find_tables
from snowpipe_platform.commands.run_report import took
from snowpipe_platform.commands.terminal import (
    Activity,
    Line,
    activity,
    count,
    counted_rows,
    print_json,
    print_lines,
    print_next,
    print_text,
    shown,
)
from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.execution.verify import Example, Verification, verify
from snowpipe_platform.execution.verify_plan import is_verifiable
from snowpipe_platform.spec.analysis_dates import in_words

TITLES = ("table", "live", "rebuilt", "differ", "only live", "only rebuilt", "took")
SHOWN_COLUMNS = 3
"""Of a key, or of the columns of a row that differ, on a terminal; JSON has all."""


def verify_tables(project: Project, asked: Sequence[str], *, as_json: bool, with_traceback: bool) -> int:
    """1 when a table is not what its inputs make of it, or could not be compared. Raises ConfigurationError for tables
    that have nothing to be compared with."""
    names = _verifiable(project, asked)
    with activity() as progress:
        found = [_verified(project, name, progress) for name in names]
    if as_json:
        print_json({"status": _worst(found), "tables": [_json(one) for one in found], "next": _next(found)})
    else:
        _print(found)
    if with_traceback:
        for one in found:
            if one.error is not None:
                traceback.print_exception(one.error)
    return 1 if any(one.error is not None or one.difference.rows for one in found) else 0


def _verifiable(project: Project, asked: Sequence[str]) -> list[str]:
    """The tables asked for that follow from their inputs; says which of those named do not."""
    by_name = project.pipeline.by_name
    names = find_tables(asked, project.pipeline)
    found = [name for name in names if name in by_name and is_verifiable(by_name[name])]
    others = ", ".join(name for name in names if name not in found)
    why = f"{others}: extractions, features and scores record what was read, known and answered"
    if not found:
        raise ConfigurationError(f"{why}; nothing makes them anew to compare. Name tables of silver or gold.")
    if asked and others:
        sys.stderr.write(f"{why}; left out\n")
    return found


def _verified(project: Project, name: str, progress: Activity) -> Verification:
    progress.update(f"{name}: rebuilding beside the table")
    return verify(project.pipeline.table(name), project.pipeline, project.ground)


def _status(one: Verification) -> str:
    if one.error is not None:
        return "FAILED"
    if one.live_rows is None:
        return "never run"
    return "differs" if one.difference.rows else "ok"


def _worst(found: Sequence[Verification]) -> str:
    order = ("never run", "ok", "differs", "FAILED")
    return max((_status(one) for one in found), key=order.index)


def _print(found: Sequence[Verification]) -> None:
    print_lines(TITLES, [_line(one) for one in found])
    if _worst(found) in {"ok", "never run"}:
        print_text("every row is what the table's inputs make of it")
    following = _next(found)
    if following is not None:
        print_next(following)


def _line(one: Verification) -> Line:
    difference = one.difference
    differing = (difference.differing, difference.only_live, difference.only_rebuilt)
    cells = (one.live_rows, one.rebuilt_rows, *(number or None for number in differing))
    return Line((one.table, *map(count, cells), took(one.seconds)), _status(one), "\n".join(_notes(one)))


def _notes(one: Verification) -> list[str]:
    if one.error is not None:
        return [str(one.error)]
    columns = one.difference.columns.items()
    notes = [f"{name} differs in {counted_rows(number)}" for name, number in columns]
    notes += [_told(example) for example in one.difference.examples]
    if one.other_code:
        told = f"made by code {', '.join(one.other_code)}, rebuilt by {one.code_version}"
        notes.append(f"{told}: the difference may be the code's" if one.difference.rows else f"{told}: the same rows")
    if one.left_out:
        notes.append(f"not compared, as they are stale and what they were made of is expired: {in_words(one.left_out)}")
    return notes


def _told(example: Example) -> str:
    """`order_id o1: amount 99.00, rebuilt 12.50`."""
    key = _some([f"{name} {shown(value)}" for name, value in example.key.items()])
    if example.columns:
        pairs = example.columns.items()
        return f"{key}: " + _some(
            [f"{name} {shown(live)}, rebuilt {shown(made)}" for name, (live, made) in pairs], "; "
        )
    return f"{key}: only in the {'live table' if example.side == 'live' else 'rebuild'}"


def _some(parts: Sequence[str], between: str = ", ") -> str:
    more = len(parts) - SHOWN_COLUMNS
    return between.join(parts[:SHOWN_COLUMNS]) + (f"{between}and {more} more" if more > 0 else "")


def _next(found: Sequence[Verification]) -> str | None:
    differing = [one.table for one in found if one.difference.rows]
    if differing:
        return f"snowpipe run {' '.join(differing)} --rebuild"
    return "snowpipe doctor" if any(one.error is not None for one in found) else None


def _json(one: Verification) -> dict[str, object]:
    """Stable keys: a program reads them."""
    difference = one.difference
    return {
        "table": one.table,
        "status": _status(one),
        "rows_live": one.live_rows,
        "rows_rebuilt": one.rebuilt_rows,
        "differing": difference.differing,
        "only_live": difference.only_live,
        "only_rebuilt": difference.only_rebuilt,
        "columns": difference.columns,
        "key": one.key,
        "examples": [
            {
                "side": example.side,
                "key": example.key,
                "columns": {name: {"live": a, "rebuilt": b} for name, (a, b) in example.columns.items()},
            }
            for example in difference.examples
        ],
        "made_by": one.made_by,
        "code_version": one.code_version,
        "dates_left_out": [on.isoformat() for on in one.left_out],
        "seconds": round(one.seconds, 3),
        "error": None if one.error is None else str(one.error),
    }

"""What `snowpipe reconcile` says of each load day."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from snowpipe_platform.commands.terminal import (
    NOTHING,
    Line,
    count,
    counted_rows,
    cut,
    print_lines,
    print_next,
    print_text,
    print_wrapped,
)
from snowpipe_platform.errors import SnowpipeError
from snowpipe_platform.execution.reconciliation import Reconciliation
from snowpipe_platform.execution.reconciliation_plan import Difference, Found, Reconciled, told
from snowpipe_platform.execution.run import BRONZE
from snowpipe_platform.spec.watermark import encode

TITLES = ("table", "load day", "files", "rows", "source", "pending")
LONGEST_KEY = 60


class Status(StrEnum):
    """How a load day stands."""

    OK = "ok"
    MENDED = "mended"
    DIFFERS = "differs"
    FAILED = "FAILED"

    @property
    def is_red(self) -> bool:
        return self in {Status.DIFFERS, Status.FAILED}


@dataclass(frozen=True)
class Day:
    """One load day. landed: rows that were missing and are landed now. error: why it was not compared or mended."""

    asked: Reconciliation
    result: Reconciled | None = None
    landed: int = 0
    error: SnowpipeError | None = None

    @property
    def name(self) -> str:
        return f"{BRONZE}{self.asked.query.entity}"

    @property
    def status(self) -> Status:
        if self.result is None or self.error is not None:
            return Status.FAILED
        if not self.result.agrees or not self._is_whole:
            return Status.DIFFERS
        return Status.MENDED if self.landed else Status.OK

    @property
    def _is_whole(self) -> bool:
        """Nothing was left out because something else is wrong; a day that is cut short is not wrong."""
        return self.result is not None and (not self.result.found.notes or self.result.window.is_cut)


def print_days(days: Sequence[Day], *, is_dry: bool) -> None:
    """A line each, then each difference, and what to type next."""
    if not days:
        print_text("no load day has landed yet")
        print_next("snowpipe run")
        return
    print_lines(TITLES, [_line(day) for day in days])
    for day in days:
        _print_differences(day)
    if is_dry:
        _print_plan(days)
    if not any(day.status.is_red for day in days):
        _print_all_well(days)
    if (following := next_command(days)) is not None:
        print_next(following)


def _print_all_well(days: Sequence[Day]) -> None:
    """What was found, and no more: rows that wait are not there yet, and a snapshot was not held against its source."""
    waiting = sum(_pending(day) for day in days)
    print_text(
        "every row is where it should be" + (f", but for {count(waiting)} that wait for a run" if waiting else "")
    )
    snapshots = sorted({day.name for day in days if day.asked.query.mode == "full"})
    if snapshots:
        print_wrapped(f"held against the source by their own runs, as mode is full: {', '.join(snapshots)}")


def next_command(days: Sequence[Day]) -> str | None:
    """Mend the first difference; take in what was landed."""
    differences = [one for day in days if day.result is not None for one in day.result.found.differences]
    if differences:
        return differences[0].mend
    if any(day.error is not None for day in days):
        return "snowpipe doctor"
    landed = [day.asked.load_day for day in days if day.landed]
    if not landed:
        return "snowpipe plan" if any(_pending(day) for day in days) else None
    first, last = min(landed), max(landed)
    return f"snowpipe run --partition {first}" if first == last else f"snowpipe run --from {first} --to {last}"


def days_json(days: Sequence[Day]) -> list[dict[str, object]]:
    """Stable keys: a program reads them."""
    return [_day_json(day) for day in days]


def _line(day: Day) -> Line:
    title = (day.name, str(day.asked.load_day))
    if day.result is None:
        return Line((*title, *[NOTHING] * 4), day.status, str(day.error))
    found = day.result.found
    pending = _pending(day)
    is_snapshot = day.asked.query.mode == "full"
    source = NOTHING if is_snapshot else count(found.source_rows)
    cells = (*title, count(found.files), count(found.rows), source, count(pending) if pending else NOTHING)
    return Line(cells, day.status, "; ".join(_notes(day, found)))


def _pending(day: Day) -> int:
    """Rows that a run of bronze or of a changes table has still to take in."""
    return 0 if day.result is None else day.result.found.pending + day.result.found.unconsumed


def _notes(day: Day, found: Found) -> list[str]:
    notes = [f"{counted_rows(day.landed)} landed"] if day.landed else []
    notes += [f"{count(found.kept_out)} in the dead letters"] if found.kept_out else []
    notes += [f"{count(found.gone)} gone from the source since"] if found.gone else []
    return [*notes, *found.notes, *([str(day.error)] if day.error is not None else [])]


def _print_differences(day: Day) -> None:
    for one in day.result.found.differences if day.result is not None else ():
        print_text()
        print_text(f"{day.name} {day.asked.load_day}: {one.sentence}")
        print_wrapped(one.where)
        if one.keys:
            print_wrapped(_keys(one))
        print_wrapped(f"{one.advice}: {one.mend}")


def _keys(one: Difference) -> str:
    more = one.rows - len(one.keys)
    named = ", ".join(cut(key, LONGEST_KEY) for key in one.keys)
    return f"{named} and {count(more)} more" if more > 0 else named


def _print_plan(days: Sequence[Day]) -> None:
    print_text()
    parts = [(day, each) for day in days if day.result is not None for each in day.result.mendable]
    for day, interval in parts:
        print_text(f"{day.name} {day.asked.load_day}: would read {told(interval)} again")
    print_text("dry run: nothing was written" if parts else "dry run: there is nothing to read again")


def _day_json(day: Day) -> dict[str, object]:
    found = day.result.found if day.result is not None else Found()
    return {
        "table": day.name,
        "load_day": day.asked.load_day,
        "status": day.status,
        "files": found.files,
        "rows": found.rows,
        "source_rows": None if day.asked.query.mode == "full" else found.source_rows,
        "pending": found.pending,
        "unconsumed": found.unconsumed,
        "kept_out": found.kept_out,
        "elsewhere": found.elsewhere,
        "gone": found.gone,
        "mended": day.landed,
        "differences": [
            {
                "part": one.part,
                "where": one.where,
                "what": one.what,
                "rows": one.rows,
                "keys": list(one.keys),
                "mend": one.mend,
            }
            for one in found.differences
        ],
        "missing": [{"lower": encode(each.lower), "upper": encode(each.upper)} for each in found.missing],
        "notes": list(found.notes),
        "error": None if day.error is None else str(day.error),
    }

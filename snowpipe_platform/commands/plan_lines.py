"""One aligned line for each table of a plan; several days of a table are one line."""

from collections.abc import Iterable, Sequence

from snowpipe_platform.commands.run_report import took
from snowpipe_platform.commands.terminal import NOTHING, Line, count
from snowpipe_platform.execution.preview import Certainty, ExtractionPreview, Preview, TablePreview, Volume
from snowpipe_platform.execution.preview_run import Stale
from snowpipe_platform.spec.consumption import encode_ranges

EXTRACTION_TITLES = ("extraction", "rows", "landed")
TABLE_TITLES = ("table", "changed", "keys", "rewritten", "files", "size")
STALE_TITLES = ("stale", "rows", "reads", "writes", "about")

AT_LEAST, AT_MOST, UNKNOWN, ESTIMATED = "≥", "≤", "?", "~"
WORDS = {
    "nothing": "unchanged",
    "append": "append",
    "replace_touched": "replace",
    "replace_date": "replace",
    "replace_all": "rebuild",
}
FOLLOWS = "follows"
"""Of a table about which nothing is known before the steps above it have run."""


def extraction_line(days: Sequence[ExtractionPreview]) -> Line:
    """rows: that the source has. landed: numbers of the manifests they are compared with."""
    stopped = _stopped(days)
    if stopped is not None:
        return Line((days[0].step.name, NOTHING, NOTHING), *stopped)
    kinds = list(dict.fromkeys(day.kind for day in days))
    landed = encode_ranges({number for day in days for number in day.compared_with}) or NOTHING
    unknown = any(day.rows is None for day in days)
    rows = UNKNOWN if unknown else _number(sum(day.rows or 0 for day in days), days)
    return Line((days[0].step.name, rows, landed), "/".join(kinds), _extraction_note(days))


def _extraction_note(days: Sequence[ExtractionPreview]) -> str:
    bounded = [day for day in days if day.upper is not None]
    first, last = (bounded[0].lower, bounded[-1].upper) if bounded else (None, None)
    span = f"{_instant(first) if first else 'the beginning'} to {_instant(last or '')}" if bounded else ""
    unknown = "only the source knows its bounds" if days[0].kind == "unknown" else ""
    changes = [change for day in days for change in day.schema_changes]
    return _joined([span, _days(days), unknown, *changes])


def table_line(days: Sequence[TablePreview]) -> Line:
    """changed: rows of what it reads that differ. keys: that they touch. rewritten, files, size: of the table's own
    files that are written anew."""
    stopped, name = _stopped(days), days[0].step.name
    if stopped is not None:
        return Line((name, *[NOTHING] * 5), *stopped)
    if any(day.certainty is Certainty.UNKNOWN for day in days):
        most = [day.at_most for day in days]
        known = UNKNOWN if None in most else f"{AT_MOST}{sum(number or 0 for number in most):,}"
        return Line((name, known, *[NOTHING] * 4), FOLLOWS, _joined([_days(days), *_after(days)]), is_minor=True)
    word = WORDS[max((day.operation for day in days), key=list(WORDS).index)]
    changed = [max(change.before or 0, change.after) for day in days for change in day.inputs]
    keys, removed = [day.keys for day in days if day.keys is not None], sum((day.removed for day in days), Volume())
    touched = [day for day in days if day.operation != "replace_all"]
    rewrites = word in {WORDS["replace_touched"], WORDS["replace_all"]}
    cells = (
        name,
        _number(sum(changed), days) if changed else NOTHING,
        _number(sum(keys), days) if keys else NOTHING,
        _number(removed.rows, touched) if rewrites else NOTHING,
        _number(removed.files, touched) if rewrites else NOTHING,
        size(removed.size_bytes) if rewrites else NOTHING,
    )
    note = _joined([_days(days), *_inputs(days), *_partitions(days), *_seconds(days), *_after(days)])
    return Line(cells, word, note or days[0].reason, is_minor=word == WORDS["nothing"])


def _inputs(days: Sequence[TablePreview]) -> list[str]:
    """`silver/order_changes -2 +105`: rows before and after, by input; of extractions what the log says."""
    found = [change for day in days for change in day.inputs if change.before is not None]
    told = [f"{change.table} -{change.before:,} +{change.after:,}" for change in found if change.before or change.after]
    return told or [day.reason for day in days if day.reason != WORDS[day.operation]]


def _partitions(days: Sequence[TablePreview]) -> list[str]:
    """An analysis date is one in any case."""
    known = [day.partitions for day in days if day.partitions and day.operation != "replace_date"]
    return [f"{number:,} partition{'s' if number != 1 else ''}" for number in known]


def _seconds(days: Sequence[TablePreview]) -> list[str]:
    known = [day.seconds for day in days if day.seconds is not None]
    if not known:
        return []
    read, is_recorded = sum((day.read for day in days), Volume()), all(day.is_recorded for day in days)
    return [f"reads {size(read.size_bytes)}; takes {about(sum(known), is_recorded=is_recorded)}"]


def _after(days: Sequence[TablePreview]) -> list[str]:
    """The tables above, whatever the day."""
    above = dict.fromkeys(title.partition(" of ")[0] for day in days for title in day.after)
    return [f"after {', '.join(above)}"] if above else []


def stale_line(stale: Stale) -> Line:
    """reads, writes: bytes. about: how long it takes. Of several dates the newest stands for each."""
    preview = stale.preview
    own = stale.because_of == preview.step.name
    why = "its code changed" if own else f"reads {stale.because_of}"
    if preview.problem or preview.blocked_by:
        return Line((preview.step.name, *[UNKNOWN] * 4), "stale", f"{why}; {preview.problem or preview.blocked_by}")
    cells = (
        preview.step.name,
        count(preview.removed.rows * stale.times),
        size(preview.read.size_bytes * stale.times),
        size(preview.removed.size_bytes * stale.times),
        UNKNOWN if stale.seconds is None else about(stale.seconds, is_recorded=preview.is_recorded),
    )
    dates = (
        None
        if stale.dates is None
        else f"{stale.dates:,} date{'s' if stale.dates != 1 else ''} like {preview.step.day}"
    )
    return Line(cells, "stale", _joined([why, dates or ""]))


def about(seconds: float, *, is_recorded: bool) -> str:
    """`0.4 s`, `~2.0 s` where the table's own commits do not tell."""
    return f"{'' if is_recorded else ESTIMATED}{took(seconds)}"


def size(size_bytes: int) -> str:
    """`0 B`, `27 KB`, `3.1 MB`: powers of 1,000."""
    number = float(size_bytes)
    for unit in ("B", "KB", "MB", "GB"):
        if number < 999.5:  # noqa: PLR2004 - what rounds to 1,000 is one of the next unit
            return f"{number:.1f} {unit}" if unit != "B" and number < 9.95 else f"{number:.0f} {unit}"  # noqa: PLR2004
        number /= 1000
    return f"{number:.1f} TB"


def _stopped(days: Sequence[Preview]) -> tuple[str, str] | None:
    """The word and the reason, where a day cannot run."""
    for day in days:
        if day.problem:
            return "FAILED", day.problem
        if day.blocked_by:
            return "blocked", f"blocked by {day.blocked_by}"
    return None


def _days(days: Sequence[Preview]) -> str:
    return f"{len(days)} days" if len(days) > 1 else ""


def _number(number: int, days: Sequence[Preview]) -> str:
    is_exact = all(day.certainty is Certainty.EXACT for day in days)
    return f"{number:,}" if is_exact else f"{AT_LEAST}{number:,}"


def _instant(text: str) -> str:
    """A bound without the digits that say nothing: `2024-03-02`, `2024-03-02 10:30:00`, a number as it is."""
    return text.removesuffix(".000000").removesuffix("T00:00:00").replace("T", " ")


def _joined(parts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(part for part in parts if part))

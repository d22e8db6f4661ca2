"""`snowpipe bronze log|withdraw`: the entries of an entity's log, and taking one back."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from snowpipe_platform.commands.deciding import DECLINED, DRY_RUN, agreed, author_of
from snowpipe_platform.commands.project import Project
from snowpipe_platform.commands.queries import find_entity, short_watermark
from snowpipe_platform.commands.terminal import (
    NOTHING,
    Line,
    count,
    counted_rows,
    print_heading,
    print_json,
    print_lines,
    print_next,
    print_text,
    print_wrapped,
    size,
)
from snowpipe_platform.execution.run import BRONZE
from snowpipe_platform.execution.withdrawal import Withdrawal, carry_out, plan_withdrawal
from snowpipe_platform.spec.bronze_log import landings
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.watermark import encode

WITHDRAWN, CUT_SHORT = "withdrawn", "incomplete"
TITLES = ("entry  kind", "load day", "rows", "files", "size", "at (UTC)")


@dataclass(frozen=True)
class Typed:
    """What was typed for a withdrawal."""

    entity: str
    number: int
    reason: str
    dry_run: bool = False
    confirmed: bool = False
    as_json: bool = False


def log(project: Project, name: str, *, limit: int, as_json: bool) -> int:
    """Every entry, the newest last; those that do not count any more are marked."""
    entity = find_entity(name, project.pipeline)
    entries = project.ground.bronze.log(entity)
    shown, gone = entries[-limit:], {each.withdraws: each for each in entries if each.withdraws is not None}
    if as_json:
        told = [_told(entry, gone.get(entry.number)) for entry in shown]
        print_json({"entity": entity, "count": len(entries), "entries": told})
        return 0
    if not entries:
        print_text(f"{BRONZE}{entity} has no entry yet")
        print_next(f"snowpipe run {BRONZE}{entity}")
        return 0
    rows = sum(entry.rows_landed for entry in landings(entries))
    print_heading(f"{BRONZE}{entity}: {len(entries):,} entries, {rows:,} rows that count")
    print_lines(TITLES, [_line(entry, gone.get(entry.number)) for entry in shown])
    if len(shown) < len(entries):
        print_wrapped(f"the last {len(shown):,} of {len(entries):,} entries; --limit for more")
    return 0


def withdraw(project: Project, typed: Typed) -> int:
    """0, or 1 when it was declined. Raises ConfigurationError for an entry that cannot be withdrawn."""
    entity = find_entity(typed.entity, project.pipeline)
    author = author_of(typed.reason, command="bronze withdraw")
    plan = plan_withdrawal(entity, typed.number, project.ground.bronze.log(entity))
    stale = project.pipeline.downstream(f"{BRONZE}{entity}")
    told = _consequences(entity, plan, stale)
    run = f"snowpipe run --partition {plan.entry.load_day}"
    if not typed.as_json:
        _print_plan(entity, plan, stale)
    if typed.dry_run:
        again = f"snowpipe bronze withdraw {entity} {typed.number} --reason {shlex.quote(author.reason)}"
        return _answer({**told, "dry_run": True}, DRY_RUN, typed, again)
    question = f"Withdraw entry {typed.number} of {BRONZE}{entity}, {counted_rows(plan.entry.rows_landed)}?"
    if not agreed(question, confirmed=typed.confirmed):
        return _answer(told, DECLINED, typed) or 1
    entry = carry_out(entity, typed.number, author, project.ground)
    done = f"written: entry {entry.number} of {BRONZE}{entity}, by {entry.by}: {entry.reason}"
    return _answer({**told, "entry": entry.number}, done, typed, run)


def _answer(told: Mapping[str, object], text: str, typed: Typed, command: str | None = None) -> int:
    if typed.as_json:
        print_json({**told, "next": command})
    else:
        print_text(text)
        if command is not None:
            print_next(command)
    return 0


def _consequences(entity: str, plan: Withdrawal, stale: Sequence[str]) -> dict[str, object]:
    """The stable keys."""
    return {
        "entity": entity,
        "withdraws": plan.entry.number,
        "kind": plan.entry.kind,
        "load_day": plan.entry.load_day,
        "rows": plan.entry.rows_landed,
        "watermark": dict(zip(("from", "to"), _marks(plan), strict=True)),
        "incomplete_days": list(plan.incomplete),
        "stale": list(stale),
        "corrections_that_stay": list(plan.corrections),
        "entry": None,
        "dry_run": False,
    }


def _marks(plan: Withdrawal) -> tuple[str | None, str | None]:
    return encode(plan.before), encode(plan.after)


def _print_plan(entity: str, plan: Withdrawal, stale: Sequence[str]) -> None:
    entry = plan.entry
    print_heading(f"{BRONZE}{entity}: withdraw entry {entry.number}, {entry.kind} of load day {entry.load_day}")
    print_wrapped(f"{counted_rows(entry.rows_landed)} will not count any more; no file goes")
    if plan.after != plan.before:
        before, after = (short_watermark(mark) if mark else "the beginning" for mark in _marks(plan))
        print_wrapped(f"the watermark goes back from {before} to {after} (UTC)")
    if plan.incomplete:
        print_wrapped(f"to be extracted again: {', '.join(map(str, plan.incomplete))}")
    if plan.corrections:
        numbers = ", ".join(map(str, plan.corrections))
        print_wrapped(f"rows of it that were corrected in entry {numbers} stay; withdraw that too if they are to go")
    print_wrapped(f"stale until they run: {', '.join(stale)}" if stale else "no table reads it")


def _line(entry: Manifest, gone_in: Manifest | None) -> Line:
    cells = (
        f"{entry.number:<5}  {entry.kind}",
        str(entry.load_day),
        count(entry.rows_landed if entry.has_rows else None),
        count(len(entry.files) or None),
        size(entry.size_bytes) if entry.files else NOTHING,
        f"{entry.extracted_at:%Y-%m-%d %H:%M}",
    )
    word = WITHDRAWN if gone_in is not None else "" if entry.complete else CUT_SHORT
    return Line(cells, word, "; ".join(_notes(entry, gone_in)))


def _notes(entry: Manifest, gone_in: Manifest | None) -> list[str]:
    """What it covered, which file or entry it is about, who and why."""
    notes = [_interval(entry)] if entry.kind in {"extraction", "watermark"} else []
    if entry.arrived is not None:
        notes.append(f"from {entry.arrived.path}")
    if entry.kind == "comparison":
        notes.append(f"{entry.rows_deleted:,} closed, {entry.rows_landed - entry.rows_deleted:,} open again")
    if entry.supersedes:
        notes.append(f"for rows of entry {', '.join(map(str, entry.supersedes))}")
    if entry.withdraws is not None:
        notes.append(f"of entry {entry.withdraws}")
    if entry.by:
        notes.append(f"by {entry.by}: {entry.reason}")
    return [*notes, f"withdrawn in entry {gone_in.number}"] if gone_in is not None else notes


def _interval(entry: Manifest) -> str:
    if entry.kind == "extraction" and entry.by:
        return "from the dead letters"
    if entry.coverage is None:
        return "snapshot" if entry.mode == "full" else "rows without a watermark"
    lower, upper = entry.coverage.lower, entry.coverage.upper
    if entry.kind == "watermark":
        return f"set to {short_watermark(upper)}"
    return f"[{short_watermark(lower) if lower else 'beginning'}, {short_watermark(upper)})"


def _told(entry: Manifest, gone_in: Manifest | None) -> dict[str, object]:
    """The stable keys of an entry."""
    coverage = entry.coverage
    return {
        "number": entry.number,
        "kind": entry.kind,
        "load_day": entry.load_day,
        "rows": entry.rows_landed,
        "interval": None if coverage is None else {"lower": coverage.lower, "upper": coverage.upper},
        "complete": entry.complete,
        "files": len(entry.files),
        "bytes": entry.size_bytes,
        "at": entry.extracted_at,
        "query": entry.query,
        "run": entry.run_id,
        "by": entry.by or None,
        "reason": entry.reason or None,
        "withdraws": entry.withdraws,
        "withdrawn_in": None if gone_in is None else gone_in.number,
    }

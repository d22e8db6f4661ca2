"""`snowpipe state history|set|rewind`: where the live watermark was, and where a person puts it."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime

from snowpipe_platform.commands.deciding import DECLINED, DRY_RUN, agreed, author_of
from snowpipe_platform.commands.project import Project
from snowpipe_platform.commands.queries import find_query, short_watermark, span
from snowpipe_platform.commands.terminal import (
    Line,
    count,
    counted_rows,
    print_heading,
    print_json,
    print_lines,
    print_next,
    print_text,
    print_wrapped,
)
from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.execution.watermark_moves import Move, carry_out, plan_rewind, plan_set
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.reach import reaches
from snowpipe_platform.spec.watermark import Watermark, encode, readable

TITLES = ("entry  kind", "load day", "rows", "at (UTC)")


@dataclass(frozen=True)
class Typed:
    """What was typed for a move. to, by: of a rewind, one of the two."""

    query: str
    reason: str
    to: str | None = None
    by: str | None = None
    dry_run: bool = False
    confirmed: bool = False
    as_json: bool = False


@dataclass(frozen=True)
class Step:
    """One entry that moved the watermark, or that a person set it with. before, after: as stored. at: by the source's
    clock; of a decision, this machine's. run: whose entry it is. by, reason: of a decision."""

    entry: int
    kind: str
    load_day: date
    before: str | None
    after: str | None
    rows: int
    at: datetime
    run: str
    by: str
    reason: str


def history(project: Project, name: str, *, limit: int, as_json: bool) -> int:
    """Every entry that moved the watermark, the newest last."""
    query = find_query(name, project.pipeline)
    if query.mode == "full":
        raise ConfigurationError(
            f"query {query.name!r} has no watermark: every run reads the whole table (mode: full)."
        )
    steps = _steps(query, project.ground.bronze.log(query.entity))
    shown = steps[-limit:]
    if as_json:
        print_json({"query": query.name, "count": len(steps), "entries": [asdict(step) for step in shown]})
        return 0
    if not steps:
        print_text(f"{query.name} has not run yet")
        print_next(f"snowpipe run bronze/{query.entity}")
        return 0
    print_heading(f"{query.name}: watermark {query.watermark_column} (UTC), as bronze/{query.entity} recorded it")
    print_lines(TITLES, [_line(step) for step in shown])
    if len(shown) < len(steps):
        print_wrapped(f"the last {len(shown):,} of {len(steps):,} entries; --limit for more")
    return 0


def set_watermark(project: Project, typed: Typed) -> int:
    """0, or 1 when it was declined. Raises ConfigurationError for a value it cannot have."""
    query = find_query(typed.query, project.pipeline)
    return _move(project, query, plan_set(query, typed.to or "", project.ground), typed, f"set {query.name} {typed.to}")


def rewind(project: Project, typed: Typed) -> int:
    """0, or 1 when it was declined. Raises ConfigurationError for a value that is not behind the watermark."""
    if (typed.to is None) == (typed.by is None):
        raise ConfigurationError("give one of --to VALUE and --by DURATION.")
    query = find_query(typed.query, project.pipeline)
    move = plan_rewind(query, project.ground, to=typed.to, by=typed.by)
    given = f"--to {shlex.quote(typed.to)}" if typed.to is not None else f"--by {shlex.quote(typed.by or '')}"
    return _move(project, query, move, typed, f"rewind {query.name} {given}")


def _move(project: Project, query: Query, move: Move, typed: Typed, words: str) -> int:
    """Say what follows, ask, and write it down. words: what was typed, for the next command of a dry run."""
    author = author_of(typed.reason, command="state")
    told = _told(query, move)
    if move.before == move.to:
        return _print_json_or_text(told, f"{query.name}: the watermark is at {readable(move.to)} already", typed)
    if not typed.as_json:
        _print_move(query, move)
    if typed.dry_run:
        again = f"snowpipe state {words} --reason {shlex.quote(author.reason)}"
        return _print_json_or_text({**told, "dry_run": True}, DRY_RUN, typed, again)
    question = f"Skip {counted_rows(move.rows)} of {query.name}?" if move.is_forward else f"Rewind {query.name}?"
    if not agreed(question, confirmed=typed.confirmed):
        return _print_json_or_text(told, DECLINED, typed) or 1
    entry = carry_out(query, move, author, project.ground)
    done = f"written: entry {entry.number} of bronze/{query.entity}, by {entry.by}: {entry.reason}"
    run = f"snowpipe run bronze/{query.entity}"
    return _print_json_or_text({**told, "entry": entry.number}, done, typed, run)


def _told(query: Query, move: Move) -> dict[str, object]:
    """The stable keys."""
    return {
        "query": query.name,
        "from": encode(move.before),
        "to": encode(move.to),
        "rows_skipped": move.rows if move.is_forward else None,
        "rows_read_again": None if move.is_forward else move.rows,
        "next_start": encode(move.start),
        "entry": None,
        "dry_run": False,
    }


def _print_json_or_text(told: dict[str, object], text: str, typed: Typed, command: str | None = None) -> int:
    if typed.as_json:
        print_json({**told, "next": command})
    else:
        print_text(text)
        if command is not None:
            print_next(command)
    return 0


def _print_move(query: Query, move: Move) -> None:
    print_heading(f"{query.name}: watermark from {readable(move.before)} to {readable(move.to)} (UTC)")
    rows = counted_rows(move.rows)
    look = f"the next run reads from {readable(move.start)} (lookback {span(query.lookback)})"
    if move.is_forward:
        print_wrapped(f"SKIPS {rows} of the source: no run reads them, whatever its load day, until it is rewound")
        print_wrapped(look)
    else:
        print_wrapped(f"{look}: {rows} of the source are read again; what landed before lands no second time")


def _steps(query: Query, log: Sequence[Manifest]) -> list[Step]:
    found: list[Step] = []
    before: Watermark | None = None
    for entry, reach in reaches([entry for entry in log if entry.query == query.name]):
        after = reach.watermark
        if entry.kind == "watermark" or after != before:
            told = (entry.rows_landed, entry.extracted_at, entry.run_id, entry.by, entry.reason)
            found.append(Step(entry.number, entry.kind, entry.load_day, encode(before), encode(after), *told))
        before = after
    return found


def _line(step: Step) -> Line:
    moved = " to ".join(short_watermark(mark) if mark else "the beginning" for mark in (step.before, step.after))
    note = f"{moved}, by {step.by}: {step.reason}" if step.by else f"{moved}, by run {step.run}"
    name, rows = f"{step.entry:<5}  {step.kind}", count(step.rows or None)
    return Line((name, str(step.load_day), rows, f"{step.at:%Y-%m-%d %H:%M}"), "", note)

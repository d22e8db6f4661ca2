"""`snowpipe maintain`: keep the lake small and fast."""

import shlex
import traceback
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from snowpipe_platform.commands.project import Project, find_tables
from snowpipe_platform.commands.run_report import AGAIN, took
from snowpipe_platform.commands.terminal import (
    NOTHING,
    Line,
    activity,
    count,
    print_json,
    print_lines,
    print_next,
    print_text,
    size,
)
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.maintenance import Maintained, Maintenance, UpkeepStatus
from snowpipe_platform.execution.maintenance import maintain as maintain_tables
from snowpipe_platform.execution.maintenance_plan import Upkeep, upkeep_of

TITLES = ("table", "files", "snapshots", "orphans", "freed", "took")
JOB = "snowpipe maintain"


@dataclass(frozen=True, kw_only=True)
class MaintainOptions:
    """What was typed; durations as text."""

    tables: Sequence[str] = ()
    is_dry: bool = False
    older_than: str = "7d"
    grace: str = "1d"
    as_json: bool = False
    with_traceback: bool = False


def maintain(project: Project, options: MaintainOptions) -> int:
    """1 when a table could not be maintained; a skipped one is no failure. Raises ConfigurationError for a table or a
    duration that is none."""
    upkeep = upkeep_of(older_than=options.older_than, grace=options.grace)
    names = find_tables(options.tables, project.pipeline)
    identity = RunIdentity(run_id=f"cli-{uuid.uuid4()}", job=JOB)
    with activity() as shown:
        run = Maintenance(names=names, identity=identity, upkeep=upkeep, is_dry=options.is_dry, progress=shown.update)
        done = list(maintain_tables(run, project.ground))
    if options.as_json:
        print_json(_json(done, options, upkeep))
    else:
        _print(done, options)
    if options.with_traceback:
        for error in (one.error for one in done if one.status is UpkeepStatus.FAILED and one.error is not None):
            traceback.print_exception(error)
    return 1 if any(one.status is UpkeepStatus.FAILED for one in done) else 0


def _print(done: Sequence[Maintained], options: MaintainOptions) -> None:
    print_lines(TITLES, [_line(one) for one in done])
    freed = sum(one.freed_bytes for one in done)
    if all(one.status is UpkeepStatus.UNCHANGED for one in done):
        print_text("nothing to do: every table is as it was")
    elif options.is_dry:
        print_text(f"dry run: nothing was changed; {size(freed)} would be freed")
    else:
        print_text(f"{size(freed)} freed")
    following = _next(done, options)
    if following is not None:
        print_next(following)


def _line(one: Maintained) -> Line:
    is_known = one.files_before is not None
    return Line(
        (
            one.name,
            _change(one.files_before, one.files_after),
            _change(one.snapshots_before, one.snapshots_after),
            count(one.orphans) if is_known else NOTHING,
            size(one.freed_bytes) if one.freed_bytes else NOTHING,
            took(one.seconds),
        ),
        one.status,
        one.note,
    )


def _change(before: int | None, after: int | None) -> str:
    return count(before) if before == after else f"{count(before)} → {count(after)}"


def _next(done: Sequence[Maintained], options: MaintainOptions) -> str | None:
    statuses = {one.status for one in done}
    if UpkeepStatus.FAILED in statuses:
        return "snowpipe doctor"
    if UpkeepStatus.PLANNED in statuses:
        return " ".join(["snowpipe maintain", *options.tables, *_ages(options)])
    return AGAIN if UpkeepStatus.SKIPPED in statuses else None


def _ages(options: MaintainOptions) -> list[str]:
    """Those that are not of a plain `snowpipe maintain`."""
    typed = {"--older-than": options.older_than, "--grace": options.grace}
    plain = MaintainOptions()
    usual = {"--older-than": plain.older_than, "--grace": plain.grace}
    return [f"{name} {shlex.quote(text)}" for name, text in typed.items() if text != usual[name]]


def _json(done: Sequence[Maintained], options: MaintainOptions, upkeep: Upkeep) -> dict[str, object]:
    """Stable keys: a program reads them."""
    return {
        "dry_run": options.is_dry,
        "older_than_seconds": upkeep.older_than.total_seconds(),
        "grace_seconds": upkeep.grace.total_seconds(),
        "tables": [
            {
                "table": one.name,
                "status": one.status,
                "files_before": one.files_before,
                "files_after": one.files_after,
                "snapshots_before": one.snapshots_before,
                "snapshots_after": one.snapshots_after,
                "orphans": one.orphans,
                "files_removed": one.removed,
                "bytes_freed": one.freed_bytes,
                "seconds": round(one.seconds, 3),
                "note": one.note,
            }
            for one in done
        ],
        "next": _next(done, options),
    }

"""What `snowpipe quarantine replay` and `discard` share: which rows are meant, whether to go on, and the runs after."""

import getpass
import sys
import uuid
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from snowpipe_platform.commands.project import Project
from snowpipe_platform.commands.quarantine import ids, selection
from snowpipe_platform.commands.quarantine_options import Options
from snowpipe_platform.commands.run import carry_out
from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.execution.decisions import Author
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.outcome import Outcome, Step
from snowpipe_platform.execution.plan import Replay
from snowpipe_platform.execution.quarantine import QuarantinedRow, Selection, quarantined_rows, standing_of
from snowpipe_platform.spec.origins import Origin, encode_origins
from snowpipe_platform.spec.table import ChangesTable

JOB = "snowpipe quarantine"
STANDINGS = {
    "valid": "valid already",
    "discarded": "discarded before",
    "replaced": "edited before",
    "withdrawn": "withdrawn with what was landed with it",
}


@dataclass(frozen=True)
class Chosen:
    """Rows in quarantine, and of rows that were named and are not there any more how they stand."""

    waiting: tuple[QuarantinedRow, ...]
    skipped: Mapping[Origin, str]


def choose(
    project: Project, table: ChangesTable, options: Options, *, named: Collection[Origin] | None = None
) -> Chosen:
    """named: rows of an edited file. Raises ConfigurationError for a row there never was."""
    wanted = selection(project, table, options) if named is None else Selection(origins=named)
    waiting = quarantined_rows(table, project.ground, wanted)
    missing = set(wanted.origins or ()) - {row.origin for row in waiting}
    stand = standing_of(table, missing, project.ground) if missing else {}
    unknown = sorted(missing - stand.keys())
    if unknown:
        msg = f"{table.name} has no row {ids(unknown)}. Nothing was done. See the ids: snowpipe quarantine show"
        raise ConfigurationError(f"{msg} {table.name}")
    return Chosen(tuple(waiting), {origin: STANDINGS[stand[origin]] for origin in sorted(missing)})


def new_author(reason: str) -> Author:
    """Who types, under a run id of their own."""
    identity = RunIdentity(run_id=f"cli-{uuid.uuid4()}", job=JOB)
    return Author(by=getpass.getuser(), reason=reason, identity=identity)


def required_reason(options: Options) -> str:
    """Raises ConfigurationError: what a person decides is kept with why."""
    reason = (options.reason or "").strip()
    if not reason:
        raise ConfigurationError("--reason is missing: it is kept with what you decide, for those who ask later.")
    return reason


def is_asked() -> bool:
    return sys.stdin.isatty()


def confirmed(question: str, options: Options) -> bool:
    """Ask on a terminal; a script that pipes its input has decided already."""
    if options.confirmed or not is_asked():
        return True
    import typer  # noqa: PLC0415 - asked on a terminal only

    with suppress(typer.Abort):
        return typer.confirm(question, err=True)
    return False


def bring_up_to_date(
    project: Project, table: ChangesTable, author: Author, *, days: Collection[date], replayed: Collection[Origin] = ()
) -> list[Outcome]:
    """Run the load days, also of other tables that read the same log, and a replay of the rows."""
    readers = [
        one.name for one in project.pipeline.tables if isinstance(one, ChangesTable) and one.source == table.source
    ]
    steps = [Step(name, day) for day in sorted(days) for name in readers]
    if replayed:
        replay = Replay(origins=encode_origins(replayed), by=author.by, reason=author.reason)
        steps.append(Step(table.name, replay=replay))
    return carry_out(project, steps, author.identity)

"""`snowpipe quarantine replay`: judge rows again, as they are or as a person edited them."""

from collections.abc import Sequence

from snowpipe_platform.commands.project import Project
from snowpipe_platform.commands.quarantine import broken_rules, find_changes_table, rows_in_words
from snowpipe_platform.commands.quarantine_choice import (
    bring_up_to_date,
    choose,
    confirmed,
    new_author,
    required_reason,
)
from snowpipe_platform.commands.quarantine_file import read_edited
from snowpipe_platform.commands.quarantine_options import Options
from snowpipe_platform.commands.quarantine_report import STAYS, VALID, WAITS, Fate, Report, answer, print_fates, skipped
from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.execution.corrections import correct
from snowpipe_platform.execution.edits import Texts
from snowpipe_platform.execution.outcome import Outcome
from snowpipe_platform.execution.proposal import Proposal, ProposedRow, propose
from snowpipe_platform.execution.quarantine import Selection, quarantined_rows
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.origins import Origin, decode_origins


def replay(project: Project, name: str, options: Options) -> int:
    """The exit code. Raises ConfigurationError for what was typed wrongly, CommitConflictError when somebody else
    decided meanwhile."""
    table = find_changes_table(name, project)
    typed = _typed(options)
    chosen = choose(project, table, options, named=None if typed is None else typed.keys())
    proposal = propose(project.pipeline, table, chosen.waiting, project.ground, typed=typed)
    acted = [one for one in proposal.rows if one.edits or one.is_accepted]
    fates = (*_fates(proposal, {}), *skipped(chosen))
    would_be = Report(table.name, fates, "would be" if options.dry_run else "nothing to do")
    print_fates(would_be, options)
    if options.dry_run or not acted:
        return answer(would_be, options)
    edited = sum(bool(one.edits) for one in acted)
    if not confirmed(_question(edited=edited, as_extracted=len(acted) - edited), options):
        return 1
    author = new_author((options.reason or "").strip())
    entries = correct(project.pipeline, proposal, author, project.ground) if edited else []
    outcomes = bring_up_to_date(
        project,
        table,
        author,
        days={one.row.load_day for one in acted if not _is_replayed(one)},
        replayed=[one.row.origin for one in acted if _is_replayed(one)],
    )
    came = (*_fates(proposal, _came_of(project, proposal, entries, outcomes)), *skipped(chosen))
    return answer(Report(table.name, came, "now", tuple(entries), tuple(outcomes)), options)


def _typed(options: Options) -> dict[Origin, Texts] | None:
    if options.edited is None:
        return None
    if options.rule or options.day or options.ids:
        raise ConfigurationError("--edited takes the rows of the file. Leave --rule, --day and --rows out.")
    if not options.dry_run:
        required_reason(options)
    return read_edited(options.edited)


def _question(*, edited: int, as_extracted: int) -> str:
    parts = [f"record {rows_in_words(edited)} as edited"] if edited else []
    parts += [f"accept {rows_in_words(as_extracted)} as extracted"] if as_extracted else []
    return f"{' and '.join(parts).capitalize()}?"


def _is_replayed(one: ProposedRow) -> bool:
    """Accepted in its own place, where an edited row, or one on a held load day, is taken in by a run of its day."""
    return not one.edits and one.row.held_on is None


def _fates(proposal: Proposal, came_of: dict[Origin, str]) -> Sequence[Fate]:
    """Rows that somebody acts on first. came_of: what a row became in truth."""

    def fate(one: ProposedRow) -> Fate:
        edits = ", ".join(f"{name} {one.row.payload.get(name)!r} -> {text!r}" for name, text in one.edits.items())
        broken = f"not: {broken_rules(proposal.table, one.broken)}" if one.broken else ""
        becomes = came_of.get(one.row.origin, VALID if one.is_accepted else STAYS)
        return Fate(str(one.row.origin), one.row.load_day, becomes, tuple(filter(None, (edits, broken))))

    return [fate(one) for one in sorted(proposal.rows, key=lambda one: (not one.edits, not one.is_accepted))]


def _came_of(
    project: Project, proposal: Proposal, entries: Sequence[Manifest], outcomes: Sequence[Outcome]
) -> dict[Origin, str]:
    """What each row that was acted on has become. An edited row is where its correction landed it."""
    landed = {
        origin: Origin(entry.number, row)
        for entry in entries
        for row, origin in enumerate(decode_origins(entry.supersedes))
    }
    acted = {one.row.origin: one for one in proposal.rows if one.edits or one.is_accepted}
    now = {origin: landed.get(origin, origin) for origin in acted}
    bad = {row.origin for row in quarantined_rows(proposal.table, project.ground, Selection(origins=now.values()))}
    stopped = {o.step.day for o in outcomes if o.step.name == proposal.table.name and o.status.stops}
    days = {origin: None if _is_replayed(one) else one.row.load_day for origin, one in acted.items()}
    return {o: STAYS if now[o] in bad else WAITS if days[o] in stopped else VALID for o in acted}

"""`snowpipe quarantine discard`: give rows up."""

from snowpipe_platform.commands.project import Project
from snowpipe_platform.commands.quarantine import find_changes_table, payload_words, rows_in_words
from snowpipe_platform.commands.quarantine_choice import (
    bring_up_to_date,
    choose,
    confirmed,
    new_author,
    required_reason,
)
from snowpipe_platform.commands.quarantine_options import Options
from snowpipe_platform.commands.quarantine_report import DISCARDED, WAITS, Fate, Report, answer, print_fates, skipped
from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.execution import corrections


def discard(project: Project, name: str, options: Options) -> int:
    """The exit code. Raises ConfigurationError for what was typed wrongly, CommitConflictError when somebody else
    decided meanwhile."""
    table = find_changes_table(name, project)
    if not (options.ids or options.rule or options.day):
        raise ConfigurationError("say which rows: --rows with their ids, or --rule, or --day, or both of these.")
    reason = "" if options.dry_run else required_reason(options)
    chosen = choose(project, table, options)
    fates = [
        Fate(str(row.origin), row.load_day, DISCARDED, (f"extracted as {payload_words(row.payload)}",))
        for row in chosen.waiting
    ]
    would_be = Report(table.name, (*fates, *skipped(chosen)), "would be" if options.dry_run else "nothing to do")
    print_fates(would_be, options)
    if options.dry_run or not chosen.waiting:
        return answer(would_be, options)
    if not confirmed(f"Give up {rows_in_words(len(fates))} of {table.name}?", options):
        return 1
    author = new_author(reason)
    entries = corrections.discard(table, chosen.waiting, author, project.ground)
    outcomes = bring_up_to_date(project, table, author, days={row.load_day for row in chosen.waiting})
    stopped = {outcome.step.day for outcome in outcomes if outcome.step.name == table.name and outcome.status.stops}
    came = [Fate(f.id, f.load_day, WAITS if f.load_day in stopped else DISCARDED, f.details) for f in fates]
    return answer(Report(table.name, (*came, *skipped(chosen)), "now", tuple(entries), tuple(outcomes)), options)

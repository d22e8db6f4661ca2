"""`snowpipe dead-letters retry`: do again what failed for good. Each kind of letter has a way of its own, in `WAYS`."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from snowpipe_platform.commands.dead_letters import Typed, chosen, counted
from snowpipe_platform.commands.dead_letters_files import adopt_again, told
from snowpipe_platform.commands.dead_letters_lines import SHORTEST_ID, abbreviated, named
from snowpipe_platform.commands.deciding import DECLINED, DRY_RUN, agreed, author_of
from snowpipe_platform.commands.project import Project
from snowpipe_platform.commands.reporter import open_reporter
from snowpipe_platform.commands.run import carry_out
from snowpipe_platform.commands.terminal import Line, count, print_json, print_lines, print_next, print_text
from snowpipe_platform.errors import ConfigurationError, SnowpipeError
from snowpipe_platform.execution.adoption import AdoptedFile
from snowpipe_platform.execution.adoption import Fate as FileFate
from snowpipe_platform.execution.decisions import Author
from snowpipe_platform.execution.letter_rows import Fate, land_rows, plan_rows
from snowpipe_platform.execution.outcome import Outcome, Status, Step
from snowpipe_platform.execution.run import BRONZE
from snowpipe_platform.records import DeadLetter

OK, DONE_BEFORE, WAITS, FAILED = "ok", "unchanged", "waits", "FAILED"
MOST_LINES = 20
"""Above it, letters that fared alike share a line."""
MEETS_THE_RULES = "meets the query's rules now"


@dataclass(frozen=True)
class Retry:
    """How letters are done again. anyway: rows are landed whatever the rules say."""

    project: Project
    author: Author
    anyway: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class Retried:
    """What became of one letter. status: ok, unchanged (there was nothing left to do), waits, or FAILED. has_news: its
    load day has rows that the tables have not taken in."""

    letter: DeadLetter
    status: str
    note: str
    has_news: bool = False

    @property
    def day(self) -> str | None:
        return self.letter.request.get("load_day")


def retry(project: Project, typed: Typed) -> int:
    """1 when one still waits, or it was declined. reason: of --anyway."""
    why = MEETS_THE_RULES if typed.reason is None else typed.reason
    author = author_of(why, command="dead-letters retry", option="--anyway")
    letters = chosen(project, typed.choice)
    if typed.reason is not None:
        _require_rows(letters)
    names = abbreviated([letter.id for letter in project.ground.dead_letters.all()])
    if not typed.dry_run and not agreed(f"Do {counted(letters)} again?", confirmed=typed.confirmed):
        print_text(DECLINED)
        return 1
    wanted = Retry(project, author, anyway=typed.reason is not None, dry_run=typed.dry_run)
    found = [one for kind, way in WAYS.items() for one in way(wanted, [each for each in letters if each.kind == kind])]
    following = None if typed.dry_run else _next(found)
    if typed.as_json:
        print_json({"dry_run": typed.dry_run, "letters": [_told(one) for one in found], "next": following})
    else:
        _print(found, names)
        if typed.dry_run:
            print_text(DRY_RUN)
        elif following is not None:
            print_next(following)
    return 1 if not typed.dry_run and any(one.status in {WAITS, FAILED} for one in found) else 0


def _require_rows(letters: Sequence[DeadLetter]) -> None:
    """Raises ConfigurationError where one is no row: only rows can be landed whatever the rules say."""
    other = next((letter for letter in letters if letter.kind != "rows"), None)
    if other is not None:
        raise ConfigurationError(
            f"--anyway lands rows, and {other.id[:SHORTEST_ID]} is the {other.kind} of {other.subject}. Leave --anyway "
            "out, or name rows only, as --all --kind rows does."
        )


def retry_extractions(wanted: Retry, letters: Sequence[DeadLetter]) -> list[Retried]:
    """Each query's load day is extracted again; what succeeds takes its letter off the list."""
    queries = {query.name: query for query in wanted.project.pipeline.queries.queries}
    steps = {
        letter.id: Step(f"{BRONZE}{queries[letter.subject].entity}", date.fromisoformat(letter.request["load_day"]))
        for letter in letters
        if letter.subject in queries
    }
    if wanted.dry_run:
        return [_would_extract(letter, steps.get(letter.id)) for letter in letters]
    ordered = sorted(steps.values(), key=lambda step: (step.day, step.name))
    outcomes = {outcome.step: outcome for outcome in carry_out(wanted.project, tuple(ordered), wanted.author.identity)}
    return [
        _extracted(letter, outcomes[steps[letter.id]]) if letter.id in steps else _undeclared(letter)
        for letter in letters
    ]


def retry_rows(wanted: Retry, letters: Sequence[DeadLetter]) -> list[Retried]:
    """Each row is landed as it was read, if its query's rules let it in now."""
    by_query = groupby(sorted(letters, key=lambda letter: letter.subject), key=lambda letter: letter.subject)
    return [one for query, of_query in by_query for one in _retry_rows(wanted, query, list(of_query))]


def retry_arrivals(wanted: Retry, letters: Sequence[DeadLetter]) -> list[Retried]:
    """Each file is adopted, as it is now; what succeeds takes its letter off the list."""
    project, dry_run = wanted.project, wanted.dry_run
    found, results = adopt_again(letters, project.pipeline, project.ground, wanted.author, dry_run=dry_run)
    if not dry_run:
        with open_reporter(project) as reporter:
            for result in results:
                if result.manifests:
                    reporter.report_adoption(result)
    return [
        _adopted(letter, found[letter.id], dry_run=dry_run) if letter.id in found else _undeclared(letter)
        for letter in letters
    ]


Way = Callable[[Retry, Sequence[DeadLetter]], list[Retried]]
WAYS: Mapping[str, Way] = {"extraction": retry_extractions, "rows": retry_rows, "arrival": retry_arrivals}


def _would_extract(letter: DeadLetter, step: Step | None) -> Retried:
    return _undeclared(letter) if step is None else Retried(letter, WAITS, f"would extract {step.title}")


def _undeclared(letter: DeadLetter) -> Retried:
    note = f"the queries file has no query {letter.subject!r} any more: discard it"
    return Retried(letter, FAILED, note)


def _extracted(letter: DeadLetter, outcome: Outcome) -> Retried:
    if outcome.status.stops:
        word = FAILED if outcome.status is Status.FAILED else WAITS
        return Retried(letter, word, outcome.note)
    landed = f"{count(outcome.new)} new rows landed" if outcome.new else outcome.note
    return Retried(letter, OK, landed, has_news=bool(outcome.new))


def _adopted(letter: DeadLetter, file: AdoptedFile, *, dry_run: bool) -> Retried:
    words = {FileFate.ADOPTED: WAITS if dry_run else OK, FileFate.BEFORE: DONE_BEFORE, FileFate.CHANGING: WAITS}
    has_news = not dry_run and file.manifest is not None and file.manifest.rows_landed > 0
    return Retried(letter, words.get(file.fate, FAILED), told(file, dry_run=dry_run), has_news=has_news)


def _retry_rows(wanted: Retry, name: str, letters: Sequence[DeadLetter]) -> list[Retried]:
    query = next((query for query in wanted.project.pipeline.queries.queries if query.name == name), None)
    if query is None:
        return [_undeclared(letter) for letter in letters]
    ground = wanted.project.ground
    try:
        if wanted.dry_run:
            log = ground.bronze.log(query.entity)
            fates = plan_rows(query, letters, log, ground, anyway=wanted.anyway).fates
        else:
            fates = land_rows(query, letters, ground, wanted.author, anyway=wanted.anyway)
    except SnowpipeError as error:
        return [Retried(letter, FAILED, str(error)) for letter in letters]
    return [_row(fate, dry_run=wanted.dry_run) for fate in fates]


def _row(fate: Fate, *, dry_run: bool) -> Retried:
    if fate.outcome == "kept":
        return Retried(fate.letter, WAITS, fate.reason)
    if fate.outcome == "known":
        return Retried(fate.letter, DONE_BEFORE, "in bronze already")
    return (
        Retried(fate.letter, WAITS, "would be landed") if dry_run else Retried(fate.letter, OK, "landed", has_news=True)
    )


def _next(found: Sequence[Retried]) -> str | None:
    """Take the new rows in, or look at what failed."""
    days = sorted({one.day for one in found if one.has_news and one.day is not None})
    if days:
        return (
            f"snowpipe run --partition {days[0]}"
            if len(days) == 1
            else f"snowpipe run --from {days[0]} --to {days[-1]}"
        )
    waiting = next((one for one in found if one.status in {WAITS, FAILED}), None)
    return None if waiting is None else f"snowpipe dead-letters show {waiting.letter.id[:SHORTEST_ID]}"


def _print(found: Sequence[Retried], names: Mapping[str, str]) -> None:
    if len(found) <= MOST_LINES:
        title, *starts = named([one.letter for one in found], names)
        print_lines((title,), [Line((start,), one.status, one.note) for start, one in zip(starts, found, strict=True)])
        return
    alike = Counter((one.letter.kind, one.letter.subject, one.status, one.note) for one in found)
    lines = [Line((f"{kind} of {query}", count(n)), status, note) for (kind, query, status, note), n in alike.items()]
    print_lines(("kind and query", "letters"), lines)


def _told(one: Retried) -> dict[str, object]:
    """The stable keys."""
    return {
        "id": one.letter.id,
        "kind": one.letter.kind,
        "query": one.letter.subject,
        "load_day": one.day,
        "status": one.status,
        "note": one.note,
    }

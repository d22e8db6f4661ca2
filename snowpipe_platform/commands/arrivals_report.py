"""What became of dropped files, as lines for a person and as JSON for a program."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from snowpipe_platform.commands.project import Project
from snowpipe_platform.commands.terminal import Line, count, print_lines, print_next, print_text, print_wrapped
from snowpipe_platform.errors import SnowpipeError, did_you_mean
from snowpipe_platform.execution.adoption import AdoptedFile, AdoptionResult, Fate
from snowpipe_platform.execution.arrivals import Arrivals
from snowpipe_platform.records import Arrival
from snowpipe_platform.spec.manifest import Manifest

TITLES = ("file", "rows", "new", "known", "dropped")
NOTES = {
    Fate.BEFORE: "another run adopted it",
    Fate.CHANGING: "written to while it was read; left for the next look",
    Fate.GONE: "no longer there",
}

MEND = "mend the file and write it again, then: snowpipe adopt"


@dataclass(frozen=True)
class Adopted:
    """What became of one entity's files. error: what ended the work on them before its end."""

    arrivals: Arrivals
    result: AdoptionResult | None = None
    error: SnowpipeError | None = None

    @property
    def files(self) -> tuple[AdoptedFile, ...]:
        return self.result.files if self.result is not None else ()

    @property
    def errors(self) -> list[Exception]:
        found = [file.error for file in self.files] + [self.error]
        return [error for error in found if error is not None]


def exit_code(done: Sequence[Adopted]) -> int:
    """1 when a file was refused, or not reached."""
    return 1 if any(one.errors for one in done) else 0


def print_adopted(project: Project, done: Sequence[Adopted], *, dry_run: bool) -> None:
    """A line for each file that was looked into, then what waits and where."""
    lines = [_line(one, file) for one in done for file in one.files]
    if lines:
        print_lines(TITLES, lines)
    if lines and dry_run:
        print_text("dry run: nothing was written")
    if not lines:
        adopted = sum(len(one.arrivals.adopted) for one in done)
        print_text(f"nothing waits; {adopted:,} file{'' if adopted == 1 else 's'} adopted before")
        print_text(f"drop files under {project.settings.home.resolve() / 'bronze'}/<entity>/arrivals")
    for note in _notes(project, done):
        print_wrapped(note)
    command = next_command(done, dry_run=dry_run)
    if command is not None:
        print_next(command)


def next_command(done: Sequence[Adopted], *, dry_run: bool) -> str | None:
    """The command that takes new rows further; None when there is none."""
    landed = [manifest for one in done if one.result for manifest in one.result.manifests if manifest.rows_landed]
    if dry_run:
        return "snowpipe adopt" if any(file.fate is Fate.ADOPTED for one in done for file in one.files) else None
    if any(one.error for one in done):
        return "snowpipe adopt"
    if landed:
        return f"snowpipe run --partition {landed[0].load_day}"
    return MEND if any(one.errors for one in done) else None


def adopted_json(project: Project, done: Sequence[Adopted], *, dry_run: bool) -> dict[str, object]:
    """Stable keys: a program reads them."""
    return {
        "dry_run": dry_run,
        "files": [_file_json(one, file) for one in done for file in one.files],
        "unsettled": [_named(one, file) for one in done for file in one.arrivals.unsettled],
        "in_dead_letters": [_named(one, file) for one in done for file in one.arrivals.failed],
        "adopted_before": sum(len(one.arrivals.adopted) for one in done),
        "misplaced": _misplaced(project),
        "errors": [str(one.error) for one in done if one.error is not None],
        "next": next_command(done, dry_run=dry_run),
    }


def _line(one: Adopted, file: AdoptedFile) -> Line:
    name = f"{one.arrivals.entity}/{file.path}"
    if file.fate is Fate.FAILED:
        return Line((name, *[count(None)] * 4), "FAILED", str(file.error))
    if file.manifest is None:
        return Line((name, *[count(None)] * 4), "unchanged", NOTES[file.fate])
    counts = tuple(count(number) for number in _counts(file.manifest).values())
    changes = "; ".join(file.manifest.schema_changes)
    return Line((name, *counts), "ok" if file.manifest.rows_landed else "unchanged", changes)


def _notes(project: Project, done: Sequence[Adopted]) -> Iterator[str]:
    for one in done:
        if one.error is not None:
            yield f"bronze/{one.arrivals.entity}: {one.error}"
        for file in one.arrivals.unsettled:
            yield f"{_named(one, file)} is still written to; left for the next look"
        for file in one.arrivals.failed:
            yield f"{_named(one, file)} is in the dead letters until it is written again or retried"
    known = list(project.pipeline.queries_by_entity)
    for entity in _misplaced(project):
        yield f"bronze/{entity}/arrivals: there is no entity {entity!r}. {did_you_mean(entity, known)}"


def _misplaced(project: Project) -> list[str]:
    """Names with dropped files that no query writes."""
    bronze, known = project.ground.bronze, project.pipeline.queries_by_entity
    return [entity for entity in bronze.arrival_entities() if entity not in known and bronze.arrivals(entity)]


def _file_json(one: Adopted, file: AdoptedFile) -> dict[str, object]:
    return {
        "table": f"bronze/{one.arrivals.entity}",
        "path": file.path,
        "fate": file.fate,
        **(_counts(file.manifest) if file.manifest is not None else dict.fromkeys(TITLES[1:])),
        "load_day": file.manifest.load_day if file.manifest is not None else None,
        "error": None if file.error is None else str(file.error),
    }


def _counts(manifest: Manifest) -> dict[str, int]:
    return {
        "rows": manifest.rows_read,
        "new": manifest.rows_landed,
        "known": manifest.rows_known,
        "dropped": manifest.rows_dropped,
    }


def _named(one: Adopted, file: Arrival) -> str:
    return f"{one.arrivals.entity}/{file.path}"

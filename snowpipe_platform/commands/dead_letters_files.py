"""Retrying the dead letters of dropped files."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from snowpipe_platform.execution.adoption import AdoptedFile, AdoptionRequest, AdoptionResult, Fate, adopt, preview
from snowpipe_platform.execution.arrivals import current_load_day
from snowpipe_platform.execution.decisions import Author
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.records import DeadLetter
from snowpipe_platform.spec.pipeline import Pipeline

NOTES: Mapping[Fate, str] = {
    Fate.BEFORE: "adopted before",
    Fate.CHANGING: "is being written: try again when it is done",
    Fate.GONE: "the file is gone: discard the letter",
}


def adopt_again(
    letters: Sequence[DeadLetter], pipeline: Pipeline, ground: Ground, author: Author, *, dry_run: bool
) -> tuple[dict[str, AdoptedFile], list[AdoptionResult]]:
    """What became of each letter's file, by the letter's id, and of each entity's run. Letters of an entity that the
    queries file no longer has are left out."""
    found: dict[str, AdoptedFile] = {}
    results = []
    ordered = sorted(letters, key=lambda letter: letter.request["entity"])
    for entity, group in groupby(ordered, key=lambda letter: letter.request["entity"]):
        of_entity, query = list(group), pipeline.queries_by_entity.get(entity)
        if query is None:
            continue
        paths = tuple(letter.request["path"] for letter in of_entity)
        source, day = pipeline.queries.source_system, current_load_day(ground)
        request = AdoptionRequest(query, source, day, author.identity, paths)
        result = preview(request, ground) if dry_run else adopt(request, ground)
        results.append(result)
        found |= {letter.id: file for letter, file in zip(of_entity, result.files, strict=True)}
    return found, results


def told(file: AdoptedFile, *, dry_run: bool) -> str:
    """What became of one file, in words."""
    if file.error is not None:
        return str(file.error)
    if file.manifest is None:
        return NOTES.get(file.fate, file.fate.value)
    rows, would = file.manifest.rows_landed, "would be " if dry_run else ""
    return f"{rows:,} new row{'s' if rows != 1 else ''} {would}landed"

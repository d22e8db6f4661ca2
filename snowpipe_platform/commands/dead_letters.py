"""`snowpipe dead-letters list|show|discard`: what failed for good and waits for a person."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import get_args

from snowpipe_platform.commands.dead_letters_lines import SHORTEST_ID, abbreviated, print_closed, print_letters
from snowpipe_platform.commands.deciding import DECLINED, DRY_RUN, agreed, author_of
from snowpipe_platform.commands.project import Project
from snowpipe_platform.commands.queries import find_query
from snowpipe_platform.commands.terminal import (
    print_hanging,
    print_heading,
    print_json,
    print_next,
    print_text,
    print_wrapped,
)
from snowpipe_platform.errors import ConfigurationError, did_you_mean
from snowpipe_platform.records import ClosedLetter, Closing, DeadLetter, LetterKind
from snowpipe_platform.spec.schema_history import SCHEMA_DIFF

LISTED = "snowpipe dead-letters list"


@dataclass(frozen=True)
class Choice:
    """Which letters were typed: by abbreviated id, or all that the filters let through."""

    ids: Sequence[str] = ()
    everything: bool = False
    kind: str | None = None
    query: str | None = None


@dataclass(frozen=True)
class Typed:
    """What was typed to act on letters. reason: None where none was asked for."""

    choice: Choice
    reason: str | None = None
    dry_run: bool = False
    confirmed: bool = False
    as_json: bool = False


def list_letters(project: Project, choice: Choice, *, closed: bool, limit: int, as_json: bool) -> int:
    """One line each, the newest last."""
    if closed:
        return _list_closed(project, choice, limit=limit, as_json=as_json)
    found = _filtered(project, project.ground.dead_letters.all(), choice)
    shown, names = found[-limit:], abbreviated([letter.id for letter in found])
    if as_json:
        print_json({"count": len(found), "letters": [_told(letter) for letter in shown]})
    elif not found:
        print_text("no dead letter waits")
    else:
        print_letters(shown, names)
        _print_more(len(shown), len(found))
        print_next(f"snowpipe dead-letters show {names[shown[-1].id]}")
    return 0


def _list_closed(project: Project, choice: Choice, *, limit: int, as_json: bool) -> int:
    closed = project.ground.dead_letters.closed()
    wanted = {letter.id for letter in _filtered(project, [each.letter for each in closed], choice)}
    found = [each for each in closed if each.letter.id in wanted]
    shown = found[-limit:]
    if as_json:
        told = [{**_told(each.letter), "closed": _closing_told(each.closing)} for each in shown]
        print_json({"count": len(found), "letters": told})
    elif not found:
        print_text("no dead letter was closed")
    else:
        print_closed(shown, abbreviated(list(wanted)))
        _print_more(len(shown), len(found))
    return 0


def _print_more(shown: int, found: int) -> None:
    if shown < found:
        print_wrapped(f"the last {shown:,} of {found:,}; --limit for more")


def show(project: Project, name: str, *, as_json: bool) -> int:
    """Everything about one, waiting or closed."""
    store = project.ground.dead_letters
    waiting, closed = store.all(), store.closed()
    letter = _find(name, [*waiting, *(each.letter for each in closed)])
    endings = [each for each in closed if each.letter.id == letter.id]
    waits = any(each.id == letter.id for each in waiting)
    if as_json:
        told = {**_told(letter), "waits": waits, "closed": [_closing_told(each.closing) for each in endings]}
        print_json(told)
        return 0
    print_heading(f"{letter.id}, {letter.kind} of {letter.subject}{'' if waits else ', waits no more'}")
    request = {key: value for key, value in letter.request.items() if key != SCHEMA_DIFF}
    for key, value in {"failed (UTC)": f"{letter.failed_at:%Y-%m-%d %H:%M:%S}", **request}.items():
        print_hanging(f"    {key:<18}", value)
    print_hanging(f"    {'error':<18}", letter.error)
    for row in letter.rows:
        for column, value in json.loads(row).items():
            print_hanging(f"    {'row':<4}{column:<22}", str(value))
    for each in endings:
        print_wrapped(_ending(each))
    if waits:
        print_next(f"snowpipe dead-letters retry {letter.id[:SHORTEST_ID]}")
    return 0


def discard(project: Project, typed: Typed) -> int:
    """Give them up: off the list, and kept with who and why. 1 when it was declined."""
    author = author_of(typed.reason or "", command="dead-letters discard")
    letters = chosen(project, typed.choice)
    names = abbreviated([letter.id for letter in project.ground.dead_letters.all()])
    if not typed.as_json:
        print_letters(letters, names)
    written = not typed.dry_run and agreed(f"Give up {counted(letters)}?", confirmed=typed.confirmed)
    if written:
        now = datetime.now(UTC).replace(tzinfo=None)
        closing = Closing("discarded", author.by, author.reason, now)
        project.ground.dead_letters.close([letter.id for letter in letters], closing)
    if typed.as_json:
        ids = [letter.id for letter in letters]
        print_json({"dry_run": typed.dry_run, "count": len(ids), "discarded": ids if written else []})
    elif written:
        print_text(f"gave up {counted(letters)}, by {author.by}: {author.reason}")
        print_next(f"{LISTED} --closed")
    else:
        print_text(DRY_RUN if typed.dry_run else DECLINED)
    return 0 if written or typed.dry_run else 1


def chosen(project: Project, choice: Choice) -> list[DeadLetter]:
    """What was typed, oldest first. Raises ConfigurationError for an id that is none, or fits several."""
    waiting = project.ground.dead_letters.all()
    if bool(choice.ids) == choice.everything:
        raise ConfigurationError(f"give ids, as {LISTED} shows them, or --all with --kind or --query if it is not all.")
    if choice.everything:
        found = _filtered(project, waiting, choice)
        if not found:
            raise ConfigurationError(f"no dead letter waits that fits. See them all: {LISTED}")
        return found
    wanted = {_find(name, waiting, project.ground.dead_letters.closed()).id for name in choice.ids}
    return [letter for letter in waiting if letter.id in wanted]


def _find(name: str, letters: Sequence[DeadLetter], closed: Sequence[ClosedLetter] = ()) -> DeadLetter:
    """By the beginning of its id."""
    found = {letter.id: letter for letter in letters if letter.id.startswith(name.lower())}
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        raise ConfigurationError(f"{name!r} begins {', '.join(abbreviated(list(found)).values())}. Write more of it.")
    ending = next((each for each in reversed(closed) if each.letter.id.startswith(name.lower())), None)
    if ending is not None:
        raise ConfigurationError(f"dead letter {name!r} waits no more: {_ending(ending)}.")
    near = did_you_mean(name, [letter.id[:SHORTEST_ID] for letter in letters])
    raise ConfigurationError(
        f"there is no dead letter {name!r}. {near if near.startswith('Did') else f'See: {LISTED}'}"
    )


def _filtered(project: Project, letters: Sequence[DeadLetter], choice: Choice) -> list[DeadLetter]:
    """Raises ConfigurationError for a kind or a query that is none."""
    kinds = sorted({letter.kind for letter in letters} | set(get_args(LetterKind)))
    if choice.kind is not None and choice.kind not in kinds:
        raise ConfigurationError(f"there is no kind {choice.kind!r} of dead letter. {did_you_mean(choice.kind, kinds)}")
    if choice.query is not None and all(letter.subject != choice.query for letter in letters):
        find_query(choice.query, project.pipeline)
    return [
        letter for letter in letters if choice.kind in {None, letter.kind} and choice.query in {None, letter.subject}
    ]


def counted(letters: Sequence[DeadLetter]) -> str:
    """`1 dead letter`, `1,204 dead letters`."""
    return f"{len(letters):,} dead letter{'s' if len(letters) != 1 else ''}"


def _ending(each: ClosedLetter) -> str:
    closing = each.closing
    return f"{closing.outcome} on {closing.closed_at:%Y-%m-%d %H:%M} by {closing.by}: {closing.reason}"


def _told(letter: DeadLetter) -> dict[str, object]:
    """The stable keys."""
    return {
        "id": letter.id,
        "kind": letter.kind,
        "query": letter.subject,
        "error": letter.error,
        "failed_at": letter.failed_at,
        "request": dict(letter.request),
        "rows": [json.loads(row) for row in letter.rows],
    }


def _closing_told(closing: Closing) -> dict[str, object]:
    return {"outcome": closing.outcome, "by": closing.by, "reason": closing.reason, "at": closing.closed_at}

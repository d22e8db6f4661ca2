"""One line for each dead letter, for a person."""

from collections.abc import Mapping, Sequence

from snowpipe_platform.commands.terminal import NOTE_INDENT, NOTHING, cut, print_cut, print_heading
from snowpipe_platform.execution.arrivals import arrival_name
from snowpipe_platform.records import ClosedLetter, DeadLetter

SHORTEST_ID = 7
"""As git abbreviates."""
LONGEST_SUBJECT, LONGEST_PATH = 20, 32


def abbreviated(ids: Sequence[str]) -> dict[str, str]:
    """Each id, and as much of its beginning as tells it from the others."""
    length = SHORTEST_ID
    while len({each[:length] for each in ids}) < len(set(ids)):
        length += 1
    return {each: each[:length] for each in ids}


def print_letters(letters: Sequence[DeadLetter], names: Mapping[str, str]) -> None:
    """One line each, with when it failed and why, cut at the edge. Of a file why stands below, as its name takes the
    place. names: abbreviated ids."""
    title, *starts = named(letters, names)
    print_heading(f"{title}  {'failed':<10}  why")
    for letter, start in zip(letters, starts, strict=True):
        begun = f"{start}  {letter.failed_at:%Y-%m-%d}"
        if letter.kind == "arrival":
            print_cut(begun)
            print_cut(f"{NOTE_INDENT}{_why(letter)}")
        else:
            print_cut(f"{begun}  {letter.error}")


def _why(letter: DeadLetter) -> str:
    """The error of a file, without the name it begins with."""
    name = arrival_name(letter.request["entity"], letter.request["path"])
    return letter.error.removeprefix(name).removeprefix(":").strip()


def named(letters: Sequence[DeadLetter], names: Mapping[str, str]) -> list[str]:
    """A title, and which letter each is, aligned: id, kind, query or the end of a file's path, and load day."""
    told = [
        (names[letter.id], letter.kind, _subject(letter), letter.request.get("load_day", NOTHING)) for letter in letters
    ]
    subject = "query or file" if any(letter.kind == "arrival" for letter in letters) else "query"
    cells = [("id", "kind", subject, "load day"), *told]
    widths = [max(len(cell[i]) for cell in cells) for i in range(len(cells[0]))]
    return ["  ".join(text.ljust(width) for text, width in zip(cell, widths, strict=True)) for cell in cells]


def _subject(letter: DeadLetter) -> str:
    if letter.kind != "arrival":
        return cut(letter.subject, LONGEST_SUBJECT)
    path = f"{letter.request['entity']}/{letter.request['path']}"
    return path if len(path) <= LONGEST_PATH else f"…{path[1 - LONGEST_PATH :]}"


def print_closed(closed: Sequence[ClosedLetter], names: Mapping[str, str]) -> None:
    """One line each, with when it was closed, how and by whom."""
    title, *starts = named([each.letter for each in closed], names)
    print_heading(f"{title}  {'closed':<10}  how")
    for each, start in zip(closed, starts, strict=True):
        closing = each.closing
        print_cut(f"{start}  {closing.closed_at:%Y-%m-%d}  {closing.outcome} by {closing.by}: {closing.reason}")

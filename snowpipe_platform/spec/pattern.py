r"""A Python regular expression in the words that RE2 (DuckDB) and Java (Spark) read alike.

What both lack, or understand differently and cannot be told, is refused: look-arounds, back-references, flags, word
boundaries. `$` also matches before a trailing newline, and `\d`, `\w`, `\s` mean Unicode's, as in Python.
"""

import re
from collections.abc import Callable, Sequence

# The parser is private, but the same in all Pythons this package runs on (3.11 to 3.13); the tests compare with `re`.
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

Node = tuple[Any, Any]

LONGEST_REPEAT = 1000
"""RE2's limit on a counted repetition."""
NOTHING = "(?:|)"
"""An empty match that DuckDB 1.5 leaves alone: of an anchor and nothing else it makes a comparison with ''."""

_CLASSES = {
    codes.CATEGORY_DIGIT: r"\p{Nd}",
    codes.CATEGORY_WORD: r"\p{L}\p{N}_",
    codes.CATEGORY_SPACE: r"\x{9}-\x{d}\x{1c}-\x{20}\x{85}\p{Z}",
}
_COMPLEMENTS = {
    codes.CATEGORY_NOT_DIGIT: codes.CATEGORY_DIGIT,
    codes.CATEGORY_NOT_WORD: codes.CATEGORY_WORD,
    codes.CATEGORY_NOT_SPACE: codes.CATEGORY_SPACE,
}
_ANCHORS = {
    codes.AT_BEGINNING: r"\A",
    codes.AT_BEGINNING_STRING: r"\A",
    codes.AT_END: r"(?:\n?\z)",
    codes.AT_END_STRING: r"\z",
}


class UnsharedPatternError(ValueError):
    """The pattern has no form that both engines read as Python does; the message names the part."""


def shared_pattern(pattern: str | re.Pattern[str]) -> str:
    """The pattern's common form. Raises UnsharedPatternError, also for what Python cannot compile."""
    try:
        compiled = re.compile(pattern)
        parsed = _parser.parse(compiled.pattern)
    except re.error as error:
        raise UnsharedPatternError(f"it is no regular expression: {error}") from error
    if compiled.flags & ~re.UNICODE:
        raise UnsharedPatternError("it has flags. Write both cases, or lower() the column in clean()")
    shortest, _ = parsed.getwidth()
    return _sequence(parsed) + (NOTHING if shortest == 0 else "")


def _sequence(nodes: Sequence[Node]) -> str:
    for node in nodes[:-1]:
        if node == (codes.AT, codes.AT_END):
            raise UnsharedPatternError("'$' stands before the end")
    return "".join(_node(*node) for node in nodes)


def _node(kind: Any, value: Any) -> str:  # noqa: ANN401 - the parser's tree has no types
    write = _WRITERS.get(kind)
    if write is None:
        raise UnsharedPatternError(f"{str(kind).lower().replace('_', ' ')} (a look-around, or its like)")
    return write(value)


def _anchor(value: Any) -> str:  # noqa: ANN401
    if value not in _ANCHORS:
        raise UnsharedPatternError("a word boundary means something else in each engine")
    return _ANCHORS[value]


def _character(value: int) -> str:
    return f"\\x{{{value:x}}}"


def _class(items: Sequence[Node]) -> str:
    negated = items[0][0] is codes.NEGATE
    return f"[{'^' if negated else ''}{''.join(_member(*item) for item in items[negated:])}]"


def _member(kind: Any, value: Any) -> str:  # noqa: ANN401
    if kind is codes.LITERAL:
        return _character(value)
    if kind is codes.RANGE:
        return f"{_character(value[0])}-{_character(value[1])}"
    if value in _CLASSES:
        return _CLASSES[value]
    raise UnsharedPatternError("a complement such as \\S stands inside brackets. Write [^\\s…]")


def _in(items: Sequence[Node]) -> str:
    if len(items) == 1 and items[0][1] in _COMPLEMENTS:
        return f"[^{_CLASSES[_COMPLEMENTS[items[0][1]]]}]"
    return _class(items)


def _branch(value: tuple[None, list[Sequence[Node]]]) -> str:
    return f"(?:{'|'.join(_sequence(branch) for branch in value[1])})"


def _group(value: tuple[int | None, int, int, Sequence[Node]]) -> str:
    _, added, removed, inner = value
    if added or removed:
        raise UnsharedPatternError("a group has flags of its own")
    return f"(?:{_sequence(inner)})"


def _repeat(value: tuple[int, int, Sequence[Node]]) -> str:
    low, high, inner = value
    if low > LONGEST_REPEAT or (high is not codes.MAXREPEAT and high > LONGEST_REPEAT):
        raise UnsharedPatternError(f"a repetition counts beyond {LONGEST_REPEAT}")
    return f"(?:{_sequence(inner)}){{{low},{'' if high is codes.MAXREPEAT else high}}}"


_WRITERS: dict[Any, Callable[[Any], str]] = {
    codes.LITERAL: _character,
    codes.NOT_LITERAL: lambda value: f"[^{_character(value)}]",
    codes.ANY: lambda _value: r"[^\n]",
    codes.AT: _anchor,
    codes.IN: _in,
    codes.BRANCH: _branch,
    codes.SUBPATTERN: _group,
    codes.MAX_REPEAT: _repeat,
    codes.MIN_REPEAT: _repeat,
}

"""Reading the queries file, JSON or YAML. Each problem is one line: file, line, key, what was found, how to mend it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from yaml.reader import Reader

from snowpipe_platform.errors import QueriesFileError, did_you_mean, openable
from snowpipe_platform.spec.extraction import QueriesFile, Query, QueryRule, repeated_queries

_SHOWN_CHARACTERS = 80
_UNREADABLE = (ValueError, ArithmeticError, yaml.YAMLError, RecursionError)
_UNKNOWN = ("extra_forbidden", "invalid_key")
_MODELS: dict[int, type[BaseModel]] = {0: QueriesFile, 2: Query, 4: QueryRule}
"""The model that owns a place, by the length of the place: (), (queries, i), (queries, i, rules, j)."""

Place = tuple[str | int, ...]
_Problem = tuple[int, str]
"""A line, and what is wrong there."""
_Repeated = tuple[Place, str, int, int]
"""The place of a mapping, a key it has twice, and both lines."""


@dataclass(frozen=True)
class _Document:
    """The file as plain values, and the same as nodes that know their lines."""

    values: Any
    root: yaml.Node | None
    repeated: list[_Repeated]


class _Loader(yaml.SafeLoader):
    """YAML 1.2 with JSON's types only: YAML 1.1 reads `no` as false, `1:30` as 90 and `010` as 8."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - typed by its base

    def exact_number(self, node: yaml.ScalarNode) -> Decimal:
        return Decimal(node.value.replace("_", ""))


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", [*"~nN", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    ("int", r"[-+]?(?:0|[1-9][0-9_]*)", [*"-+0123456789"]),
    ("float", r"[-+]?(?:0|[1-9][0-9_]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", [*"-+0123456789"]),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.exact_number)


def load_queries_file(path: Path) -> QueriesFile:
    """The queries of a file. Raises QueriesFileError with all its problems, sorted by line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise QueriesFileError(
            f"{openable(path)}: {error.strerror}. Write the queries there, or correct the path."
        ) from None
    except UnicodeDecodeError as error:
        raise QueriesFileError(f"{openable(path)}: is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from None
    return parse_queries(text, source=openable(path))


def parse_queries(text: str, *, source: str) -> QueriesFile:
    """The queries of a text; `source` names it in errors. Raises QueriesFileError with all problems, sorted by line."""
    document = _document(text, source)
    problems = [
        (second, f"{_where(document, place)}key {_shown(key)} is given twice, on lines {first} and {second}.")
        for place, key, first, second in document.repeated
    ]
    try:
        queries = QueriesFile.model_validate(document.values)
    except ValidationError as error:
        problems += _validation_problems(document, error)
    return _refuse(source, problems) if problems else queries


def _refuse(source: str, problems: list[_Problem]) -> NoReturn:
    raise QueriesFileError("\n".join(f"{source}:{line}: {text}" for line, text in sorted(set(problems)))) from None


def _document(text: str, source: str) -> _Document:
    try:
        document = _json_document(text)
    except _UNREADABLE as json_error:
        try:
            document = _yaml_document(text)
        except _UNREADABLE as yaml_error:
            _refuse(source, [_syntax_problem(json_error if text.lstrip()[:1] in ("{", "[") else yaml_error)])
    if document.values is None:
        _refuse(source, [(1, "the file is empty. It needs a list of queries under the key 'queries'.")])
    return document


def _json_document(text: str) -> _Document:
    """Raises ValueError when the text is not JSON. YAML reads JSON, but for tabs and control characters."""
    values = json.loads(text, parse_float=Decimal)
    root = _Loader(Reader.NON_PRINTABLE.sub(" ", text.replace("\t", " "))).get_single_node()
    return _Document(values, root, list(_repeated_keys(root, (), set())))


def _yaml_document(text: str) -> _Document:
    loader = _Loader(text)
    root = loader.get_single_node()
    repeated = list(_repeated_keys(root, (), set()))  # before construction, which mixes merged keys in
    return _Document(loader.construct_document(root) if root else None, root, repeated)


def _repeated_keys(node: yaml.Node | None, place: Place, seen: set[int]) -> Iterator[_Repeated]:
    """Every key given twice in one mapping. `seen` keeps aliases from being walked more than once."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and key.value in lines:
                yield (place, key.value, lines[key.value], line)
            lines[str(key.value)] = line
            yield from _repeated_keys(value, (*place, str(key.value)), seen)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _repeated_keys(item, (*place, index), seen)


def _syntax_problem(error: Exception) -> _Problem:
    if isinstance(error, json.JSONDecodeError):
        return (error.lineno, f"column {error.colno}: not valid JSON: {error.msg}.")
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        mark = error.problem_mark
        return (mark.line + 1, f"column {mark.column + 1}: {_one_line(str(error.problem))}.")
    reason = "it is nested too deeply" if isinstance(error, RecursionError) else _one_line(str(error).partition(":")[0])
    return (1, f"not readable as JSON or YAML: {reason}.")


def _validation_problems(document: _Document, error: ValidationError) -> Iterator[_Problem]:
    # Neither a default that depends on a refused key, nor the missing key that a misspelt one means, is a problem.
    found = [each for each in error.errors() if each["type"] != "default_factory_not_called"]
    meant = {(*each["loc"][:-1], key) for each in found if each["type"] in _UNKNOWN for key in _nearest(each["loc"])}
    own = [(each["loc"], _sentence(each)) for each in found if each["type"] != "missing" or each["loc"] not in meant]
    repeated = repeated_queries(_identities(document))
    shared = [(("queries", *place), f"{place[-1]} {reason}.") for place, reason in repeated]
    for place, sentence in [*own, *shared]:
        yield _line(document.root, place), f"{_where(document, place)}{sentence}"


def _identities(document: _Document) -> dict[int, tuple[str, str]]:
    """Name and entity of each query that has them as text, also when other keys of it are refused."""
    queries = document.values.get("queries") if isinstance(document.values, dict) else None
    return {
        index: (query["name"], str(query.get("entity", query["name"])))
        for index, query in enumerate(queries if isinstance(queries, list) else [])
        if isinstance(query, dict) and isinstance(query.get("name"), str)
    }


def _owner(place: Place) -> Place:
    """The part of a place that leads to its model: (), (queries, i) or (queries, i, rules, j)."""
    if place[:1] != ("queries",) or len(place) == 1:
        return ()
    return place[:4] if place[2:3] == ("rules",) and len(place) > 3 else place[:2]  # noqa: PLR2004 - as in _MODELS


def _line(root: yaml.Node | None, place: Place) -> int:
    """The line of a place, or of the nearest thing around it that is in the file."""
    node, line = root, root.start_mark.line + 1 if root else 1
    for part in place:
        inner = _inside(node, part)
        if inner is None:
            break
        line, node = inner[0].start_mark.line + 1, inner[1]
    return line


def _inside(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """What shows the line of a part of a node, and the part itself."""
    if isinstance(node, yaml.MappingNode):
        return next((pair for pair in reversed(node.value) if pair[0].value == str(part)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None


def _where(document: _Document, place: Place) -> str:
    """`queries[2] (orders): `, with the rule after it where there is one; nothing for a key of the file itself."""
    text, owner, values = "", _owner(place), document.values
    for kind, index in zip(owner[::2], owner[1::2], strict=True):
        entries = values.get(kind) if isinstance(values, dict) else None
        values = dict[Any, Any](enumerate(entries)).get(index) if isinstance(entries, list) else None
        name = values.get("name") if isinstance(values, dict) else None
        text += f"{kind}[{index}] ({_one_line(name)}): " if isinstance(name, str) else f"{kind}[{index}]: "
    return text


def _sentence(problem: ErrorDetails) -> str:
    owner = _owner(problem["loc"])
    model, rest = _MODELS[len(owner)], problem["loc"][len(owner) :]
    if not rest:
        required = " and ".join(repr(key) for key, field in model.model_fields.items() if field.is_required())
        return f"must be a mapping with {required}; found {_shown(problem['input'])}."
    key = str(rest[0])
    if problem["type"] in _UNKNOWN:
        return f"unknown key {_shown(key)}. {did_you_mean(key, list(model.model_fields))}"
    field = model.model_fields[key]
    if problem["type"] == "missing":
        return f"missing key {key!r}: {_expected(field)}."
    named = key + "".join(f"[{part}]" if isinstance(part, int) else f".{_one_line(part)}" for part in rest[1:])
    if problem["type"] in ("value_error", "declaration"):
        reason = problem["msg"].removeprefix("Value error, ")
        return f"{named} {reason}" if reason.endswith("?") else f"{named} {reason.rstrip('.')}."
    valid = [str(each) for each in get_args(field.annotation)] if get_origin(field.annotation) is Literal else []
    hint = f" {did_you_mean(str(problem['input']), valid)}" if get_close_matches(str(problem["input"]), valid) else ""
    return f"{named} must be {_expected(field)}; found {_shown(problem['input'])}.{hint}"


def _nearest(place: Place) -> list[str]:
    return get_close_matches(str(place[-1]), list(_MODELS[len(_owner(place))].model_fields), n=1)


def _expected(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return "one of " + ", ".join(repr(each) for each in get_args(field.annotation))
    return f"{field.description}, such as {(field.examples or [None])[0]!r}"


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_SHOWN_CHARACTERS]


def _shown(value: object) -> str:
    """A value for a message: never more than 80 characters of it, and only the kind of a mapping or list."""
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"

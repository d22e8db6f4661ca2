"""A JSON-lines file somebody dropped: one object a line, UTF-8. Every value becomes text, digit for digit."""

import json
import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, BinaryIO

import pyarrow as pa

from snowpipe_platform.errors import ArrivalError
from snowpipe_platform.execution.dropped import Dropped, Numbered, Opener, column_names

LONGEST_LINE_BYTES = 64 * 1024 * 1024
BATCH_ROWS = 10_000
_HALF_OF_A_PAIR = re.compile("[\\ud800-\\udfff]")


class _Number(str):
    """A number as it was written: as a float it would lose digits."""

    __slots__ = ()


_DECODER = json.JSONDecoder(parse_float=_Number, parse_int=_Number, parse_constant=_Number)


def open_json(name: str, opened: Opener) -> Dropped:
    """Reads the whole file once: its columns are the keys of all objects. A key an object lacks is null in it."""
    keys: dict[str, None] = {}
    objects = 0
    with opened() as file:
        for _, found in _objects(name, file):
            objects += 1
            keys.update(dict.fromkeys(found))
    if not objects:
        raise ArrivalError(f"{name}: the file is empty. Write one object a line.")
    schema = pa.schema([pa.field(column, pa.string()) for column in column_names(name, list(keys))])
    return Dropped(name, schema, False, "line", partial(_batches, name, opened, schema))


def _batches(name: str, opened: Opener, schema: pa.Schema, columns: Sequence[str] | None) -> Iterator[Numbered]:
    wanted = list(schema.names if columns is None else columns)
    with opened() as file:
        objects = _objects(name, file)
        while chunk := list(islice(objects, BATCH_ROWS)):
            arrays = [pa.array([_text(found.get(column)) for _, found in chunk], pa.string()) for column in wanted]
            yield Numbered(pa.record_batch(arrays, names=wanted), [number for number, _ in chunk])


def _objects(name: str, file: BinaryIO) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each object, its keys in lower case, with the number of its line, counted from 1; blank lines are none."""
    number, lower = 0, set[str]()
    while line := file.readline(LONGEST_LINE_BYTES):
        number += 1
        if number == 1 and line.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
            raise ArrivalError(f"{name}: the file is one JSON array. Write one object a line instead.")
        if len(line) == LONGEST_LINE_BYTES:
            raise ArrivalError(f"{name}: line {number} is longer than {LONGEST_LINE_BYTES:,} bytes. Shorten it.")
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            if text:
                yield number, _in_lower_case(_object(text), lower)
        except UnicodeDecodeError as error:
            raise ArrivalError(f"{name}: line {number} is not UTF-8. Write the file in UTF-8.") from error
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise ArrivalError(f"{name}: line {number} is no JSON object: {reason}. Mend the line.") from error


def _object(text: str) -> dict[str, Any]:
    """Raises ValueError for another value, or for one that is no text: JSON can spell half of a surrogate pair."""
    found = _DECODER.decode(text)
    if not isinstance(found, dict):
        raise ValueError("it is another value")  # noqa: TRY004 - of the file, not of the code
    texts = (each for each in (*found, *found.values()) if isinstance(each, str))
    if "\\u" in text and any(map(_HALF_OF_A_PAIR.search, texts)):
        raise ValueError("it spells half of a surrogate pair, which is no letter")
    return found


def _in_lower_case(found: dict[str, Any], lower: set[str]) -> dict[str, Any]:
    """lower: keys that were met and are in lower case; most objects have no other."""
    if found.keys() <= lower:
        return found
    renamed = {key.lower(): value for key, value in found.items()}
    if len(renamed) < len(found):
        raise ValueError("two keys differ in case only")
    lower.update(key for key in found if key in renamed)
    return renamed


def _text(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    return None if value is None else str(value) if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """As `json.dumps` writes it, but for numbers, which stay as they were written."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {_json(inner)}" for key, inner in value.items()) + "}"
    return "[" + ", ".join(map(_json, value)) + "]" if isinstance(value, list) else json.dumps(value)

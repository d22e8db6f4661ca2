"""What a request asks: its rows, by features or by customer, from JSON, JSON lines or CSV."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import Any, NoReturn

from snowpipe_platform.errors import SnowpipeError
from snowpipe_platform.spec.keys import KEY_BITS, key_of
from snowpipe_platform.spec.signed_row import Problem

BAD_REQUEST, NOT_FOUND, TOO_SLOW, TOO_LARGE, UNSUPPORTED, UNAVAILABLE = 400, 404, 408, 413, 415, 503
JSON = "application/json"
LINES = ("application/jsonlines", "application/x-ndjson", "application/jsonl")
CSV = "text/csv"
UTF_8 = {"utf-8", "utf8"}
MAX_ROWS = 1_000
CUSTOMER_ID, CUSTOMER_KEY = "customer_id", "customer_key"
WHO = (CUSTOMER_ID, CUSTOMER_KEY)


class RequestRefusedError(SnowpipeError):
    """A request that gets no prediction: the status of HTTP, why, and what is wrong with which row."""

    def __init__(self, status: int, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.status, self.problems = status, tuple(problems)


@dataclass(frozen=True, kw_only=True)
class AskedRow:
    """One row of a request. customer_key: of whom, where it says so. fields: the features it gives, none to read them
    from the online store. is_text: whether all its values are texts."""

    number: int
    customer_key: int | None
    fields: Mapping[str, Any]
    is_text: bool = False


def asked_rows(body: bytes, content_type: str) -> list[AskedRow]:
    """Raises RequestRefusedError for another content type, what is not written in it, no row, and too many."""
    kind = _kind(content_type)
    text = _decoded(body)
    if kind == JSON:
        read = _parsed(text, "the body")
        rows = read if isinstance(read, list) else [read]
    elif kind == CSV:
        rows = _csv_rows(text)
    else:
        lines = [(n, line) for n, line in enumerate(text.split("\n"), start=1) if line.strip()]
        rows = [_parsed(line, f"line {n}") for n, line in lines[: MAX_ROWS + 1]]
    if not rows:
        raise RequestRefusedError(BAD_REQUEST, "The request has no row. Give at least one.")
    if len(rows) > MAX_ROWS:
        msg = f"The request has more than {MAX_ROWS:,} rows. Send it in parts."
        raise RequestRefusedError(TOO_LARGE, msg)
    return _asked(rows, is_text=kind == CSV)


def _kind(content_type: str) -> str:
    kind, charsets = _kind_and_charsets(content_type)
    if kind not in (JSON, CSV, *LINES):
        known = ", ".join((JSON, LINES[0], CSV))
        raise RequestRefusedError(UNSUPPORTED, f"The content type is {kind[:80] or 'missing'!r}. Send one of {known}.")
    if not charsets <= UTF_8:
        raise RequestRefusedError(UNSUPPORTED, "The text has to be UTF-8. Encode it so and send charset=utf-8.")
    return kind


def _kind_and_charsets(content_type: str) -> tuple[str, set[str]]:
    header = Message()
    header["content-type"] = content_type
    try:
        (kind, _), *parameters = header.get_params([("", "")])
        told = [collapse_rfc2231_value(value).lower() for name, value in parameters if name.lower() == "charset"]
    except (TypeError, ValueError) as error:  # of continued parameters (RFC 2231) whose numbers make no sense
        msg = "The content type's parameters cannot be read. Send charset=utf-8, or none."
        raise RequestRefusedError(UNSUPPORTED, msg) from error
    return kind.lower(), set(told)


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestRefusedError(
            BAD_REQUEST, f"The body is not UTF-8 text (byte {error.start}). Encode it so."
        ) from error


def _parsed(text: str, place: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        msg = f"{place.capitalize()} is no JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        raise RequestRefusedError(BAD_REQUEST, f"{msg} Mend it there.") from error
    except RecursionError as error:
        raise RequestRefusedError(
            BAD_REQUEST, f"{place.capitalize()} is nested too deeply. Give flat objects."
        ) from error
    except ValueError as error:
        raise RequestRefusedError(BAD_REQUEST, f"{place.capitalize()} cannot be read: {error}.") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} stands twice in one object")
    for text in (text for pair in pairs for text in pair if isinstance(text, str)):
        _refuse_halves(text)
    return read


def _refuse_halves(text: str) -> None:
    """JSON can name half of a surrogate pair, which nothing can write or hash. Raises ValueError."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{text[error.start : error.end]!r} is half a character; write both or neither") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number; write null for what is not known")


def _csv_rows(text: str) -> list[dict[str, str]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _refuse_header(header)
        rows = []
        for number, values in enumerate((row for row in reader if row), start=1):
            if len(values) != len(header):
                problem = Problem(
                    number, "", f"has {len(values)} values, the header has {len(header)}", "Give as many."
                )
                raise RequestRefusedError(BAD_REQUEST, str(problem), [problem])
            rows.append(dict(zip(header, values, strict=True)))
            if number > MAX_ROWS:
                break
    except csv.Error as error:
        msg = f"Line {reader.line_num} is no CSV: {error}. Mend it there."
        raise RequestRefusedError(BAD_REQUEST, msg) from error
    return rows


def _refuse_header(header: list[str]) -> None:
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise RequestRefusedError(BAD_REQUEST, f"The CSV's header names {twice!r} twice. Name every column once.")


def _asked(rows: Sequence[Any], *, is_text: bool) -> list[AskedRow]:
    asked: list[AskedRow] = []
    problems: list[Problem] = []
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, Mapping):
            problems.append(
                Problem(number, "", "is no object", 'Write a row as {"customer_key": 1}, or with features.')
            )
            continue
        who = [name for name in WHO if row.get(name) not in (None, "")]
        key = _key(row, who)
        fields = {name: value for name, value in row.items() if name not in WHO}
        if key is None and who:
            problems.append(_wrong_key(number, who))
        elif key is None and not fields:
            problems.append(Problem(number, "", "is empty", f"Give {CUSTOMER_ID}, {CUSTOMER_KEY}, or the features."))
        else:
            asked.append(AskedRow(number=number, customer_key=key, fields=fields, is_text=is_text))
    refuse(problems)
    return asked


def _key(row: Mapping[str, Any], who: list[str]) -> int | None:
    """Of the customer the row names in one way; None where it names none, or wrongly."""
    if len(who) != 1:
        return None
    found = row[who[0]]
    if who[0] == CUSTOMER_ID:
        return key_of(found) if isinstance(found, str) else None
    if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) < KEY_BITS:
        found = int(found)
    return found if type(found) is int and 0 <= found < 2**KEY_BITS else None


def _wrong_key(number: int, who: list[str]) -> Problem:
    if len(who) > 1:
        return Problem(number, " and ".join(who), "are two ways to name one customer", "Give one of the two.")
    kinds = {CUSTOMER_ID: "a text", CUSTOMER_KEY: f"a whole number from 0 to 2^{KEY_BITS}"}
    return Problem(number, who[0], f"is not {kinds[who[0]]}", f"Write {kinds[who[0]]}.")


def refuse(problems: Sequence[Problem], status: int = BAD_REQUEST) -> None:
    """Raises RequestRefusedError where there is a problem; its message is the first, and how many more there are."""
    if problems:
        more = f" ({len(problems) - 1:,} more)" if len(problems) > 1 else ""
        raise RequestRefusedError(status, f"{problems[0]}{more}", problems)

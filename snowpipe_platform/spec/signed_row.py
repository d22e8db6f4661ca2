"""A row of a request against a model's signature: the values the model takes, or every problem of the row."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from snowpipe_platform.errors import did_you_mean
from snowpipe_platform.spec.signature import Kind, Signature, SignedFeature, Value

_WHOLE = re.compile(r"[+-]?[0-9]{1,19}(\.0*)?")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_TRUTHS = {"true": True, "false": False}
INT64_END = 2.0**63
LONGEST_TEXT = 200
"""Characters of a text, and of a field's name in a message: what a request says is kept in the log."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with one field of one row, and how to mend it. row: counted from 1; 0 for the whole request. The
    value is not in it: it may be private."""

    row: int
    field: str
    problem: str
    mend: str

    def __str__(self) -> str:
        place = ", ".join(part for part in (f"row {self.row}" if self.row else "", self.field) if part)
        return f"{place}: {self.problem}. {self.mend}" if place else f"{self.problem}. {self.mend}"


@dataclass(frozen=True)
class SignedRow:
    """Values in the signature's order, and what is unusual about them, by feature."""

    values: tuple[Value, ...]
    warnings: Mapping[str, str]


def signed_row(row: Mapping[str, object], signature: Signature, *, number: int) -> SignedRow | list[Problem]:
    """Unknown, missing and ill-typed fields are problems; a null, and a value out of the range of training, warnings.

    A null is the feature's default, where it has one. number: the row's, from 1.
    """
    problems = [_unknown(name, signature, number) for name in row if name not in signature.names]
    values: list[Value] = []
    warnings: dict[str, str] = {}
    for feature in signature.features:
        if feature.name not in row:
            problems.append(Problem(number, feature.name, "is missing", _mend_missing(feature)))
            continue
        found = row[feature.name]
        if found is None:
            values.append(feature.default)
            if feature.default is not None:
                warnings[feature.name] = f"null; the default {_short(feature.default)} was used"
            elif feature.missing is False:
                warnings[feature.name] = "null, and training saw no row without it"
            continue
        value = _value(found, feature.kind)
        if value is None:
            mend = f"Write {feature.kind}, or null." if feature.default is None else f"Write {feature.kind}."
            problems.append(Problem(number, feature.name, f"is {_told(found, feature.kind)}", mend))
            continue
        values.append(value)
        if warning := _out_of_range(value, feature):
            warnings[feature.name] = warning
    return problems or SignedRow(tuple(values), warnings)


def from_text(row: Mapping[str, str | None], signature: Signature) -> dict[str, object]:
    """A row whose values are all texts, as of a CSV file, with those that are numbers or truths as such. An empty
    text is null."""
    kinds = {feature.name: feature.kind for feature in signature.features}
    return {name: _untexted(text, kinds.get(name, Kind.TEXT)) for name, text in row.items()}


def _untexted(text: str | None, kind: Kind) -> object:
    if text is None or not text.strip():
        return None
    if kind is Kind.TEXT:
        return text
    plain = text.strip()
    if kind is Kind.TRUTH:
        return _TRUTHS.get(plain.lower(), text)
    return (
        float(plain)
        if _NUMBER.fullmatch(plain) and not (kind is Kind.INTEGER and not _WHOLE.fullmatch(plain))
        else text
    )


def _value(found: object, kind: Kind) -> Value:
    """As the model takes it; None for what is of another kind."""
    if kind is Kind.TEXT:
        return found if isinstance(found, str) and len(found) <= LONGEST_TEXT else None
    if kind is Kind.TRUTH:
        return float(found) if isinstance(found, bool) else None
    if isinstance(found, Decimal) or (kind is Kind.DECIMAL and isinstance(found, str) and _NUMBER.fullmatch(found)):
        found = float(found)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    try:
        number = float(found)
    except OverflowError:
        return None
    is_whole = number.is_integer() and -INT64_END <= number < INT64_END
    return number if math.isfinite(number) and (is_whole or kind is not Kind.INTEGER) else None


def _told(found: object, kind: Kind) -> str:
    """What was found in the place of a value of the kind."""
    if isinstance(found, bool):
        return "true or false"
    if isinstance(found, int | float):
        if kind in (Kind.TEXT, Kind.TRUTH):
            return "a number"
        return "too large a number" if abs(found) >= INT64_END else "no whole number"
    if kind is Kind.TEXT and isinstance(found, str):
        return f"longer than {LONGEST_TEXT} characters"
    return "a text" if isinstance(found, str) else "a list or an object"


def _out_of_range(value: Value, feature: SignedFeature) -> str | None:
    if not isinstance(value, float):
        return None
    if feature.minimum is not None and value < feature.minimum:
        return f"below {_short(feature.minimum)}, the least seen in training"
    if feature.maximum is not None and value > feature.maximum:
        return f"above {_short(feature.maximum)}, the most seen in training"
    return None


def _unknown(name: str, signature: Signature, number: int) -> Problem:
    name = name[:LONGEST_TEXT]
    return Problem(number, name, f"is no feature of {signature.model}", did_you_mean(name, list(signature.names)))


def _mend_missing(feature: SignedFeature) -> str:
    null = (
        ", or null where there is none" if feature.default is None else f"; null stands for {_short(feature.default)}"
    )
    return f"Give {feature.kind}{null}."


def _short(value: Value) -> str:
    return f"{value:.12g}" if isinstance(value, float) else repr(value)

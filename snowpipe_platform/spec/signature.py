"""What a model takes: the features it was trained with, in their order, as `signature.json` beside it says."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from snowpipe_platform.errors import ServingError

SIGNATURE_FILE = "signature.json"
Value = float | str | None
"""Of a feature, as the model takes it: a number, a text, or nothing."""


class Kind(StrEnum):
    """How a feature's values are written; the member's text is what an error calls one."""

    INTEGER = "a whole number"
    NUMBER = "a number"
    DECIMAL = "a number, or a text of one"
    TRUTH = "true or false"
    TEXT = "a text"


_KINDS = (
    (re.compile(r"u?int(eger)?\d*"), Kind.INTEGER),
    (re.compile(r"(float|double)\d*|number"), Kind.NUMBER),
    (re.compile(r"decimal.*"), Kind.DECIMAL),
    (re.compile(r"bool(ean)?"), Kind.TRUTH),
    (re.compile(r"str(ing)?|text|category"), Kind.TEXT),
)


@dataclass(frozen=True, kw_only=True)
class SignedFeature:
    """A feature of a model. type: as the training script wrote it. default: stands in for a null, and where
    contributions start from. minimum, maximum: seen in training; None where there are none, as for texts. missing:
    whether training saw a row without a value; None where the script did not write that."""

    name: str
    type: str
    kind: Kind
    default: Value
    minimum: float | None = None
    maximum: float | None = None
    missing: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Signature:
    """The features of a model, in the order it takes them, and what it predicts."""

    model: str
    label: str
    features: tuple[SignedFeature, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)

    @property
    def is_numeric(self) -> bool:
        """Whether no feature is a text."""
        return all(feature.kind is not Kind.TEXT for feature in self.features)

    @property
    def defaults(self) -> tuple[Value, ...]:
        return tuple(feature.default for feature in self.features)


def signature_of(text: str, *, where: str) -> Signature:
    """From the file's text. Raises ServingError naming the file and the key."""
    try:
        read = json.loads(text)
        features = tuple(_feature(one, f"{where}: feature {n}") for n, one in enumerate(read["features"], start=1))
        signature = Signature(model=str(read["model"]), label=str(read["label"]), features=features)
    except (ValueError, KeyError, TypeError) as error:
        reason = f"has no {error}" if isinstance(error, KeyError) else f"is no signature ({error})"
        raise ServingError(f"{where} {reason}. Train the model again; a signature is written with it.") from error
    twice = {name for name in signature.names if signature.names.count(name) > 1}
    if twice or not features:
        raise ServingError(
            f"{where}: {'features stand twice: ' + ', '.join(sorted(twice)) if twice else 'no feature'}."
        )
    return signature


def _feature(read: Mapping[str, Any], where: str) -> SignedFeature:
    kind = next((kind for pattern, kind in _KINDS if pattern.fullmatch(str(read["type"]).lower().lstrip("!"))), None)
    if kind is None:
        raise ServingError(f"{where}, {read['name']!r}, is of type {read['type']!r}, which no request can hold.")
    default = read["default"]
    if default is not None and kind is not Kind.TEXT:
        default = float(default)
    missing = read.get("missing")
    if not isinstance(missing, bool | None):
        raise ValueError(f"{read['name']}: 'missing' is neither true nor false")  # noqa: TRY004 - of a file
    return SignedFeature(
        name=str(read["name"]),
        type=str(read["type"]),
        kind=kind,
        default=default,
        minimum=_bound(read.get("min")),
        maximum=_bound(read.get("max")),
        missing=missing,
    )


def _bound(read: object) -> float | None:
    """Texts have none, whatever is written; a decimal's may be a text."""
    try:
        bound = float(read) if isinstance(read, int | float | str) else math.nan
    except ValueError:
        return None
    return None if math.isnan(bound) else bound

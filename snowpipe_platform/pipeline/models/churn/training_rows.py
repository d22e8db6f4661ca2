"""The rows of a training set, as arrays."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from snowpipe_platform.errors import TrainingFailedError
from snowpipe_platform.pipeline.models.churn.split import Period

NAME = "churn"
KEY, LABEL_AT, LABEL = "customer_key", "label_at", "churned"
GROUPED_BY = ("region", "segment")
"""Text as of the label: what a model is judged by and not fitted on."""
TENURE = "tenure_days"
TENURE_BANDS = ((90, "under 90 days"), (365, "90 days to a year"), (730, "one to two years"))
LONGEST_TENURE, NO_GROUP = "two years or more", "unknown"
IN_ORDER = (*(name for _, name in TENURE_BANDS), LONGEST_TENURE)
"""What the alphabet would put in another order."""

RECENCY = "recency_days"
WINDOW = re.compile(r"_(\d+)d$")
"""How the name of a feature over some days ends."""
SPANNED = 0.9
"""Of its window, by which a history is long enough: maybe nobody ordered on its first day and never since."""

Floats = npt.NDArray[np.float64]
Keys = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Feature:
    """A column the model is fitted on. type: the column's. default: what stands in for a value that is missing; None:
    the model is told that it is missing."""

    name: str
    type: str
    default: Any


@dataclass(frozen=True, kw_only=True)
class TrainingRows:
    """Rows sorted by label_at. values: a column for each feature, a missing value is NaN. record: what the file beside
    it says it was made from. groups: of each row, by dimension."""

    hash: str
    keys: Keys
    features: tuple[Feature, ...]
    label_at: npt.NDArray[np.datetime64]
    values: Floats
    churned: Flags
    groups: Mapping[str, Sequence[str]]
    record: dict[str, Any]

    @property
    def instants(self) -> list[datetime]:
        """Of the labels, each once."""
        return list(np.unique(self.label_at).tolist())

    def within(self, period: Period) -> Flags:
        """Which rows are labelled in the period."""
        first, last = np.datetime64(period.first), np.datetime64(period.last)
        return np.asarray((self.label_at >= first) & (self.label_at <= last))

    def steady(self, rows: Flags) -> tuple[str, ...]:
        """Features that mean the same at each of the rows' labels. Not: windows that began before the history did, as
        the longest recency at the first label tells. They grow from label to label, and a model that learned from short
        ones takes the long ones it is judged by, and serves, for those of customers who order much."""
        if RECENCY not in self.names:
            return self.names
        known_days = np.nan_to_num(self.columns([RECENCY])[rows & (self.label_at == self.label_at[rows].min())]).max()
        return tuple(name for name in self.names if _window_days(name) * SPANNED <= known_days)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the features."""
        return tuple(feature.name for feature in self.features)

    def columns(self, names: Sequence[str]) -> Floats:
        """The values of some features, in the order of the names."""
        return self.values[:, [self.names.index(name) for name in names]]


def read_training_rows(folder: Path) -> TrainingRows:
    """The one Parquet file of the channel. Raises TrainingFailedError where it is none of a training set."""
    found = sorted(folder.glob("*.parquet"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise TrainingFailedError(f"{folder}: expected one Parquet file, found {names}.")
    table, record = pq.read_table(found[0]), _record(found[0].with_suffix(".json"))
    absent = [name for name in (KEY, LABEL_AT, *GROUPED_BY, LABEL) if name not in table.column_names]
    if absent:
        raise TrainingFailedError(f"{found[0].name}: column {absent[0]!r} is missing. Found: {table.column_names}.")
    features = _features(table.schema, record)
    groups = {name: [value or NO_GROUP for value in table[name].to_pylist()] for name in GROUPED_BY}
    if TENURE in table.column_names:
        groups["tenure"] = [tenure_band(days) for days in table[TENURE].to_pylist()]
    return TrainingRows(
        hash=hashlib.sha256(found[0].read_bytes()).hexdigest(),
        keys=table[KEY].to_numpy(),
        features=features,
        label_at=table[LABEL_AT].to_numpy(),
        values=np.column_stack([_floats(table[feature.name]) for feature in features]),
        churned=np.asarray(table[LABEL].to_numpy(), dtype=bool),
        groups=groups,
        record=record,
    )


def tenure_band(days: int | None) -> str:
    """How long a customer has been one."""
    if days is None:
        return NO_GROUP
    return next((name for end, name in TENURE_BANDS if days < end), LONGEST_TENURE)


def _window_days(feature: str) -> int:
    """0 for one without a window."""
    found = WINDOW.search(feature)
    return int(found.group(1)) if found else 0


def _record(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def _features(schema: pa.Schema, record: dict[str, Any]) -> tuple[Feature, ...]:
    """Every column that is no key, instant, group or label; defaults as the record has them."""
    defaults = {told["name"]: told.get("default") for told in record.get("features", ())}
    return tuple(
        Feature(name=field.name, type=_type_name(field.type), default=defaults.get(field.name))
        for field in schema
        if field.name not in {KEY, LABEL_AT, LABEL, *GROUPED_BY}
    )


def _type_name(kind: pa.DataType) -> str:
    """As Ibis writes it."""
    return str(kind).replace("double", "float64").replace("decimal128", "decimal")


def _floats(column: pa.ChunkedArray) -> Floats:
    """As a server reads them: by way of text, as Arrow's own cast of a decimal is a last bit off float() for some."""
    plain = column.cast(pa.string()) if pa.types.is_decimal(column.type) else column
    return np.asarray(plain.cast(pa.float64()).to_numpy(), dtype=np.float64)

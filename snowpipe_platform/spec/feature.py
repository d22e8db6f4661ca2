"""Feature groups: what a model may know of an entity, with when it was true and when it was known."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Literal

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa

from snowpipe_platform.errors import PipelineError
from snowpipe_platform.spec.analysis_dates import end_of
from snowpipe_platform.spec.as_of import ANALYSIS_DATE, DateByDate
from snowpipe_platform.spec.declaration import require_tuple

EVENT_TIME = "event_time"
CREATED_TIME = "created_time"
EVERY_DATE = date.max.toordinal()
"""Days back: all there can be."""

Default = int | float | bool | str | Decimal | date | datetime | None

_TIMES = {
    EVENT_TIME: "exclusive end of the date the features are as of, UTC",
    CREATED_TIME: "when the rows the features are taken from were committed, UTC",
    ANALYSIS_DATE: "the day that ends at event_time; the partition on disk",
}

_FITS: dict[str, Callable[[object], bool]] = {
    "integer": lambda value: type(value) is int,
    "floating": lambda value: type(value) in {int, float},
    "decimal": lambda value: type(value) in {int, Decimal},
    "boolean": lambda value: type(value) is bool,
    "string": lambda value: type(value) is str,
    "date": lambda value: type(value) is date,
    "timestamp": lambda value: type(value) is datetime,
}
"""Which defaults a family of types takes."""


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One column of a feature group. type: as Ibis writes it, `decimal(18, 2)`. window: how far back from event_time it
    looks; None where it has no window. default: what a reader takes where the value, or the entity's row, is missing;
    None: nothing, the model gets a missing value."""

    name: str
    type: str
    description: str
    window: timedelta | None = None
    default: Default = None

    @property
    def dtype(self) -> dt.DataType:
        return ibis.dtype(self.type)


@dataclass(frozen=True, kw_only=True)
class FeatureGroup(DateByDate):
    """Features of an entity by analysis date: a history that only grows, and the latest of each entity online.

    source: the as-of table whose columns they are. entity: the column that tells one entity from another, of type
    entity_type. version: raised by a person when a feature means something else than before.
    A row is (entity, event_time, created_time). A date that the source makes anew brings rows for what became
    different, with a later created_time; what is there is never changed.
    """

    entity: str
    version: int
    entity_type: Literal["int64", "string"] = "int64"
    features: tuple[Feature, ...]
    contract: type[pa.DataFrameModel] = field(init=False, compare=False)
    restate_days: int = field(default=EVERY_DATE, init=False)
    """What the source restates is taken in, however old it is."""
    kind: Literal["as_of", "feature_group", "scores"] = "feature_group"

    layers: ClassVar[tuple[str, ...]] = ("features",)

    def __post_init__(self) -> None:
        self._refuse_features()
        object.__setattr__(self, "contract", _contract(self))
        super().__post_init__()

    @property
    def feature_types(self) -> dict[str, str]:
        """Types by feature, in their order."""
        return {feature.name: feature.type for feature in self.features}

    def source_schema(self) -> ibis.Schema:
        """The columns it takes from its source."""
        return ibis.schema({name: self.contract_schema[name] for name in (self.entity, *self.feature_types)})

    def _code(self) -> tuple[object, ...]:
        return (self.source, self.entity, self.entity_type, self.version, self.features)

    def _refuse_features(self) -> None:
        """Raises PipelineError for what no group can be made of."""
        where = f"{self.defined_in}: {self.name}"
        require_tuple("features", self.features, where=self.defined_in, table=self.name, example="Feature(...)")  # type: ignore[arg-type]
        if type(self.version) is not int or self.version < 1:
            raise PipelineError(f"{where} has version {self.version!r}. It is a number from 1 on.")
        names = [self.entity, *_TIMES]
        for feature in self.features:
            about = f"{where}: feature {feature.name!r}"
            if feature.name in names:
                raise PipelineError(f"{about} is there twice, or called as the entity or one of {', '.join(_TIMES)}.")
            names.append(feature.name)
            _refuse_type(feature, about)
            if feature.window is not None and feature.window <= timedelta(0):
                raise PipelineError(f"{about} has window {feature.window!r}. Write one such as timedelta(days=30).")


def _refuse_type(feature: Feature, about: str) -> None:
    """Raises PipelineError for a type that is none, or that an online store does not keep, and for a default that is
    no value of it."""
    try:
        dtype = feature.dtype
    except Exception as error:
        raise PipelineError(f"{about} has type {feature.type!r}, which is none. Write one as 'int64'.") from error
    family = next((name for name in _FITS if getattr(dtype, f"is_{name}")()), None)
    if family is None:
        raise PipelineError(f"{about} has type {feature.type!r}. A feature is one of {', '.join(_FITS)}.")
    if feature.default is not None and not _FITS[family](feature.default):
        raise PipelineError(f"{about} has default {feature.default!r}, which is no {feature.type}.")


def _contract(group: FeatureGroup) -> type[pa.DataFrameModel]:
    """What must hold of the history: its source has judged the values."""
    instant = dt.Timestamp(scale=6)
    fields: dict[str, Any] = {
        group.entity: pa.Field(),
        EVENT_TIME: _told(EVENT_TIME),
        CREATED_TIME: _told(CREATED_TIME),
    }
    types: dict[str, Any] = {group.entity: ibis.dtype(group.entity_type), EVENT_TIME: instant, CREATED_TIME: instant}
    for feature in group.features:
        fields[feature.name] = pa.Field(nullable=True, description=feature.description)
        types[feature.name] = feature.dtype
    fields[ANALYSIS_DATE], types[ANALYSIS_DATE] = _told(ANALYSIS_DATE), dt.date
    config = type("Config", (), {"unique": (group.entity, EVENT_TIME, CREATED_TIME)})
    short = "".join(word.capitalize() for word in group.name.partition("/")[2].split("_"))
    body = {"__annotations__": types, "__module__": __name__, "Config": config, **fields}
    return type(f"{short}Features", (pa.DataFrameModel,), body)


def _told(column: str) -> Any:  # noqa: ANN401 - pandera's field is not public
    return pa.Field(description=_TIMES[column])


def feature_rows(group: FeatureGroup, source: ir.Table, on: date) -> ir.Table:
    """The source's rows of the date as the group has them, without `created_time`."""
    rows = source.filter(source[ANALYSIS_DATE] == ibis.literal(on, "date"))
    own = {name: rows[name].cast(group.contract_schema[name]) for name in (group.entity, *group.feature_types)}
    ended = ibis.literal(end_of(on), "timestamp(6)")
    return rows.select(**own, **{EVENT_TIME: ended, ANALYSIS_DATE: rows[ANALYSIS_DATE]})


def latest_known(group: FeatureGroup, history: ir.Table, *, per: tuple[str, ...]) -> ir.Table:
    """Of each value of the columns `per` the row with the latest event_time, and of that the latest created_time."""
    order = [ibis.desc(EVENT_TIME), ibis.desc(CREATED_TIME)]
    ranked = history.mutate(_rank=ibis.row_number().over(group_by=list(per), order_by=order))
    return ranked.filter(ranked["_rank"] == 0).select(*group.schema)


def new_rows(group: FeatureGroup, source: ir.Table, history: ir.Table, on: date, *, made_at: datetime) -> ir.Table:
    """What the source has of the date and the group does not: rows of entities that are new, or whose features are not
    the latest known. They are created when the source's rows were made, or a microsecond after what is known: a later
    version of a row is told from an earlier one by its created_time.

    history: the group's own rows of the date.
    """
    found = feature_rows(group, source, on)
    known = latest_known(group, history, per=(group.entity,))
    same = [found[name].identical_to(known[name]) for name in (group.entity, *group.feature_types)]
    after = history[CREATED_TIME].max() + ibis.interval(microseconds=1)
    made = ibis.literal(made_at, "timestamp(6)")
    created = history.aggregate(**{CREATED_TIME: ibis.greatest(made, after.fill_null(made)).cast("timestamp(6)")})
    return found.anti_join(known, same).cross_join(created).select(*group.schema)

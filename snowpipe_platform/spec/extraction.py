"""What is extracted: one `Query` per source table, in a `QueriesFile`. Read from disk by `queries_file.py`."""

import hashlib
import json
import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from snowpipe_platform.errors import did_you_mean
from snowpipe_platform.spec.cron import cron_text
from snowpipe_platform.spec.durations import duration, duration_or_none, duration_or_number, exact
from snowpipe_platform.spec.watermark_sql import (
    extractable_sql,
    normalised_sql,
    null_watermark_problem,
    placeholder_count,
)

Problem = tuple[tuple[str | int, ...], str]
"""Where in the declaration, and what is wrong there: a sentence whose subject is the key."""


def _watermark_value(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    value = exact(value) if isinstance(value, float) else value
    if isinstance(value, bool | float) or not isinstance(value, str | int | Decimal | date | None):
        raise PydanticCustomError("watermark_value", "must be a number, a date, an instant or text")
    return value


def _cron_or_none(text: str | None) -> str | None:
    return None if text is None else cron_text(text)


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    for repeated in (name for name in names if names.count(name) > 1):
        raise ValueError(f"names {repeated[:80]!r} twice")
    return names


@cache
def _known_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _zone(name: str) -> str:
    if name not in _known_zones():
        hint = did_you_mean(name, list(_known_zones())).partition("Known:")[0]
        raise ValueError(f"must be an IANA time zone, such as 'Europe/London'; found {name[:80]!r}. {hint}".rstrip())
    return name


_LOWER = "a lower-case name of letters, digits and underscores"
_Identifier = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$", description=_LOWER, examples=["customers"])]
_Name = Annotated[str, Field(min_length=1)]
_Names = Annotated[tuple[_Name, ...], AfterValidator(_distinct), BeforeValidator(_listed)]


class BatchSettings(BaseModel, frozen=True, extra="forbid"):
    """How a query is read: set for the file, overridden by a query. `max_batches` None has no limit."""

    batch_size: int = Field(10_000, gt=0, strict=True, description="a whole number above 0", examples=[10_000])
    max_batches: int | None = Field(
        100, gt=0, strict=True, description="a whole number above 0, or null for no limit", examples=[100]
    )
    max_retries: int = Field(3, ge=0, strict=True, description="a whole number, 0 or above", examples=[3])
    output_format: Literal["parquet", "json"] = "parquet"


class QueryRule(BaseModel, frozen=True, extra="forbid"):
    """What a good row satisfies: a SQL boolean over the query's columns. NULL counts as broken."""

    name: _Identifier = Field(examples=["positive_total"])
    expression: str = Field(pattern=r"\S", description="a SQL condition that good rows meet", examples=["total >= 0"])
    on_violation: Literal["land", "dead_letter", "fail"] = "land"


class Query(BatchSettings, frozen=True):
    """One source table and how its rows reach one entity's log. `initial_value` text is read as the column's type.

    `due`: how long after the end of a load day it has to be landed.
    `compare_keys`: when the source's keys are compared with those landed, unasked, cron in UTC. `max_deleted_share`: of
    the open keys, the most that a comparison closes unless a person says so. `soft_delete_column`: a row where it is
    true, not zero or not null is a delete.
    `time_zones` maps columns that hold local time without a zone to their IANA zone.
    """

    name: _Identifier
    sql: Annotated[str, AfterValidator(extractable_sql)] = Field(
        description="the SELECT to extract", examples=["SELECT * FROM customers WHERE updated_at > ?"]
    )
    watermark_column: _Name | None = Field(None, description="the name of a column", examples=["updated_at"])
    entity: _Identifier = Field(default_factory=lambda data: data["name"])
    partition_by: Literal["date", "hour", "month", "none"] = "date"
    primary_key: _Names = Field((), description="a column or a list of columns", examples=[["order_id"]])
    mode: Literal["incremental", "full"] = Field(
        default_factory=lambda data: "incremental" if data["watermark_column"] else "full"
    )
    lookback: Annotated[timedelta | Decimal, BeforeValidator(duration_or_number)] = Field(
        timedelta(0), description="a duration, or a number where the watermark is one", examples=["15m"]
    )
    safety_lag: Annotated[timedelta, BeforeValidator(duration)] = Field(
        timedelta(0), description="a duration", examples=["90s"]
    )
    initial_value: Annotated[str | int | Decimal | datetime | date | None, BeforeValidator(_watermark_value)] = Field(
        None, description="a number, a date, an instant or text", examples=["2024-01-01T00:00:00"]
    )
    due: Annotated[timedelta | None, BeforeValidator(duration_or_none)] = Field(
        None, description="a duration after the load day's end, or null for no deadline", examples=["6h"]
    )
    compare_keys: Annotated[str | None, AfterValidator(_cron_or_none)] = Field(
        None, description="a cron expression of five fields, UTC, or null", examples=["0 4 * * *"]
    )
    max_deleted_share: float = Field(0.1, ge=0, le=1, description="a number from 0 to 1", examples=[0.1])
    soft_delete_column: _Name | None = Field(None, description="the name of a column", examples=["is_deleted"])
    on_null_watermark: Literal["exclude", "include", "fail"] = "exclude"
    on_schema_change: Literal["evolve", "freeze", "discard"] = "evolve"
    rules: tuple[QueryRule, ...] = Field((), description="a list of rules", examples=[[{"name": "positive_total"}]])
    time_zones: dict[str, Annotated[str, AfterValidator(_zone)]] = Field(
        {}, description="a mapping of column to IANA zone", examples=[{"ordered_at": "Europe/London"}]
    )
    description: str = Field("", description="text", examples=["Orders of the shop"])
    owners: _Names = Field((), description="a name or a list of names", examples=[["data-team"]])

    @model_validator(mode="after")
    def _keys_agree(self) -> Self:
        _raise(type(self).__name__, [*self._mode_problems(), *self._delete_problems(), *self._rule_problems()])
        return self

    def _mode_problems(self) -> Iterator[Problem]:
        is_full = self.mode == "full"
        if not is_full and self.watermark_column is None:
            yield ("mode",), "is 'incremental', which needs a watermark_column: the column that grows with every change"
        if is_full and not self.primary_key and "mode" in self.model_fields_set:
            yield ("mode",), "is 'full', which needs a primary_key: snapshots are compared by key"
        elif is_full and not self.primary_key:
            yield ("watermark_column",), "and primary_key are missing: 'incremental' needs the first, 'full' the second"
        if is_full and placeholder_count(self.sql):
            yield ("sql",), "holds a placeholder (?), which mode 'full' does not bind: remove its condition"
        if self.on_null_watermark != "exclude" and (reason := self._null_policy_problem()):
            yield ("on_null_watermark",), f"is {self.on_null_watermark!r}, but {reason}; or use 'exclude'"

    def _delete_problems(self) -> Iterator[Problem]:
        if self.compare_keys is not None and self.mode == "full":
            yield ("compare_keys",), "is set, but mode 'full' reads every key and finds deletes itself: remove it"
        elif self.compare_keys is not None and not self.primary_key:
            yield ("compare_keys",), "is set, which needs a primary_key: its values are what is compared"
        if self.soft_delete_column is not None and not self.primary_key:
            yield ("soft_delete_column",), "is set, which needs a primary_key: a delete is of a key"

    def _null_policy_problem(self) -> str | None:
        if self.mode == "full":
            return "mode 'full' reads no watermark: remove it"
        return null_watermark_problem(self.sql, self.watermark_column) if self.watermark_column else None

    def _rule_problems(self) -> Iterator[Problem]:
        names = [rule.name for rule in self.rules]
        for index, name in enumerate(names):
            if name in names[:index]:
                yield ("rules", index, "name"), f"{name!r} is already taken by rules[{names.index(name)}]"

    def fingerprint(self) -> str:
        """SHA-256 (hex) of what decides which rows come. Layout and comments do not count."""
        parts = [normalised_sql(self.sql), self.watermark_column, self.primary_key, self.mode]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class QueriesFile(BatchSettings, frozen=True):
    """All queries of one source. Each query carries its resolved batch settings.

    `schedule`: when load days are extracted unasked, a cron expression, UTC. By default a quarter of an hour into the
    next day: the day is over, and most late commits are there.
    """

    source_system: str = Field("snowflake", pattern=r"\S", description="a name", examples=["snowflake"])
    schedule: Annotated[str, AfterValidator(cron_text)] = Field(
        "15 0 * * *", description="a cron expression of five fields, UTC", examples=["15 0 * * *"]
    )
    queries: tuple[Query, ...] = Field(
        description="a list of queries", examples=[[{"name": "customers", "sql": "SELECT ...", "primary_key": "id"}]]
    )

    @field_validator("queries", mode="after")
    @classmethod
    def _complete(cls, queries: tuple[Query, ...], info: ValidationInfo) -> tuple[Query, ...]:
        if not queries:
            raise ValueError("must hold at least one query")
        _raise(cls.__name__, repeated_queries({at: (each.name, each.entity) for at, each in enumerate(queries)}))
        return tuple(_with_settings(query, info.data) for query in queries)


def repeated_queries(identities: Mapping[int, tuple[str, str]]) -> list[Problem]:
    """A problem for every query whose name, or else entity, an earlier one has. Given (name, entity) by index."""
    problems: list[Problem] = []
    names, entities = dict[str, int](), dict[str, int]()
    for index, (name, entity) in identities.items():
        if (first := names.setdefault(name, index)) != index:
            problems.append(((index, "name"), f"{name[:80]!r} is already taken by queries[{first}]"))
        elif (first := entities.setdefault(entity, index)) != index:
            reason = "an entity has one log, and one query writes it"
            problems.append(((index, "entity"), f"{entity[:80]!r} is already written by queries[{first}]: {reason}"))
    return problems


def _with_settings(query: Query, settings: Mapping[str, Any]) -> Query:
    inherited = set(BatchSettings.model_fields) - query.model_fields_set
    return query.model_copy(update={key: value for key, value in settings.items() if key in inherited})


def _raise(title: str, problems: Sequence[Problem]) -> None:
    """All problems as one ValidationError, each at its own place; pydantic adds the place of the model around it."""
    details = [
        InitErrorDetails(type=PydanticCustomError("declaration", "{reason}", {"reason": reason}), loc=loc, input=None)
        for loc, reason in problems
    ]
    if details:
        raise ValidationError.from_exception_data(title, details)

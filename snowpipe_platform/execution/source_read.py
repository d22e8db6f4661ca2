"""The SQL an extraction sends: the user's own, wrapped so that it is bounded and ordered. Values are always bound."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from snowpipe_platform.execution.arrow_types import RULE_PREFIX
from snowpipe_platform.records import Parameter
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.watermark import Interval, Watermark, WatermarkKind
from snowpipe_platform.spec.watermark_sql import null_watermark_sql, placeholder_count, trimmed_sql


@dataclass(frozen=True)
class SourceRead:
    """One statement and its bound values. nulls: it reads the rows without a watermark."""

    sql: str
    parameters: tuple[Parameter, ...]
    nulls: bool = False

    @property
    def counting(self) -> "SourceRead":
        """How many rows the statement reads."""
        return SourceRead(f"SELECT count(*) FROM ({self.sql}) AS counted", self.parameters)  # noqa: S608


@dataclass(frozen=True)
class SourceSql:
    """Writes the statements of one query.

    columns: the source's own names. lowest: below every watermark, bound to the user's `?` when nothing bounds a read.
    """

    query: Query
    dialect: str
    columns: tuple[str, ...]
    kind: WatermarkKind | None = None
    lowest: Watermark | None = None

    def bounded(self, interval: Interval) -> SourceRead:
        """Rows of `[lower, upper)`, ordered by watermark, then key."""
        where, values = self._within(interval)
        sql = self._wrapped(self.query.sql, where=where, order=[self._watermark, *self._key])
        return SourceRead(sql, (*self._user_parameters(interval.lower), *values))

    def snapshot(self) -> SourceRead:
        """All rows, ordered by key."""
        return SourceRead(self._wrapped(self.query.sql, where=None, order=self._key), ())

    def nulls(self) -> SourceRead | None:
        """Rows whose watermark is null, ordered by key; None where the user's SQL hides them."""
        if self._null_rows is None:
            return None
        sql = self._wrapped(self._null_rows, where=f"{self._watermark} IS NULL", order=self._key)
        return SourceRead(sql, (), nulls=True)

    def null_count(self) -> SourceRead | None:
        """How many rows have no watermark; None where the user's SQL hides them."""
        if self._null_rows is None:
            return None
        return SourceRead(f"{_from('count(*)', self._null_rows)} WHERE {self._watermark} IS NULL", ())

    def count_in(self, interval: Interval) -> SourceRead:
        """How many rows have a watermark of `[lower, upper)`."""
        where, values = self._within(interval)
        sql = f"{_from('count(*)', self.query.sql)} WHERE {where}"
        return SourceRead(sql, (*self._user_parameters(interval.lower), *values))

    def count_from(self, bound: Watermark) -> SourceRead:
        """How many rows stand at or above the bound: what a later run will read."""
        sql = f"{_from('count(*)', self.query.sql)} WHERE {self._watermark} >= ?"
        return SourceRead(sql, (*self._user_parameters(bound), bound))

    def highest(self) -> SourceRead:
        """The greatest watermark there is."""
        return SourceRead(_from(f"max({self._watermark})", self.query.sql), self._user_parameters(None))

    def _within(self, interval: Interval) -> tuple[str, list[Watermark]]:
        """The condition, and what is bound to it."""
        if interval.lower is None:
            return f"{self._watermark} < ?", [interval.upper]
        return f"{self._watermark} >= ? AND {self._watermark} < ?", [interval.lower, interval.upper]

    @property
    def _watermark(self) -> str:
        return quoted(self.query.watermark_column or "", self.columns)

    @property
    def _key(self) -> list[str]:
        return [quoted(name, self.columns) for name in self.query.primary_key]

    @cached_property
    def _null_rows(self) -> str | None:
        """The user's SQL reading the rows its own watermark condition would hide."""
        if placeholder_count(self.query.sql, self.dialect) == 0:
            return self.query.sql
        return null_watermark_sql(self.query.sql, self.query.watermark_column or "", self.dialect)

    def _user_parameters(self, lower: Watermark | None) -> tuple[Parameter, ...]:
        """What is bound to the user's own `?`: strictly below `lower`, so that `>` and `>=` mean the same."""
        if self.kind is None or placeholder_count(self.query.sql, self.dialect) == 0:
            return ()
        return (self.lowest if lower is None else self.kind.step(lower),)

    def _wrapped(self, sql: str, *, where: str | None, order: Sequence[str]) -> str:
        rules = "".join(
            f", coalesce(({trimmed_sql(rule.expression, self.dialect)}), false) AS {quoted(RULE_PREFIX + rule.name)}"
            for rule in self.query.rules
        )
        condition = "" if where is None else f" WHERE {where}"
        sorting = f" ORDER BY {', '.join(order)}" if order else ""
        return f"{_from('*' + rules, sql)}{condition}{sorting}"


def quoted(name: str, columns: Sequence[str] = ()) -> str:
    """A quoted identifier, in the source's spelling where it is one of its columns."""
    spelt = next((column for column in columns if column.lower() == name.lower()), name)
    return '"' + spelt.replace('"', '""') + '"'


def _from(selected: str, sql: str) -> str:
    return f"SELECT {selected} FROM ({sql}) AS source_query"  # noqa: S608 - the user's SQL; values are bound

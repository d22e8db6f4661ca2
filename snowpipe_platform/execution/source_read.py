"""The SQL an extraction sends: the user's own, wrapped so that it is bounded and ordered. Values are always bound."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TypeGuard

from snowpipe_platform.execution.arrow_types import MAX_DECIMAL_DIGITS, RULE_PREFIX
from snowpipe_platform.records import Parameter
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.watermark import Interval, Watermark, WatermarkKind
from snowpipe_platform.spec.watermark_sql import null_watermark_sql, placeholder_count, trimmed_sql, unbounded_sql


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

    columns: the source's own names. lowest: as low as a watermark can be, bound to the user's `?` when nothing bounds a
    read and the SQL is too intricate to take its condition away.
    """

    query: Query
    dialect: str
    columns: tuple[str, ...]
    kind: WatermarkKind | None = None
    lowest: Watermark | None = None

    def bounded(self, interval: Interval) -> SourceRead:
        """Rows of `[lower, upper)`, ordered by watermark, then key."""
        where, values = self._within(interval)
        own, bound = self._from_on(interval.lower)
        sql = self._wrapped(own, where=where, order=[self._watermark, *self._key])
        return SourceRead(sql, (*bound, *values))

    def snapshot(self) -> SourceRead:
        """All rows, ordered by key."""
        return SourceRead(self._wrapped(self.query.sql, where=None, order=self._key), ())

    def keys(self) -> SourceRead:
        """Key, watermark and mark of deletion of every row; rows without a watermark wherever they can be asked for.

        One statement: a row that gets or loses its watermark meanwhile is in it all the same.
        """
        marks = [self.query.soft_delete_column] if self.query.soft_delete_column else []
        names = dict.fromkeys([*self._key, self._watermark, *(quoted(name, self.columns) for name in marks)])
        own, bound = self._from_on(None)
        sql = _from(", ".join(names), own)
        if self._is_bounded and self._null_rows is not None:
            sql += f" UNION ALL {_from(', '.join(names), self._null_rows)} WHERE {self._watermark} IS NULL"
        return SourceRead(sql, bound)

    def of_keys(self, keys: Sequence[Sequence[Parameter]], *, nulls: bool) -> SourceRead:
        """The rows of these keys that have a watermark, or that have none. A null in a key is a value as others."""
        among, values = self._among(keys)
        is_hidden = nulls and self._null_rows is not None
        own, bound = (self._null_rows or "", ()) if is_hidden else self._from_on(None)
        where = f"{self._watermark} IS {'' if nulls else 'NOT '}NULL AND {among}"
        return SourceRead(self._wrapped(own, where=where, order=self._key), (*bound, *values), nulls=nulls)

    def watermarks_of_keys(self, keys: Sequence[Sequence[Parameter]]) -> tuple[SourceRead, ...]:
        """Key and watermark of the rows of these keys; of those without one only where the user's SQL can be asked for
        them."""
        among, values = self._among(keys)
        selected = ", ".join(dict.fromkeys([*self._key, self._watermark]))
        own, bound = self._from_on(None)
        found = [SourceRead(f"{_from(selected, own)} WHERE {among}", (*bound, *values))]
        if self._null_rows not in (None, self.query.sql):
            sql = f"{_from(selected, self._null_rows or '')} WHERE {self._watermark} IS NULL AND {among}"
            found.append(SourceRead(sql, values, nulls=True))
        return tuple(found)

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
        own, bound = self._from_on(interval.lower)
        return SourceRead(f"{_from('count(*)', own)} WHERE {where}", (*bound, *values))

    def count_from(self, bound: Watermark) -> SourceRead:
        """How many rows stand at or above the bound: what a later run will read."""
        own, below = self._from_on(bound)
        is_beyond = _is_beyond_numbers(bound)
        where, value = (">", WatermarkKind.NUMBER.step(bound)) if is_beyond else (">=", bound)
        return SourceRead(f"{_from('count(*)', own)} WHERE {self._watermark} {where} ?", (*below, value))

    def highest(self) -> SourceRead:
        """The greatest watermark there is."""
        own, bound = self._from_on(None)
        return SourceRead(_from(f"max({self._watermark})", own), bound)

    def _within(self, interval: Interval) -> tuple[str, list[Watermark]]:
        """The condition, and what is bound to it."""
        below, upper = f"{self._watermark} < ?", interval.upper
        if _is_beyond_numbers(upper):
            below, upper = f"{self._watermark} <= ?", WatermarkKind.NUMBER.step(upper)
        if self._is_beginning(interval.lower):
            return below, [upper]
        return f"{self._watermark} >= ? AND {below}", [interval.lower, upper]  # type: ignore[list-item]

    def _among(self, keys: Sequence[Sequence[Parameter]]) -> tuple[str, tuple[Parameter, ...]]:
        """The condition, and what is bound to it. A null in a key is a value as others, and not bound."""
        whole = [values for values in keys if None not in values]
        one = f"({', '.join('?' * len(self._key))})"
        conditions = [f"({', '.join(self._key)}) IN ({', '.join([one] * len(whole))})"] if whole else []
        parts = [values for values in keys if None in values]
        conditions += [f"({' AND '.join(map(_equals, self._key, values))})" for values in parts]
        bound = tuple(value for values in (*whole, *parts) for value in values if value is not None)
        return f"({' OR '.join(conditions)})", bound

    @property
    def _watermark(self) -> str:
        return quoted(self.query.watermark_column or "", self.columns)

    @property
    def _key(self) -> list[str]:
        return [quoted(name, self.columns) for name in self.query.primary_key]

    @cached_property
    def _null_rows(self) -> str | None:
        """The user's SQL reading the rows its own watermark condition would hide."""
        if not self._is_bounded:
            return self.query.sql
        return null_watermark_sql(self.query.sql, self.query.watermark_column or "", self.dialect)

    def _from_on(self, lower: Watermark | None) -> tuple[str, tuple[Parameter, ...]]:
        """The user's SQL with rows from `lower` on, and what is bound to its own `?`: strictly below `lower`, so that
        `>` and `>=` mean the same. Below the lowest value there is nothing to bind: where that is proved to change
        nothing else, the condition is taken away instead."""
        if self.kind is None or not self._is_bounded:
            return self.query.sql, ()
        if lower is not None and not self._is_beginning(lower):
            return self.query.sql, (self.kind.step(lower),)
        return (self.query.sql, (self.lowest,)) if self._all_rows is None else (self._all_rows, ())

    def _is_beginning(self, lower: Watermark | None) -> bool:
        """Whether nothing is below it. A lookback may lead beyond what a column of nanoseconds can be compared with."""
        return lower is None or (self.lowest is not None and lower <= self.lowest)  # type: ignore[operator]

    @cached_property
    def _is_bounded(self) -> bool:
        """Whether the user's SQL takes a bound."""
        return placeholder_count(self.query.sql, self.dialect) > 0

    @cached_property
    def _all_rows(self) -> str | None:
        """The user's SQL without its bound; None where it cannot be told from the rest."""
        return unbounded_sql(self.query.sql, self.query.watermark_column or "", self.dialect)

    def _wrapped(self, sql: str, *, where: str | None, order: Sequence[str]) -> str:
        rules = "".join(
            f", coalesce(({trimmed_sql(rule.expression, self.dialect)}), false) AS {quoted(RULE_PREFIX + rule.name)}"
            for rule in self.query.rules
        )
        condition = "" if where is None else f" WHERE {where}"
        sorting = f" ORDER BY {', '.join(order)}" if order else ""
        return f"{_from('*' + rules, sql)}{condition}{sorting}"


def _is_beyond_numbers(bound: Watermark) -> TypeGuard[Decimal]:
    """Whether it is the bound just above the largest number there is, which no source can hold."""
    return isinstance(bound, Decimal) and len(bound.as_tuple().digits) > MAX_DECIMAL_DIGITS


def quoted(name: str, columns: Sequence[str] = ()) -> str:
    """A quoted identifier, in the source's spelling where it is one of its columns."""
    spelt = next((column for column in columns if column.lower() == name.lower()), name)
    return '"' + spelt.replace('"', '""') + '"'


def _equals(column: str, value: Parameter) -> str:
    return f"{column} IS NULL" if value is None else f"{column} = ?"


def _from(selected: str, sql: str) -> str:
    return f"SELECT {selected} FROM ({sql}) AS source_query"  # noqa: S608 - the user's SQL; values are bound

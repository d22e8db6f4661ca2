"""Columns and what they come from: of one expression, and across all tables of a pipeline.

A column has two kinds of origin. Its *value* is computed from some columns: `a + b`, `sum(a)`, both sides of a
condition inside it. Other columns only decide which *rows* it has, or which of them an aggregate or a window looks at:
filters, join keys, group keys, window partitions and order. A change of either kind may change the column; they are
kept apart because the second kind would drown the first.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True, order=True)
class TableColumn:
    """A column of a table; path: into a struct, the whole column without one."""

    table: str
    column: str
    path: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`address.state`."""
        return ".".join((self.column, *self.path))

    def meets(self, other: "TableColumn") -> bool:
        """Whether one of the two is the other, or has it in it."""
        depth = min(len(self.path), len(other.path))
        same_column = (self.table, self.column) == (other.table, other.column)
        return same_column and self.path[:depth] == other.path[:depth]


Columns = frozenset[TableColumn]
NOTHING: Columns = frozenset()


@dataclass(frozen=True)
class ColumnLineage:
    """value: what the values are computed from. rows: what, for this column alone, decides which rows they come from:
    a window's partition and order, an aggregate's condition. fields: of a struct, where each field comes from, as far
    as the fields can be told apart."""

    value: Columns = NOTHING
    rows: Columns = NOTHING
    fields: Mapping[str, "ColumnLineage"] = field(default_factory=dict)

    @property
    def all(self) -> Columns:
        return self.value | self.rows

    def at(self, path: Iterable[str]) -> "ColumnLineage":
        """Of the part of a struct, or of as much around it as can be told apart."""
        found = self
        for name in path:
            found = found.fields.get(name, found)
        return found


def merged(columns: Iterable[ColumnLineage]) -> ColumnLineage:
    """Of what is made of all the columns together."""
    found = list(columns)
    return ColumnLineage(
        NOTHING.union(*(column.value for column in found)), NOTHING.union(*(column.rows for column in found))
    )


@dataclass(frozen=True)
class Lineage:
    """Of a whole expression. rows: what decides which rows, or groups, there are: of every column alike.

    opaque: operations that are not understood. Their columns are taken to come from all columns they read.
    """

    columns: Mapping[str, ColumnLineage]
    rows: Columns = NOTHING
    opaque: tuple[str, ...] = ()

    def affecting(self, column: str) -> Columns:
        """Every input column whose change may change the column's values, or which rows have them."""
        return self.columns[column].all | self.rows


@dataclass(frozen=True)
class ColumnGraph:
    """What the columns of every table come from, and go into. by_table: inputs first."""

    by_table: Mapping[str, Lineage]

    def above(self, column: TableColumn) -> list[TableColumn]:
        """What its values are computed from, by table and name; nothing where the table's lineage is not known."""
        lineage = self.by_table.get(column.table)
        known = None if lineage is None else lineage.columns.get(column.column)
        return [] if known is None else sorted(known.at(column.path).value)

    def below(self, column: TableColumn) -> list[TableColumn]:
        """The columns whose values are computed from it, tables and columns in their order."""
        readers = (self.by_table[name] for name in self._readers.get(column.table, ()))
        names = self._readers.get(column.table, ())
        return [
            found
            for table, lineage in zip(names, readers, strict=True)
            for name, made in lineage.columns.items()
            for found in _made_from(column, TableColumn(table, name), made)
        ]

    def rows_below(self, column: TableColumn) -> list[str]:
        """The tables whose rows, or groups, it decides."""
        names = self._readers.get(column.table, ())
        return [name for name in names if _among(column, self.by_table[name].rows)]

    def choosing_below(self, column: TableColumn) -> list[TableColumn]:
        """The columns for which it decides which rows they look at, in tables whose rows it does not decide."""
        names = [name for name in self._readers.get(column.table, ()) if not _among(column, self.by_table[name].rows)]
        return [
            TableColumn(name, other)
            for name in names
            for other, made in self.by_table[name].columns.items()
            if _among(column, made.rows)
        ]

    @cached_property
    def _readers(self) -> Mapping[str, list[str]]:
        """The tables that read each table."""
        readers: dict[str, list[str]] = {}
        for name, lineage in self.by_table.items():
            read = lineage.rows.union(*(column.all for column in lineage.columns.values()))
            for table in {column.table for column in read}:
                readers.setdefault(table, []).append(name)
        return readers


def _made_from(origin: TableColumn, made: TableColumn, lineage: ColumnLineage) -> Iterator[TableColumn]:
    """The column, or those of its fields that come from the origin."""
    if not _among(origin, lineage.value):
        return
    fields = [
        found
        for name, part in lineage.fields.items()
        for found in _made_from(origin, TableColumn(made.table, made.column, (*made.path, name)), part)
    ]
    yield from fields or [made]


def _among(column: TableColumn, others: Columns) -> bool:
    return any(column.meets(other) for other in others)

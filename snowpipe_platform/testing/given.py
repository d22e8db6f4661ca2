"""Given rows, when a table runs, then rows."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from snowpipe_platform.backends.duckdb_engine import DuckDBEngine
from snowpipe_platform.errors import ConfigurationError, PipelineError, did_you_mean
from snowpipe_platform.execution.as_of_plan import date_rows
from snowpipe_platform.execution.change_rows import change_rows
from snowpipe_platform.execution.derived_plan import derived_rows
from snowpipe_platform.execution.judge import rules_of
from snowpipe_platform.spec.as_of import AsOfTable
from snowpipe_platform.spec.package import LAYERS
from snowpipe_platform.spec.pipeline import Pipeline, load_pipeline
from snowpipe_platform.spec.table import FAILED_RULES, QUARANTINED, STATUS, VALID, ChangesTable, DerivedTable, Table
from snowpipe_platform.testing.difference import difference, shown_difference
from snowpipe_platform.testing.rows import bronze_rows, lake_rows, require_rows, typed_rows

Row = Mapping[str, Any]
MADE = "made"
ENGINE = DuckDBEngine(memory_limit="1GB", threads=1)


def given(table: str | Table, rows: Sequence[Row]) -> "Given":
    """Rows of an input: its name, or the table itself where it is in no package.

    Values are plain Python; a date, an instant and a decimal may be written as text: '2024-03-01 10:00', '12.50'.

    Of a silver or gold table, a column that a row leaves out is null, and the platform's own are as if it had been
    accepted: `change_type` upsert, `changed_at` a second later than the row before, and so on.

    Of `bronze/<entity>` the columns are the source's, and the rows together name all that the table needs. A row is an
    upsert at its watermark; `"_operation": "delete"` makes it a delete. Text stays text, unless the contract takes the
    column as a date, an instant or a decimal.
    """
    return Given().given(table, rows)


@dataclass(frozen=True)
class Given:
    """Rows of inputs, by name. An input that is not given has none."""

    _rows: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    _tables: Mapping[str, Table] = field(default_factory=dict)

    def given(self, table: str | Table, rows: Sequence[Row]) -> "Given":
        """These, and rows of another input, or more of the same."""
        name = table if isinstance(table, str) else table.name
        require_rows(rows, about=name)
        tables = self._tables if isinstance(table, str) else {**self._tables, name: table}
        return Given({**self._rows, name: (*self._rows.get(name, ()), *rows)}, tables)

    def when(self, table: Table, *, on: date | None = None) -> "Made":
        """Run the table over the rows; an as-of table for the date `on`.

        Raises ConfigurationError for rows that do not fit, and what a run raises.
        """
        if not isinstance(table, Table):
            module = table.replace("/", ".") if isinstance(table, str) else "gold.daily_revenue"
            msg = f"when() takes the table itself, not {table!r}: from my_shop.{module} import TABLE"
            raise ConfigurationError(msg)
        for name in self._rows:
            if name not in table.upstream:
                hint = did_you_mean(name, list(table.upstream))
                raise ConfigurationError(f"{table.name} does not read {name!r}. {hint}")
        if isinstance(table, ChangesTable):
            return self._changes(table)
        if not isinstance(table, DerivedTable | AsOfTable):
            raise ConfigurationError(f"{table.name} is a {type(table).__name__}, which cannot be run so.")
        read = (*table.inputs, *(table.scores if isinstance(table, AsOfTable) else ()))
        inputs = {name: lake_rows(self._input(name, table), self._rows.get(name, ())) for name in read}
        judged_with = {name: self._judged_with(name, table) for name in table.judged_with}
        if isinstance(table, DerivedTable):
            return Made(table, _fetched(derived_rows(table, _unbound(inputs)), inputs, table), judged_with)
        if on is None:
            raise ConfigurationError(f"{table.name} has a state for each date: say which, when(TABLE, on=date(...)).")
        return Made(table, _fetched(date_rows(table, on, _unbound(inputs)), inputs, table), judged_with)

    def _changes(self, table: ChangesTable) -> "Made":
        rows = self._rows.get(table.upstream[0], ())
        if not rows:
            return Made(table, ())
        pipeline = _pipeline_of(table)
        query = None if pipeline is None else pipeline.queries_by_entity.get(table.source)
        watermark = None if query is None else query.watermark_column
        typed, plain = (
            bronze_rows(table, rows, watermark=watermark, reads_text=reads_text) for reads_text in (True, False)
        )
        try:
            return Made(table, _changed(table, typed))
        except PipelineError:
            # A clean() that itself makes an instant of the text wants the text.
            with suppress(PipelineError):
                return Made(table, _changed(table, plain))
            raise

    def _judged_with(self, name: str, table: Table) -> pa.Table:
        """Rows that the table's rules look at."""
        if name not in self._rows:
            return table.judged_with[name].to_pyarrow().empty_table()
        return lake_rows(self._input(name, table), self._rows[name])

    def _input(self, name: str, table: Table) -> Table:
        if name in self._tables:
            return self._tables[name]
        pipeline = _pipeline_of(table)
        if pipeline is None:
            msg = f"{table.name} is in no pipeline package to find {name!r} in."
            raise ConfigurationError(f"{msg} Give the table itself: given(TABLE, rows).")
        return pipeline.table(name)


@dataclass(frozen=True)
class Made:
    """What a table made of the given rows."""

    table: Table
    _all: Sequence[Row]
    _judged_with: Mapping[str, pa.Table] = field(default_factory=dict)

    @property
    def rows(self) -> list[Row]:
        """The table's rows; of a changes table the accepted ones."""
        return [row for row in self._all if row.get(STATUS, VALID) == VALID]

    @property
    def quarantined(self) -> list[Row]:
        """A changes table's other rows."""
        return [row for row in self._all if row.get(STATUS) == QUARANTINED]

    def then(self, expected: Sequence[Row]) -> "Made":
        """The rows are these, in any order, on the columns that `expected` names. Raises AssertionError."""
        __tracebackhide__ = True
        return self._compared("rows", self.rows, expected)

    def then_quarantined(self, expected: Sequence[Row]) -> "Made":
        """The rows in quarantine are these. `failed_rules` has the ids of the rules that each breaks."""
        __tracebackhide__ = True
        if not isinstance(self.table, ChangesTable):
            msg = f"{self.table.name} has no quarantine, as a changes table has. Use then_breaks(rule, rows)."
            raise ConfigurationError(msg)
        return self._compared("quarantined rows", self.quarantined, expected)

    def then_breaks(self, rule: str, expected: Sequence[Row]) -> "Made":
        """The rows that break a rule are these, in quarantine or not. rule: its id, such as 'amount.not_null'.

        Another table that the rule looks at has the rows it was given, and none where it was not.
        """
        __tracebackhide__ = True
        rules = {each.id: each for each in rules_of(self.table)}
        if rule not in rules:
            raise ConfigurationError(f"{self.table.name} has no rule {rule!r}. {did_you_mean(rule, list(rules))}")
        if isinstance(self.table, ChangesTable):
            found: Sequence[Row] = [row for row in self._all if rule in row[FAILED_RULES]]
        else:
            made = ibis.table(self.table.schema, name=MADE)
            rows = {**self._judged_with, MADE: typed_rows(self._all, self.table.schema, about=MADE)}
            found = _fetched(made.filter(rules[rule].breaks(made)), rows, self.table)
        return self._compared(f"rows that break {rule}", found, expected)

    def _compared(self, what: str, found: Sequence[Row], expected: Sequence[Row]) -> "Made":
        __tracebackhide__ = True
        columns = _columns(self.table, expected)
        schema = ibis.schema({name: self.table.schema[name] for name in columns})
        wanted = typed_rows(expected, schema, about=f"expected of {self.table.name}").to_pylist()
        missing, extra = difference(wanted, [{name: row[name] for name in columns} for row in found])
        if missing or extra:
            told = shown_difference(columns, missing, extra, same=len(found) - len(extra))
            raise AssertionError(f"{self.table.name} made other {what} than expected\n{told}{self._quarantine()}")
        return self

    def _quarantine(self) -> str:
        rules = sorted({rule for row in self.quarantined for rule in row[FAILED_RULES]})
        return f"\nin quarantine: {len(self.quarantined)}, by {', '.join(rules)}" if rules else ""


def _columns(table: Table, expected: Sequence[Row]) -> list[str]:
    """The columns to compare: those the rows name, the same ones each; without a row, the contract's."""
    about = f"expected of {table.name}"
    require_rows(expected, about=about)
    columns = list(expected[0]) if expected else list(table.contract_schema)
    if not columns:
        raise ConfigurationError(f"{about}: row 0 names no column, so nothing would be compared. Name one in each row.")
    for name in columns:
        if name not in table.schema:
            hint = did_you_mean(name, list(table.schema))
            raise ConfigurationError(f"{about}: no column {name!r}. {hint}")
    for number, row in enumerate(expected):
        if set(row) != set(columns):
            differ = ", ".join(sorted(set(row) ^ set(columns)))
            msg = f"{about}: rows 0 and {number} name other columns ({differ}). Name the same in each."
            raise ConfigurationError(msg)
    return columns


def _unbound(inputs: Mapping[str, pa.Table]) -> dict[str, ir.Table]:
    return {name: ibis.table(ibis.schema(rows.schema), name=name) for name, rows in inputs.items()}


def _changed(table: ChangesTable, bronze: pa.Table) -> list[Row]:
    inputs = {table.upstream[0]: bronze}
    (rows,) = _unbound(inputs).values()
    return _fetched(change_rows(table, rows), inputs, table)


def _fetched(expression: ir.Table, inputs: Mapping[str, pa.Table], table: Table) -> list[Row]:
    with ENGINE.session() as session:
        for name, rows in inputs.items():
            session.bind(name, rows)
        found: list[Row] = session.fetch(expression).cast(table.schema.to_pyarrow()).to_pylist()
        return found


def _pipeline_of(table: Table) -> Pipeline | None:
    """The pipeline whose package the table's contract is written in."""
    package, _, rest = table.contract.__module__.rpartition(".")[0].rpartition(".")
    return _loaded(package) if package and rest in LAYERS else None


@cache
def _loaded(package: str) -> Pipeline:
    return load_pipeline(package)

"""What a table is: its name, its contract, and how its rows follow from other rows.

A table's file declares one `TABLE`. Nothing here reads or writes; expressions are built over unbound Ibis tables.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import ClassVar, Literal

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa

from snowpipe_platform.errors import PipelineError, openable
from snowpipe_platform.spec.code_version import code_version_of
from snowpipe_platform.spec.contract import column_descriptions, column_tolerance, compile_rules, contract_schema
from snowpipe_platform.spec.deadlines import refuse_due
from snowpipe_platform.spec.declaration import refuse_contract, refuse_names, require_columns, require_tuple
from snowpipe_platform.spec.rule import Rule, Tolerance

Inputs = Mapping[str, ir.Table]
Columns = Mapping[str, ir.Value]
Build = Callable[[Inputs], ir.Table]

CHANGED_AT = "changed_at"
CHANGE_TYPE = "change_type"
LOAD_DAY = "load_day"
STATUS = "change_status"
FAILED_RULES = "failed_rules"
PAYLOAD = "payload"
MANIFEST_NUMBER = "manifest_number"
SOURCE_FILE = "source_file"
SOURCE_ROW = "source_row"
CHANGED_NANOSECONDS = "changed_nanoseconds"

VALID = "valid"
QUARANTINED = "quarantined"
DISCARDED = "discarded"

CHANGE_SIDE = "change_side"
BEFORE = "before"
AFTER = "after"
"""What a row of a changed input carries: whether the table had it before, or has it now."""

CHANGE_COLUMNS: dict[str, str] = {
    CHANGED_AT: "timestamp(6)",
    CHANGE_TYPE: "string",
    LOAD_DAY: "date",
    STATUS: "string",
    FAILED_RULES: "array<string>",
    PAYLOAD: "string",
    MANIFEST_NUMBER: "int64",
    SOURCE_FILE: "string",
    SOURCE_ROW: "int64",
    CHANGED_NANOSECONDS: "int16",
}
"""What the platform adds to every landed row, accepted or not.

changed_at: the instant of the change, UTC, rounded down to a microsecond. change_type: upsert or delete. load_day: the
day it was extracted for. change_status: valid, quarantined, or discarded: given up by a person, and neither of the two.
failed_rules: ids of the rules the row breaks, warnings included. payload: a row that is not valid as extracted, a JSON
object of texts. manifest_number, source_file, source_row: its origin in bronze. changed_nanoseconds: digits of the
instant below a microsecond, 1 to 999; null where there are none.
"""


def holds_changes(schema: ibis.Schema) -> bool:
    """Whether a table on disk is a changes table, which has quarantined rows beside the accepted ones."""
    return {STATUS, PAYLOAD, MANIFEST_NUMBER, SOURCE_ROW} <= set(schema)


@dataclass(frozen=True, kw_only=True)
class Table:
    """What every table declares. partition_columns: identity partitions of its files on disk. defined_in: the file."""

    name: str
    contract: type[pa.DataFrameModel]
    description: str
    owners: tuple[str, ...] = ()
    partition_columns: tuple[str, ...] = ()
    defined_in: str = field(default_factory=lambda: declaring_file(), compare=False)  # noqa: PLW0108 - defined below

    layers: ClassVar[tuple[str, ...]] = ("silver", "gold")
    """Where a table of the kind may be."""

    def __post_init__(self) -> None:
        layer, _, short = self.name.partition("/")
        if layer not in self.layers or not short.isidentifier():
            allowed = " or ".join(f"'{layer}/<name>'" for layer in self.layers)
            raise PipelineError(f"{self.defined_in}: table name {self.name!r} is not {allowed}.")
        refuse_contract(self.contract, where=self.defined_in, table=self.name)
        refuse_names(self.contract, self.platform_columns, where=self.defined_in)
        self._require_columns("partition_columns", self.partition_columns)

    @property
    def platform_columns(self) -> tuple[str, ...]:
        """Names the platform uses in the table's rows, which a contract cannot."""
        return (CHANGE_SIDE,)

    def validate(self) -> None:
        """Raises ContractError or PipelineError for a rule that cannot work."""
        _ = self.rules

    def _require_columns(self, role: str, names: tuple[str, ...], *, needed: bool = False) -> None:
        """`role` is the argument that names them."""
        example = next(iter(self.contract_schema))
        require_tuple(role, names, where=self.defined_in, table=self.name, example=example if needed else None)
        require_columns(role, names, self.contract_schema, where=self.defined_in, contract=self.contract.__name__)

    @property
    def layer(self) -> str:
        return self.name.partition("/")[0]

    @cached_property
    def contract_schema(self) -> ibis.Schema:
        return contract_schema(self.contract)

    @property
    def schema(self) -> ibis.Schema:
        """All columns on disk."""
        return self.contract_schema

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        where = f"{self.defined_in}: {self.name} ({self.contract.__name__})"
        return compile_rules(self.contract, where=where, table=self.name, conversions=self.conversions)

    @property
    def conversions(self) -> Mapping[str, str]:
        """Kinds of the rules that a value of a column has another type, by column."""
        return {}

    @cached_property
    def judged_with(self) -> Mapping[str, ibis.Schema]:
        """Other tables its rules look at, with the columns they know of. No row follows from them, so they are not
        consumed; they come before it all the same, as a rule would break against what they used to be."""
        found: dict[str, dict[str, dt.DataType]] = {}
        for table in (table for rule in self.rules for table in rule.related):
            found[table.name] = dict(table.schema.items()) | found.get(table.name, {})
        return {name: ibis.schema(columns) for name, columns in sorted(found.items())}

    @cached_property
    def column_descriptions(self) -> dict[str, str]:
        return column_descriptions(self.contract)

    @cached_property
    def code_version(self) -> str:
        """Changes when the code that makes the rows changes; twelve hex digits."""
        return code_version_of(self._code())

    def _code(self) -> tuple[object, ...]:
        return (self.contract,)

    @property
    def upstream(self) -> tuple[str, ...]:
        """Names of the tables, or `bronze/<entity>`, that come before it: those it reads, those its rules look at."""
        return ()

    @property
    def waits_for(self) -> tuple[str, ...]:
        """Those of them that stop it when they fail."""
        return self.upstream

    @property
    def day_column(self) -> str | None:
        """The column of the day a run is for; None for a table whose runs are for no day."""
        return None


@dataclass(frozen=True, kw_only=True)
class ChangesTable(Table):
    """The accepted changes of one entity: the history everything is rebuilt from. It grows; rows that are there change
    only where a person decides so.

    key: columns that tell one entity from another. types: columns to convert from what the source has; text that does
    not convert becomes null, breaks the rule `<column>.is_<type>`, and stays in the payload.
    clean: the contract's columns that are not the source's as they are, from the converted source columns.
    due: how long after the end of a load day it has to be there.
    """

    source: str
    key: tuple[str, ...]
    clean: Callable[[ir.Table], Columns]
    types: Mapping[str, str] = field(default_factory=dict)
    due: timedelta | None = None

    kind: Literal["changes"] = "changes"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_columns("key", self.key, needed=True)
        refuse_due(self.due, defined_in=self.defined_in)
        for column, dtype in self.types.items():
            try:
                ibis.dtype(dtype)
            except Exception as error:
                msg = f"{self.defined_in}: types[{column!r}] is {dtype!r}, which is no type. Write one as 'int64'."
                raise PipelineError(msg) from error

    @property
    def platform_columns(self) -> tuple[str, ...]:
        return (*super().platform_columns, *CHANGE_COLUMNS)

    @property
    def conversions(self) -> Mapping[str, str]:
        return {column: f"is_{dtype.partition('(')[0]}" for column, dtype in self.types.items()}

    def tolerance(self, column: str) -> Tolerance:
        """What is tolerated of the values of a column that do not convert."""
        return column_tolerance(self.contract, column, self.conversions[column])

    def validate(self) -> None:
        for column in self.types:
            self.tolerance(column)
        for rule in self.rules:
            if rule.scope == "table":
                msg = (
                    f"{self.defined_in}: rule {rule.id!r} looks at the whole table; a change is judged by itself. "
                    "Move the rule to the dimension or fact."
                )
                raise PipelineError(msg)

    @property
    def schema(self) -> ibis.Schema:
        return ibis.schema(dict(self.contract_schema.items()) | CHANGE_COLUMNS)

    @property
    def upstream(self) -> tuple[str, ...]:
        return (f"bronze/{self.source}",)

    @property
    def day_column(self) -> str:
        return LOAD_DAY

    def _code(self) -> tuple[object, ...]:
        return (self.contract, self.clean, tuple(sorted(self.types.items())), self.key)


@dataclass(frozen=True, kw_only=True)
class DerivedTable(Table):
    """A table that follows from other lake tables.

    scope: columns whose values are rebuilt together: a run replaces all rows of the touched values, and no other.
    build: its rows from its inputs. An input that has all scope columns arrives restricted to the touched values.
    touched: scope values that changed inputs make stale, from `changed` (rows that differ, by input, each with
    `change_side` before or after) and the inputs as they are; by default the scope columns of the changed rows.
    """

    inputs: tuple[str, ...]
    scope: tuple[str, ...]
    build: Build
    touched: Callable[[Inputs, Inputs], ir.Table] | None = None
    kind: Literal["dimension", "fact", "aggregate"] = "aggregate"

    @property
    def upstream(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.inputs, *self.judged_with)))

    def __post_init__(self) -> None:
        super().__post_init__()
        require_tuple("inputs", self.inputs, where=self.defined_in, table=self.name, example="silver/orders")
        self._require_columns("scope", self.scope, needed=True)

    def _code(self) -> tuple[object, ...]:
        return (self.contract, self.build, self.touched, self.scope, self.inputs)


def related(table: Table) -> ir.Table:
    """The rows of another table, for a check that looks at them: those published, of a changes table the accepted ones.

    from my_shop.silver.fct_orders import TABLE as ORDERS
    ...
    @pa.dataframe_check(name="order_is_known", scope="table")
    def order_is_known(cls, data):
        return data.table.order_id.isin(related(ORDERS).order_id)
    """
    return ibis.table(table.schema, name=table.name)


def declaring_file() -> str:
    """The file that declares a table, for messages."""
    frame = inspect.currentframe()  # inspect.stack() looks up the source of every frame, 25 ms a table
    while frame is not None:
        module, file = frame.f_globals.get("__name__", ""), frame.f_code.co_filename
        if not module.startswith(("snowpipe_platform.spec", "dataclasses")) and not file.startswith("<"):
            return openable(file)
        frame = frame.f_back
    return "<unknown>"

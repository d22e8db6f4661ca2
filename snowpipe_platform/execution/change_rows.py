"""The expression that turns bronze rows into accepted, quarantined and discarded changes. Pure."""

from collections.abc import Iterable, Mapping

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from snowpipe_platform.errors import PipelineError, did_you_mean
from snowpipe_platform.execution.contract_rows import refuse_types
from snowpipe_platform.execution.conversions import converted
from snowpipe_platform.execution.table_code import code_errors
from snowpipe_platform.spec.manifest import INSTANT, NANOSECONDS, OPERATION, PLATFORM_COLUMNS, ROW_NUMBER, UPSERT
from snowpipe_platform.spec.rule import Rule
from snowpipe_platform.spec.schema_change import holds
from snowpipe_platform.spec.table import (
    CHANGE_TYPE,
    CHANGED_AT,
    CHANGED_NANOSECONDS,
    DISCARDED,
    FAILED_RULES,
    LOAD_DAY,
    MANIFEST_NUMBER,
    PAYLOAD,
    QUARANTINED,
    SOURCE_FILE,
    SOURCE_ROW,
    STATUS,
    VALID,
    ChangesTable,
)

RAW = "_raw_"
GIVEN_UP = "_given_up"
ORIGIN_COLUMNS = {MANIFEST_NUMBER: "int64", SOURCE_FILE: "string", LOAD_DAY: "date"}


@ibis.udf.scalar.builtin
def to_json(row) -> dt.json:  # type: ignore[no-untyped-def]  # noqa: ANN001 - any struct
    """A struct as a JSON object: a builtin of both engines."""


def bronze_table(table: ChangesTable, columns: ibis.Schema, *, suffix: str = "") -> ir.Table:
    """The unbound bronze rows that `change_rows` reads: the source's columns, the platform's, and the origin."""
    schema = dict(columns.items()) | PLATFORM_COLUMNS | ORIGIN_COLUMNS
    return ibis.table(schema, name=f"bronze/{table.source}{suffix}")


def change_rows(table: ChangesTable, bronze: ir.Table, *, discarded: ir.Table | None = None) -> ir.Table:
    """Every bronze row once, with the columns of `table.schema`: discarded where it is among the origins in
    `discarded`, else valid or quarantined.

    Text is trimmed before it is converted. Raises PipelineError for a column the bronze rows do not have.
    """
    source = [name for name in bronze.columns if name not in PLATFORM_COLUMNS and name not in ORIGIN_COLUMNS]
    converted = _converted(table, _marked(bronze, discarded), source)
    with code_errors(table, {table.upstream[0]: bronze.select(source)}, mend="Mend clean() in"):
        made = table.clean(converted)
        if not isinstance(made, Mapping):
            found = type(made).__name__
            msg = f"{table.name}: clean() returns a {found}. Return a dict of column names and values in"
            raise PipelineError(f"{msg} {table.defined_in}.")
        _refuse_undeclared(table, made)
        cleaned = converted.mutate(**made)
    _check_columns(table, cleaned)
    _check_types(table, {name: bronze[name].type() for name in source if name not in made})
    refuse_types(table, {name: cleaned[name].type() for name in made}, made_by="clean()")
    return _judged(table, cleaned, source)


def type_rules(table: ChangesTable) -> tuple[Rule, ...]:
    """One error rule per converted column: text that does not convert is no null."""
    return tuple(_type_rule(table, column, dtype) for column, dtype in table.types.items())


def all_rules(table: ChangesTable) -> tuple[Rule, ...]:
    """Conversion rules and the contract's, in the order they are reported."""
    return (*type_rules(table), *table.rules)


def _marked(bronze: ir.Table, discarded: ir.Table | None) -> ir.Table:
    """The rows, each with whether a person gave it up."""
    if discarded is None:
        return bronze.mutate(**{GIVEN_UP: ibis.literal(False)})
    given_up = discarded.select(_number=discarded[MANIFEST_NUMBER], _row=discarded[SOURCE_ROW])
    same = [bronze[MANIFEST_NUMBER] == given_up["_number"], bronze[ROW_NUMBER] == given_up["_row"]]
    joined = bronze.left_join(given_up, same)
    return joined.mutate(**{GIVEN_UP: joined["_row"].notnull()}).drop("_number", "_row")


def _converted(table: ChangesTable, bronze: ir.Table, source: list[str]) -> ir.Table:
    kept = {RAW + name: bronze[name] for name in source}
    typed = {}
    for column, dtype in table.types.items():
        if column not in source:
            msg = f"{table.name}: column {column!r} is missing from {table.upstream[0]}. Found: {', '.join(source)}. "
            raise PipelineError(f"{msg}{did_you_mean(column, source)} Map it in {table.defined_in}.")
        typed[column] = converted(bronze[column], ibis.dtype(dtype))
    return bronze.mutate(**kept, **typed)


def _type_rule(table: ChangesTable, column: str, dtype: str) -> Rule:
    def breaks(rows: ir.Table) -> ir.BooleanValue:
        raw = rows[RAW + column]
        present = raw.strip().nullif("").notnull() if raw.type().is_string() else raw.notnull()
        return present & rows[column].isnull()

    rule_id = f"{column}.{table.conversions[column]}"
    article = "an" if dtype[0] in "aeiou" else "a"
    tolerance = table.tolerance(column)
    return Rule(rule_id, f"{column} is {article} {dtype}", "error", "row", (column,), tolerance, breaks)


def _judged(table: ChangesTable, rows: ir.Table, source: list[str]) -> ir.Table:
    rules = all_rules(table)
    is_upsert = rows[OPERATION] == UPSERT
    broken = {rule.id: _applies(rule, table, is_upsert) & rule.breaks(rows) for rule in rules}
    is_bad = ibis.or_(*[broken[rule.id] for rule in rules if rule.severity == "error"], ibis.literal(False))
    given_up = rows[GIVEN_UP]
    texts = ibis.struct({name: rows[RAW + name].cast("string") for name in source})
    none = ibis.null("string")
    judged = rows.mutate(
        **{
            CHANGED_AT: rows[INSTANT],
            CHANGE_TYPE: rows[OPERATION],
            STATUS: given_up.ifelse(DISCARDED, is_bad.ifelse(QUARANTINED, VALID)),
            FAILED_RULES: _names(broken),
            PAYLOAD: (is_bad | given_up).ifelse(to_json(texts).cast("string"), none),
            SOURCE_ROW: rows[ROW_NUMBER],
            CHANGED_NANOSECONDS: rows[NANOSECONDS].nullif(0),
        }
    )
    return judged.select(**{name: judged[name].cast(dtype) for name, dtype in table.schema.items()})


def _applies(rule: Rule, table: ChangesTable, is_upsert: ir.BooleanValue) -> ir.BooleanValue:
    """A delete has a key and nothing else."""
    return ibis.literal(True) if set(rule.columns) <= set(table.key) else is_upsert


def _names(broken: Mapping[str, ir.BooleanValue]) -> ir.ArrayValue:
    """Ids of the rules the row breaks."""
    none = ibis.null("string")
    ids = [condition.ifelse(rule_id, none) for rule_id, condition in broken.items()]
    return ibis.array([*ids, none]).filter(lambda rule_id: rule_id.notnull())


def _refuse_undeclared(table: ChangesTable, made: Iterable[str]) -> None:
    """What clean() makes under another name would be lost, and the source's column stay as it was."""
    for name in made:
        if name not in table.contract_schema:
            hint = did_you_mean(name, list(table.contract_schema))
            msg = f"{table.name}: clean() makes {name!r}, which the contract does not have. {hint}"
            raise PipelineError(f"{msg} Mend it in {table.defined_in}.")


def _check_types(table: ChangesTable, taken: Mapping[str, dt.DataType]) -> None:
    """A column taken as it is must fit: a cast could fail the run, or change a value, for one row."""
    for name, found in taken.items():
        wanted = table.contract_schema.get(name)
        if wanted is None or name in table.types or wanted.is_string() or holds(wanted, found):
            continue
        msg = (
            f"{table.name}: column {name!r} is {found} in {table.upstream[0]} and {wanted} in the contract. Add "
            f"types={{{name!r}: {str(wanted)!r}}} in {table.defined_in}; what does not convert is then quarantined."
        )
        raise PipelineError(msg)


def _check_columns(table: ChangesTable, rows: ir.Table) -> None:
    for name in table.contract_schema:
        if name not in rows.columns:
            hint = did_you_mean(name, [column for column in rows.columns if not column.startswith("_")])
            msg = f"{table.name}: the contract's column {name!r} is neither in the source nor made by clean(). {hint}"
            raise PipelineError(f"{msg} Map it in {table.defined_in}.")

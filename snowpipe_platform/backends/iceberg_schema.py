"""Between Ibis schemas and Iceberg's, with the field ids that files must carry."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import ibis

from snowpipe_platform.errors import LakeError
from snowpipe_platform.records import TableLayout

if TYPE_CHECKING:
    from pyiceberg.partitioning import PartitionField
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table as IcebergTable
    from pyiceberg.table.update.schema import UpdateSchema

FIELD_ID = "__duckdb_field_id"
EPOCH = date(1970, 1, 1)


def to_ibis(schema: "Schema") -> ibis.Schema:
    """The table's columns as engines see them."""
    return ibis.Schema.from_pyarrow(schema.as_arrow())


def field_ids(schema: "Schema") -> Mapping[str, object]:
    """Field ids by column, nested as DuckDB's COPY takes them."""
    return {field.name: _ids(field.field_id, field.field_type) for field in schema.fields}


def partition_value(table: "IcebergTable", field: "PartitionField", value: object) -> object:
    """As the column has it: PyIceberg gives a date as days since 1970."""
    from pyiceberg.types import DateType  # noqa: PLC0415 - definitions must load without it

    is_date = str(field.transform) == "identity" and isinstance(table.schema().find_type(field.source_id), DateType)
    return EPOCH + timedelta(days=value) if is_date and isinstance(value, int) else value


def evolve(table: "IcebergTable", layout: TableLayout) -> None:
    """Add the columns the layout has and the table lacks, widen types. Raises LakeError for any other difference."""
    update = evolution(table, layout)
    if update is not None:
        update.commit()


def evolution(table: "IcebergTable", layout: TableLayout) -> "UpdateSchema | None":
    """What `evolve` does, not committed; None where nothing differs. Raises LakeError as it does."""
    _refuse_repartition(table, layout)
    have, want = to_ibis(table.schema()), layout.schema
    gone = [name for name in have if name not in want]
    if gone:
        msg = (
            f"{layout.name}: the contract no longer has {', '.join(gone)}, which the table on disk does. "
            "Keep the column, or rename the table; old rows would lose it."
        )
        raise LakeError(msg)
    return None if have.equals(want) else _update(table, layout, have)


def _refuse_repartition(table: "IcebergTable", layout: TableLayout) -> None:
    have = [table.schema().find_column_name(field.source_id) for field in table.spec().fields]
    if have != list(layout.partition_columns):
        msg = (
            f"{layout.name}: its files are partitioned by {', '.join(map(str, have)) or 'nothing'}, and the table "
            f"declares {', '.join(layout.partition_columns) or 'nothing'}. Keep the partitions, or rename the table."
        )
        raise LakeError(msg)


def _update(table: "IcebergTable", layout: TableLayout, have: ibis.Schema) -> "UpdateSchema":
    from pyiceberg.exceptions import ValidationError  # noqa: PLC0415 - definitions must load without it
    from pyiceberg.io.pyarrow import pyarrow_to_schema  # noqa: PLC0415
    from pyiceberg.table.name_mapping import create_mapping_from_schema  # noqa: PLC0415

    missing = ibis.schema({n: t for n, t in layout.schema.items() if n not in have or have[n] != t})
    numbered = _numbered(missing)
    wanted = pyarrow_to_schema(missing.to_pyarrow(), create_mapping_from_schema(numbered))
    update = table.update_schema()
    try:
        for field in wanted.fields:
            if field.name in have:
                update.update_column(field.name, field_type=field.field_type)
            else:
                update.add_column(field.name, field.field_type)
    except ValidationError as error:
        msg = (
            f"{layout.name}: the contract's types no longer fit the table on disk: {error}. "
            "Widen a type, or give the table a new name."
        )
        raise LakeError(msg) from error
    return update


def _numbered(schema: ibis.Schema) -> "Schema":
    from pyiceberg.io.pyarrow import _pyarrow_to_schema_without_ids  # noqa: PLC0415 - no public form
    from pyiceberg.schema import assign_fresh_schema_ids  # noqa: PLC0415

    return assign_fresh_schema_ids(_pyarrow_to_schema_without_ids(schema.to_pyarrow()))


def _ids(own: int, field_type: Any) -> object:  # noqa: ANN401 - Iceberg's type tree has no common base with fields
    from pyiceberg.types import ListType, StructType  # noqa: PLC0415

    if isinstance(field_type, StructType):
        return {FIELD_ID: own, **{f.name: _ids(f.field_id, f.field_type) for f in field_type.fields}}
    if isinstance(field_type, ListType):
        return {FIELD_ID: own, "element": _ids(field_type.element_id, field_type.element_type)}
    return own

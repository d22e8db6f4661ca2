"""Whether a table's code fits what it reads and its contract, found without a row."""

from collections.abc import Mapping

import ibis

from snowpipe_platform.execution.as_of_plan import ANY_DATE, date_rows
from snowpipe_platform.execution.change_rows import bronze_table, change_rows
from snowpipe_platform.execution.derived_plan import changed_table, derived_rows, touched_scope
from snowpipe_platform.execution.feature_plan import example_rows
from snowpipe_platform.spec.as_of import AsOfTable
from snowpipe_platform.spec.feature import FeatureGroup
from snowpipe_platform.spec.table import ChangesTable, DerivedTable, Table


def try_table(table: Table, schemas: Mapping[str, ibis.Schema]) -> None:
    """Build the table's expressions over what it reads, by name. Raises PipelineError as a run would."""
    if isinstance(table, ChangesTable):
        change_rows(table, bronze_table(table, schemas[table.upstream[0]]))
    if isinstance(table, DerivedTable):
        inputs = {name: ibis.table(schemas[name], name=name) for name in table.inputs}
        derived_rows(table, inputs)
        touched_scope(table, {name: changed_table(name, schemas[name]) for name in table.inputs}, inputs)
    if isinstance(table, AsOfTable):
        read = (*table.inputs, *table.scores)
        date_rows(table, ANY_DATE, {name: ibis.table(schemas[name], name=name) for name in read})
    if isinstance(table, FeatureGroup):
        example_rows(table, ibis.table(schemas[table.source], name=table.source), ANY_DATE)

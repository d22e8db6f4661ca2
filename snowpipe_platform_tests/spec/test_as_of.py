from datetime import date

import duckdb
import ibis
import pandera.ibis as pa
import pytest

from snowpipe_platform.errors import PipelineError
from snowpipe_platform.spec.as_of import AsOfTable, known_by
from snowpipe_platform.spec.pipeline import build_pipeline
from snowpipe_platform.spec.table import DerivedTable
from snowpipe_platform_tests.ledger import CHANGES, DIM, QUERIES


class States(pa.DataFrameModel):
    id: str
    analysis_date: ibis.expr.datatypes.date


class Undated(pa.DataFrameModel):
    id: str


def table(**declared):
    facts = {"name": "gold/states", "contract": States, "description": "x", "inputs": (CHANGES.name,)}
    return AsOfTable(**{**facts, "build": lambda inputs, _on: inputs[CHANGES.name], **declared})


def test_a_table_is_partitioned_by_its_analysis_date():
    assert (table().partition_columns, table().day_column) == (("analysis_date",), "analysis_date")
    with pytest.raises(PipelineError, match=r"gold/states is partitioned by 'analysis_date' alone"):
        table(partition_columns=("id",))


def test_a_contract_without_the_date_is_refused():
    with pytest.raises(PipelineError, match="partition column 'analysis_date' is not a column of Undated"):
        table(contract=Undated)


def test_restate_days_is_a_number_of_days():
    with pytest.raises(PipelineError, match=r"restate_days is -1\. It is 0 or more days"):
        table(restate_days=-1)


def test_only_changes_have_the_history_it_needs():
    with pytest.raises(PipelineError, match=r"gold/states reads 'silver/dim_items', which keeps no history"):
        build_pipeline("p", QUERIES, [CHANGES, DIM, table(inputs=(DIM.name,))])


def test_no_table_is_built_from_it():
    reader = DerivedTable(
        name="gold/reader",
        contract=Undated,
        description="x",
        inputs=("gold/states",),
        scope=("id",),
        build=lambda inputs: inputs["gold/states"],
    )
    with pytest.raises(PipelineError, match=r"gold/reader reads 'gold/states', an as-of table"):
        build_pipeline("p", QUERIES, [CHANGES, table(), reader])


def test_a_change_at_the_end_of_the_date_is_not_known_by_it():
    schema = {"id": "string", "changed_at": "timestamp(6)", "change_status": "string"}
    known = ibis.to_sql(known_by(ibis.table(schema, name="rows"), date(2024, 3, 1)), dialect="duckdb")
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE rows AS FROM (VALUES ('inside', TIMESTAMP '2024-03-01 23:59:59.999999', 'valid'), "
            "('at the end', TIMESTAMP '2024-03-02', 'valid'), ('bad', TIMESTAMP '2024-03-01', 'quarantined')) "
            "AS rows(id, changed_at, change_status)"
        )
        assert [row[0] for row in connection.execute(str(known)).fetchall()] == ["inside"]

"""One asset per training set: made when a person or a job asks, as a model is trained on purpose."""

import dagster as dg

from snowpipe_platform.execution.labels import label_instants
from snowpipe_platform.execution.training_set import MadeSet, make_training_set
from snowpipe_platform.orchestration.failures import final_failures
from snowpipe_platform.orchestration.identity import run_identity
from snowpipe_platform.orchestration.metadata import Metadata, column_schema
from snowpipe_platform.orchestration.names import MODELS, asset_key, dagster_owners, training_set_name
from snowpipe_platform.orchestration.resources import GroundResource
from snowpipe_platform.spec.feature import FeatureGroup
from snowpipe_platform.spec.label import TrainingSet, training_schema
from snowpipe_platform.spec.pipeline import Pipeline

_int, _float, _text = dg.MetadataValue.int, dg.MetadataValue.float, dg.MetadataValue.text


def training_set_asset(training: TrainingSet, pipeline: Pipeline) -> dg.AssetsDefinition:
    """The set of the tables as they are when it runs. Its data version is the hash of its content: what is made of it
    is stale when the rows are others, and not when they were made again."""
    name = training_set_name(training.name)

    @dg.asset(
        key=asset_key(name),
        deps=[asset_key(table) for table in training.inputs],
        group_name=MODELS,
        kinds={MODELS, "parquet", "training_set"},
        owners=dagster_owners(training.owners),
        description=training.description,
        code_version=training.code_version,
        metadata={"defined_in": training.defined_in, **_columns(training, pipeline)},
        pool=name,
    )
    def make_set(context: dg.AssetExecutionContext, ground: GroundResource) -> dg.MaterializeResult[None]:
        with final_failures():
            label_instants(training, pipeline, ground.ground())
            made = make_training_set(training, pipeline, ground.ground(), run_identity(context.run))
        context.log.info("%s: %s", name, _summary(made))
        path = ground.ground().training_sets.locate(made.record)
        return dg.MaterializeResult(
            metadata=training_metadata(made, path=path), data_version=dg.DataVersion(made.record.hash)
        )

    return make_set


def training_metadata(made: MadeSet, *, path: str) -> Metadata:
    """Of one run."""
    record = made.record
    inputs = [
        dg.TableRecord({"table": n, "commit": c.number, "snapshot_id": str(c.snapshot_id)})
        for n, c in record.inputs.items()
    ]
    return {
        "summary": _text(_summary(made)),
        "dagster/row_count": _int(record.rows),
        "dagster/uri": _text(path),
        "hash": _text(record.hash),
        "first_label": _text(f"{record.first_label_at.isoformat()}Z"),
        "last_label": _text(f"{record.last_label_at.isoformat()}Z"),
        "positive": _int(made.positive),
        "positive_share": _float(round(made.positive / record.rows, 4)),
        "feature_group": _text(f"{record.feature_group}, version {record.feature_group_version}"),
        "inputs": dg.MetadataValue.table(inputs),
    }


def _summary(made: MadeSet) -> str:
    rows = f"{made.record.rows:,} rows, {made.positive / made.record.rows:.1%} positive"
    return rows if made.is_new else f"{rows}; the same as on {made.record.created_at:%Y-%m-%d %H:%M}"


def _columns(training: TrainingSet, pipeline: Pipeline) -> Metadata:
    group = pipeline.table(training.group)
    if not isinstance(group, FeatureGroup):
        return {}
    schema = column_schema(training_schema(training, group), descriptions=group.column_descriptions)
    return {"dagster/column_schema": dg.MetadataValue.table_schema(schema)}

"""Make a training set: point in time, the same bytes for the same inputs, and inputs that stay readable.

What must not get into the file: created_time, which a rebuild sets anew; snapshots, commits, paths and run ids; the
order in which an engine gives rows; schema metadata of a library. What does get in beside the rows is the feature
group's version, and the name and version of the Parquet writer, which is pinned.
"""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from snowpipe_platform.errors import LakeError
from snowpipe_platform.execution.ground import Ground, RunIdentity
from snowpipe_platform.execution.inputs import snapshot_with
from snowpipe_platform.execution.labels import label_instants
from snowpipe_platform.records import LakeRows, TrainingSetRecord
from snowpipe_platform.spec.consumption import UpstreamCommit
from snowpipe_platform.spec.feature import Feature
from snowpipe_platform.spec.label import LABEL_AT, TrainingSet, training_rows, training_schema
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.table import STATUS, VALID, ChangesTable

ROWS_PER_GROUP = 1_048_576
TAG_DIGITS = 16
GROUP_VERSION = "feature_group_version"


@dataclass(frozen=True)
class MadeSet:
    """A training set. record: of the set as it was first made. is_new: this run made it; else a file with the same
    content was there. positive: rows whose label is true."""

    record: TrainingSetRecord
    is_new: bool
    positive: int


def make_training_set(training: TrainingSet, pipeline: Pipeline, ground: Ground, identity: RunIdentity) -> MadeSet:
    """The set of the tables as they are now. Raises LakeError where there is no label yet, with what is missing, and
    LeaseHeldError while another run writes one of them."""
    instants, inputs = label_instants(training, pipeline, ground), _commits(training, ground)
    group = pipeline.group(training.group)
    rows = _rows(training, pipeline, inputs, instants, ground)
    if not len(rows):
        raise LakeError(f"training set {training.name}: none of {len(instants)} labels applies to an entity.")
    file = encoded(rows, group_version=group.version)
    record = TrainingSetRecord(
        name=training.name,
        hash=hashlib.sha256(file).hexdigest(),
        rows=len(rows),
        first_label_at=instants[0],
        last_label_at=instants[-1],
        feature_group=group.name,
        feature_group_version=group.version,
        defaults={one.name: _default(one) for one in group.features},
        inputs=inputs,
        code_version=training.code_version,
        created_at=datetime.now(UTC).replace(tzinfo=None),
    )
    for name, commit in inputs.items():
        # A tag is a change of the table's metadata: without the lease it would end another run's commit.
        with ground.state.lease(name, holder=identity.run_id):
            ground.lake.tag(name, tag_of(record), snapshot_id=commit.snapshot_id)
    kept = ground.training_sets.put(record, file)
    return MadeSet(kept, kept == record, int(pa.compute.sum(rows[training.label.name]).as_py() or 0))


def remade(record: TrainingSetRecord, pipeline: Pipeline, ground: Ground) -> str:
    """The hash of the set made again of the inputs that it was made of. Raises LakeError when they are gone."""
    training = next((one for one in pipeline.training_sets if one.name == record.name), None)
    if training is None:
        raise LakeError(f"{pipeline.name} declares no training set {record.name!r} any more.")
    span = record.first_label_at, record.last_label_at
    rows = _rows(training, pipeline, record.inputs, training.labels_at(*span), ground)
    return hashlib.sha256(encoded(rows, group_version=record.feature_group_version)).hexdigest()


def tag_of(record: TrainingSetRecord) -> str:
    """What marks the inputs of a set, so that maintenance spares them."""
    return f"training-set-{record.name}-{record.hash[:TAG_DIGITS]}"


def encoded(rows: pa.Table, *, group_version: int) -> bytes:
    """The rows as a Parquet file, the same bytes for the same rows. It says of which version of the feature group they
    are, so that equal rows of two versions are two sets."""
    plain, buffer = rows.replace_schema_metadata(None), io.BytesIO()
    options = {"compression": "zstd", "compression_level": 3, "version": "2.6", "store_schema": False}
    with pq.ParquetWriter(buffer, plain.schema, **options) as writer:
        writer.write_table(plain, row_group_size=ROWS_PER_GROUP)
        writer.add_key_value_metadata({GROUP_VERSION: str(group_version)})
    return buffer.getvalue()


def _commits(training: TrainingSet, ground: Ground) -> dict[str, UpstreamCommit]:
    states = {name: ground.lake.state(name) for name in training.inputs}
    return {name: state.as_upstream for name, state in states.items() if state is not None}


def _rows(
    training: TrainingSet,
    pipeline: Pipeline,
    inputs: Mapping[str, UpstreamCommit],
    instants: Sequence[datetime],
    ground: Ground,
) -> pa.Table:
    """All rows, by label_at and entity."""
    group = pipeline.group(training.group)
    schema = training_schema(training, group).to_pyarrow()
    names = {name: pipeline.table(name).schema for name in training.inputs}
    with ground.engine.session() as session:
        for name, columns in names.items():
            session.bind(name, LakeRows(_paths(name, inputs[name], pipeline, ground), columns))
        unbound = {name: ibis.table(columns, name=name) for name, columns in names.items()}
        expressions = (training_rows(training, group, unbound, at) for at in instants)
        found = [session.fetch(expression).cast(schema) for expression in expressions]
    rows = pa.concat_tables(found) if found else schema.empty_table()
    return rows.sort_by([(LABEL_AT, "ascending"), (group.entity, "ascending")]).combine_chunks()


def _paths(name: str, commit: UpstreamCommit, pipeline: Pipeline, ground: Ground) -> tuple[str, ...]:
    snapshot_id = snapshot_with(commit, ground.lake.snapshots(name))
    if snapshot_id is None:
        raise LakeError(
            f"{name}: the rows of commit {commit.number} are gone; its snapshot was expired by another tool."
        )
    where = {STATUS: VALID} if isinstance(pipeline.table(name), ChangesTable) else None
    return tuple(file.path for file in ground.lake.files(name, snapshot_id=snapshot_id, where=where))


def _default(feature: Feature) -> int | float | bool | str | None:
    """As JSON has it."""
    value = feature.default
    return value if isinstance(value, int | float | str | None) else str(value)

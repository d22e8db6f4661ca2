"""Many rows, from files to a file: the same model and signature that answer requests, without the explanations."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from snowpipe_platform.errors import ServingError
from snowpipe_platform.serving.loaded import LoadedModel
from snowpipe_platform.serving.shapley import Matrix
from snowpipe_platform.spec.model import PROBABILITY
from snowpipe_platform.spec.signature import Kind, SignedFeature

ROWS_AT_ONCE = 65_536

_FITS: dict[Kind, Callable[[pa.DataType], bool]] = {
    Kind.INTEGER: pa.types.is_integer,
    Kind.NUMBER: lambda kind: pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind),
    Kind.DECIMAL: lambda kind: pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind),
    Kind.TRUTH: pa.types.is_boolean,
    Kind.TEXT: lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind),
}


def score_files(model: LoadedModel, rows: Sequence[Path], *, key: str, answers: Path) -> int:
    """How many rows were scored. rows: Parquet files with the features, and the column `key`, which is kept. answers:
    the file that is written, whole or not at all, with `key` and `probability`; its folder is there.

    A missing value is the feature's default, where it has one, as in a request. Raises ServingError, before anything is
    written, naming each column that the signature wants and the files do not have, or have of another type.
    """
    files = [pq.ParquetFile(path) for path in rows]
    for file, path in zip(files, rows, strict=True):
        _refuse_skew(model, file.schema_arrow, key, path)
    schema = pa.schema([files[0].schema_arrow.field(key), pa.field(PROBABILITY, pa.float64())])
    partial, count = answers.with_name(f".{answers.name}.partial"), 0
    try:
        with pq.ParquetWriter(partial, schema, compression="zstd") as writer:
            for batch in _batches(files, [key, *model.signature.names]):
                probabilities = model.probabilities(_matrix(model, batch))
                writer.write_batch(pa.record_batch([batch[key], pa.array(probabilities, pa.float64())], schema=schema))
                count += len(batch)
        partial.replace(answers)
    finally:
        partial.unlink(missing_ok=True)
    return count


def _batches(files: Sequence[pq.ParquetFile], columns: list[str]) -> Iterator[pa.RecordBatch]:
    for file in files:
        yield from file.iter_batches(batch_size=ROWS_AT_ONCE, columns=columns)


def _matrix(model: LoadedModel, batch: pa.RecordBatch) -> Matrix:
    """As `LoadedModel.matrix` makes of rows, a column at a time."""
    columns = [_column(batch[feature.name], feature) for feature in model.signature.features]
    return np.column_stack(columns)  # texts make it one of objects


def _column(values: pa.Array, feature: SignedFeature) -> Matrix:
    if feature.kind is Kind.TEXT:
        found = np.array(values.to_pylist(), dtype=object)
        found[values.is_null().to_numpy(zero_copy_only=False)] = feature.default
        return found
    # By way of text: Arrow's own cast of a decimal is a last bit off float() for one value in seven.
    plain = values.cast(pa.string()) if pa.types.is_decimal(values.type) else values
    numbers = np.asarray(plain.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    return numbers if feature.default is None else np.where(values.is_null(), feature.default, numbers)


def _refuse_skew(model: LoadedModel, found: pa.Schema, key: str, path: Path) -> None:
    problems = [] if key in found.names else [f"{key} is missing"]
    for feature in model.signature.features:
        if feature.name not in found.names:
            problems.append(f"{feature.name} is missing")
        elif not _FITS[feature.kind](kind := found.field(feature.name).type):
            problems.append(f"{feature.name} is {kind}, and the model takes {feature.kind}")
    if problems:
        told = "; ".join(problems)
        msg = f"{path.name} does not fit {model.signature.model} version {model.version}: {told}"
        raise ServingError(f"{msg}. Use a version trained on these features, or train one.")

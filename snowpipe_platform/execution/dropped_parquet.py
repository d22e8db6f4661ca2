"""A Parquet file somebody dropped. It brings its types with it."""

from collections.abc import Iterator, Sequence
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq

from snowpipe_platform.execution.dropped import Dropped, Numbered, Opener, column_names

BATCH_ROWS = 50_000
BUFFER_BYTES = 1024 * 1024
"""Pages are read in pieces of this size: without it a whole row group of a column is held."""


def open_parquet(name: str, opened: Opener) -> Dropped:
    with opened() as file:
        found = pq.ParquetFile(file).schema_arrow
    names = column_names(name, found.names)
    schema = pa.schema([field.with_name(column) for field, column in zip(found, names, strict=True)])
    return Dropped(name, schema, True, "row", partial(_batches, opened, dict(zip(names, found.names, strict=True))))


def _batches(opened: Opener, spelt: dict[str, str], columns: Sequence[str] | None) -> Iterator[Numbered]:
    """spelt: the file's own spelling of each column."""
    wanted = list(spelt if columns is None else columns)
    count = 0
    with opened() as file:
        reader = pq.ParquetFile(file, buffer_size=BUFFER_BYTES)
        for batch in reader.iter_batches(BATCH_ROWS, columns=[spelt[column] for column in wanted]):
            rows = batch.select([spelt[column] for column in wanted]).rename_columns(wanted)
            yield Numbered(rows, range(count + 1, count + rows.num_rows + 1))
            count += rows.num_rows

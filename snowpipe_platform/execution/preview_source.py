"""The source as a preview asks it: each question once, or not at all."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache, cached_property

import pyarrow as pa

from snowpipe_platform.errors import SourceError
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.ports import Warehouse
from snowpipe_platform.records import Parameter
from snowpipe_platform.spec.bronze_log import all_columns
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.reach import reads_source


class NotAskedError(SourceError):
    """Only the source knows, and it is not to be asked."""


class AskedOnce:
    """A `Warehouse` whose clock and columns are read once, however many days a preview has."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse, self.dialect = warehouse, warehouse.dialect
        self._schema = cache(warehouse.schema)

    @cached_property
    def _now(self) -> datetime:
        return self._warehouse.clock()

    def clock(self) -> datetime:
        return self._now

    def schema(self, sql: str, parameters: Sequence[Parameter] = ()) -> pa.Schema:
        return self._schema(sql, tuple(parameters))

    def stream(self, sql: str, parameters: Sequence[Parameter] = ()) -> Iterator[pa.RecordBatch]:
        yield from self._warehouse.stream(sql, parameters)

    def scalar(self, sql: str, parameters: Sequence[Parameter] = ()) -> object:
        return self._warehouse.scalar(sql, parameters)


class Remembered:
    """A `Warehouse` that is never opened: one query's columns as they were landed, at a clock of the past.

    Everything else raises NotAskedError.
    """

    def __init__(self, *, dialect: str, clock: datetime, log: Sequence[Manifest]) -> None:
        self.dialect, self._clock, self._log = dialect, clock, log

    def clock(self) -> datetime:
        return self._clock

    def schema(self, sql: str, parameters: Sequence[Parameter] = ()) -> pa.Schema:
        del sql, parameters
        if not self._log:
            raise NotAskedError("its columns are known to the source alone; nothing is landed yet")
        return all_columns(self._log).to_pyarrow()

    def stream(self, sql: str, parameters: Sequence[Parameter] = ()) -> Iterator[pa.RecordBatch]:
        del sql, parameters
        raise NotAskedError("its rows are known to the source alone")

    def scalar(self, sql: str, parameters: Sequence[Parameter] = ()) -> object:
        del sql, parameters
        raise NotAskedError("its bounds are known to the source alone")


def remembered_clock(pipeline: Pipeline, ground: Ground) -> datetime:
    """The source's clock when it was last asked; this machine's, UTC, while nothing is landed."""
    logs = (ground.bronze.log(entity) for entity in pipeline.queries_by_entity)
    asked = [entry.extracted_at for log in logs for entry in log if reads_source(entry)]
    return max(asked, default=datetime.now(UTC).replace(tzinfo=None))

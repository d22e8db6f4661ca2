"""The embedded warehouse: a DuckDB file standing where Snowflake stands."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from snowpipe_platform.backends.duckdb_errors import said
from snowpipe_platform.backends.duckdb_sql import QUIET
from snowpipe_platform.errors import SourceError, TransientSourceError
from snowpipe_platform.records import Parameter

STREAM_ROWS = 100_000
"""Rows per Arrow batch: large enough for vectorised work, small against memory."""


class DuckDBWarehouse:
    """Reads a DuckDB file read-only; a connection lives as long as a statement, so that the file can change in between.

    A table `source_clock(now_at)` stands for the warehouse's clock where there is one, as in generated data whose days
    are not today; otherwise it is the machine's clock.
    """

    dialect = "duckdb"

    def __init__(self, path: Path) -> None:
        self._path = path

    def clock(self) -> datetime:
        with self._connection() as connection:
            simulated = connection.execute(
                "SELECT count(*) FROM information_schema.tables WHERE table_name = 'source_clock'"
            ).fetchone()
            if simulated and simulated[0]:
                row = connection.execute("SELECT CAST(now_at AS TIMESTAMP) FROM source_clock").fetchone()
                if row is not None:
                    return row[0]  # type: ignore[no-any-return]
        return datetime.now(UTC).replace(tzinfo=None)

    def schema(self, sql: str, parameters: Sequence[Parameter] = ()) -> pa.Schema:
        with self._connection() as connection:
            return connection.execute(f"SELECT * FROM ({sql}) LIMIT 0", list(parameters)).to_arrow_table().schema  # noqa: S608 - the user's SQL

    def stream(self, sql: str, parameters: Sequence[Parameter] = ()) -> Iterator[pa.RecordBatch]:
        with self._connection() as connection:
            yield from connection.execute(sql, list(parameters)).to_arrow_reader(STREAM_ROWS)

    def scalar(self, sql: str, parameters: Sequence[Parameter] = ()) -> object:
        with self._connection() as connection:
            row = connection.execute(sql, list(parameters)).fetchone()
            return None if row is None else row[0]

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        if not self._path.exists():
            msg = (
                f"warehouse {self._path} does not exist. Build the shop's with 'snowpipe demo', your own project's with"
            )
            raise SourceError(f"{msg} 'make demo', or set SNOWPIPE_WAREHOUSE.")
        try:
            connection = duckdb.connect(str(self._path), read_only=True)
        except duckdb.Error as error:
            msg = f"warehouse {self._path} cannot be opened now: {said(error)}"
            raise TransientSourceError(msg) from error
        try:
            connection.execute(QUIET)
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise self._named(error) from error
        finally:
            connection.close()

    def _named(self, error: Exception) -> SourceError | TransientSourceError:
        """In the middle of a stream DuckDB's errors arrive as OSError, with the kind in front of the message."""
        reason = said(error)
        if isinstance(error, duckdb.IOException) or reason.startswith("IO Error"):
            return TransientSourceError(f"reading warehouse {self._path} failed: {reason}")
        return SourceError(f"warehouse {self._path} refused the query: {reason}")

"""The tables of one lake in their catalog: found, opened, created, widened."""

import sqlite3
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random

from snowpipe_platform.backends import sqlite_file
from snowpipe_platform.backends.folders import make_folder
from snowpipe_platform.backends.iceberg_place import reading_metadata, require_own
from snowpipe_platform.backends.iceberg_schema import evolution, evolve
from snowpipe_platform.errors import LakeError
from snowpipe_platform.records import TableLayout

if TYPE_CHECKING:
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.table import Table as IcebergTable
    from sqlalchemy.engine import ExceptionContext

OPENING_ATTEMPTS = 10
LOOKING_ATTEMPTS = 3

TABLE_PROPERTIES = {
    "format-version": "2",
    "write.parquet.compression-codec": "zstd",
    "write.metadata.delete-after-commit.enabled": "true",
    # Each version holds all snapshots: a thousand commits kept 100 of them, Iceberg's default, in 100 MB.
    "write.metadata.previous-versions-max": "20",
    # A retry could only put a commit on top of one it was not computed from: a conflict is answered at once.
    "commit.retry.num-retries": "0",
}


class IcebergTables:
    """A folder of tables and a SQLite catalog."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    @cached_property
    def _catalog(self) -> "SqlCatalog":
        from pyiceberg.catalog.sql import SqlCatalog  # noqa: PLC0415 - definitions must load without it
        from sqlalchemy import event  # noqa: PLC0415
        from sqlalchemy.exc import DatabaseError  # noqa: PLC0415

        make_folder(self._root)
        uri = f"sqlite:///{self._catalog_path}?timeout={sqlite_file.BUSY_TIMEOUT_SECONDS}"
        options = {"uri": uri, "warehouse": f"file://{self._root}"}
        # Another process may create one of the catalog's tables between this one's look and its own attempt.
        opening = Retrying(
            retry=retry_if_exception_type(DatabaseError),
            stop=stop_after_attempt(OPENING_ATTEMPTS),
            wait=wait_random(0, 0.1),
            reraise=True,
        )
        catalog: SqlCatalog = opening(SqlCatalog, "snowpipe", **options)
        event.listen(catalog.engine, "handle_error", self._name_if_locked)
        return catalog

    def _name_if_locked(self, context: "ExceptionContext") -> None:
        """A process that was stopped in the middle of a swap keeps the catalog to itself until it goes on or ends."""
        if getattr(context.original_exception, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            raise sqlite_file.locked(self._catalog_path) from context.original_exception

    @property
    def _is_new(self) -> bool:
        """Nobody has written here: looking makes no catalog."""
        return not self._catalog_path.exists()

    @property
    def _catalog_path(self) -> Path:
        return self._root / "catalog.db"

    def tables(self) -> list[str]:
        if self._is_new:
            return []
        found = (name for (space,) in self._catalog.list_namespaces() for name in self._catalog.list_tables(space))
        return sorted("/".join(name) for name in found)

    def ensure(self, layout: TableLayout) -> None:
        identifier = _identifier(layout.name)
        self._ensure_namespace(identifier[0])
        loaded = self._load(layout.name)
        if loaded is None:
            self._create(identifier, layout)
        else:
            evolve(loaded, layout)

    def require_fit(self, layout: TableLayout) -> None:
        loaded = self._load(layout.name)
        if loaded is not None:
            evolution(loaded, layout)

    def _ensure_namespace(self, layer: str) -> None:
        from sqlalchemy.exc import IntegrityError  # noqa: PLC0415

        try:
            self._catalog.create_namespace_if_not_exists(layer)
        except IntegrityError:
            if not self._catalog.namespace_exists(layer):
                raise

    def _create(self, identifier: tuple[str, str], layout: TableLayout) -> None:
        """The table and its partitions, at once."""
        properties = {**TABLE_PROPERTIES, "comment": layout.description}
        schema = layout.schema.to_pyarrow()
        creation = self._catalog.create_table_transaction(identifier, schema=schema, properties=properties)
        with creation, creation.update_spec() as spec:
            for column in layout.partition_columns:
                spec.add_identity(column)

    def _load(self, table: str) -> "IcebergTable | None":
        if self._is_new:
            return None
        from pyiceberg.exceptions import NoSuchTableError  # noqa: PLC0415

        try:
            with reading_metadata(table, self._root):
                loaded = self._look(_identifier(table))
        except NoSuchTableError:
            return None
        require_own(table, loaded, self._root)
        return loaded

    def _look(self, identifier: tuple[str, str]) -> "IcebergTable":
        """The catalog names a metadata file; the newest 21 are kept. Who is slow between the two looks again."""
        looking = Retrying(
            retry=retry_if_exception_type(FileNotFoundError), stop=stop_after_attempt(LOOKING_ATTEMPTS), reraise=True
        )
        return looking(self._catalog.load_table, identifier)

    def _require(self, table: str) -> "IcebergTable":
        loaded = self._load(table)
        if loaded is None:
            msg = f"{table} does not exist in the lake at {self._root} yet. Create it with 'snowpipe run {table}'."
            raise LakeError(msg)
        return loaded


def _identifier(table: str) -> tuple[str, str]:
    layer, _, name = table.partition("/")
    return layer, name

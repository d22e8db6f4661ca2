"""One SQLite file that several processes may read and write."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

from snowpipe_platform.backends.folders import make_folder, unusable
from snowpipe_platform.errors import ConfigurationError, LakeError

BUSY_TIMEOUT_SECONDS = 30.0


class SqliteFile:
    """A store in a file, made with its folder at the first write. A connection lives as long as a call.

    tables: statements that make what is not there. if_damaged: what is said of a file that SQLite cannot read, with
    `{error}`, and what to do.
    """

    tables: ClassVar[str]
    if_damaged: ClassVar[str]

    def __init__(self, path: Path) -> None:
        self._path = path

    def _read(self, statement: str, *values: str | int) -> list[Any]:
        """What a file that is not there yet would say, without making it."""
        if not self._path.exists():
            return []
        with self._transaction() as database:
            return database.execute(statement, values).fetchall()

    def _set_aside(self) -> str | None:
        """Where a damaged file lies now, beside its journal, which would be played into the next file of its name; None
        when it can be read. Raises LakeError or ConfigurationError for what is no damage."""
        if not self._path.exists() or self._is_whole():
            return None
        aside = self._path.with_name(f"{self._path.name}.damaged-{time.time_ns()}")
        for suffix in ("-journal", "-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                self._path.with_name(self._path.name + suffix).rename(aside.with_name(aside.name + suffix))
        return str(aside)

    def _is_whole(self) -> bool:
        try:
            with closing(self._connect()) as database:
                return [str(row[0]) for row in database.execute("PRAGMA quick_check")] == ["ok"]
        except sqlite3.DatabaseError as error:
            if _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                return False
            raise self._named(error) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        make_folder(self._path.parent)
        with self._named_errors(), closing(self._connect()) as database:
            database.executescript(self.tables)
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                if database.in_transaction:  # a damaged file or a full disk ends it
                    database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise self._named(error) from error

    def _named(self, error: sqlite3.DatabaseError) -> LakeError | ConfigurationError:
        code = _code(error)
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return locked(self._path)
        if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
            return unusable(self._path.parent, str(error))
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            return LakeError(f"{self._path} cannot be read or written ({error}). Mend the disk and run again.")
        return LakeError(f"{self._path} {self.if_damaged.format(error=error)}")


def locked(path: Path) -> LakeError:
    """What is said of a file that another process has kept to itself for longer than anybody waits."""
    return LakeError(f"{path} was locked for {BUSY_TIMEOUT_SECONDS:.0f} s. Try again when the other process is done.")


def _code(error: sqlite3.DatabaseError) -> int:
    """The low byte is the kind, the others its detail: https://sqlite.org/rescode.html"""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF

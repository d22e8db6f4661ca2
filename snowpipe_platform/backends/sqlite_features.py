"""The latest features of each entity in one SQLite file."""

import fcntl
import json
import sqlite3
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from snowpipe_platform.backends.folders import make_folder, unusable
from snowpipe_platform.errors import LakeError
from snowpipe_platform.records import EntityKey, FeatureRow
from snowpipe_platform.spec.consumption import UpstreamCommit

BUSY_TIMEOUT_SECONDS = 30.0
KEYS_PER_STATEMENT = 500
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - instants are naive UTC
MICROSECOND = timedelta(microseconds=1)

_TABLES = """
CREATE TABLE IF NOT EXISTS latest (
    feature_group TEXT NOT NULL, key ANY NOT NULL,
    event_time INTEGER NOT NULL, created_time INTEGER NOT NULL, "values" TEXT NOT NULL,
    PRIMARY KEY (feature_group, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reached (
    feature_group TEXT PRIMARY KEY, snapshot_id INTEGER NOT NULL, number INTEGER NOT NULL, content_id TEXT NOT NULL
) STRICT;
"""
# Two rows of the same times differ only where somebody wrote the history by hand: then their values decide, so that
# the order in which they come still does not.
_PUT = """
INSERT INTO latest VALUES (?, ?, ?, ?, ?) ON CONFLICT (feature_group, key) DO UPDATE
SET event_time = excluded.event_time, created_time = excluded.created_time, "values" = excluded."values"
WHERE (excluded.event_time, excluded.created_time, excluded."values") > (event_time, created_time, "values")
"""

_GET = 'SELECT key, event_time, created_time, "values" FROM latest WHERE feature_group = ? AND key IN'


class SqliteFeatures:
    """The `FeatureStore` of a laptop. A connection lives as long as a call; readers do not wait for a writer."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, group: str, rows: Sequence[FeatureRow]) -> None:
        values = [(group, row.key, _micros(row.event_time), _micros(row.created_time), _encoded(row)) for row in rows]
        with self._writing() as database:
            database.executemany(_PUT, values)

    def get(self, group: str, keys: Collection[EntityKey]) -> dict[EntityKey, FeatureRow]:
        wanted, found = list(dict.fromkeys(keys)), dict[EntityKey, FeatureRow]()
        with self._reading() as database:
            if database is not None:
                for start in range(0, len(wanted), KEYS_PER_STATEMENT):
                    some = wanted[start : start + KEYS_PER_STATEMENT]
                    rows = database.execute(f"{_GET} ({', '.join('?' * len(some))})", (group, *some))
                    found |= {row[0]: _decoded(*row) for row in rows}
        return found

    def count(self, group: str) -> int:
        with self._reading() as database:
            if database is None:
                return 0
            return int(database.execute("SELECT count(*) FROM latest WHERE feature_group = ?", (group,)).fetchone()[0])

    def reached(self, group: str) -> UpstreamCommit | None:
        with self._reading() as database:
            if database is None:
                return None
            wanted = "SELECT snapshot_id, number, content_id FROM reached WHERE feature_group = ?"
            row = database.execute(wanted, (group,)).fetchone()
        return None if row is None else UpstreamCommit(*row)

    def set_reached(self, group: str, commit: UpstreamCommit) -> None:
        values = (group, commit.snapshot_id, commit.number, commit.content_id)
        with self._writing() as database:
            database.execute("INSERT OR REPLACE INTO reached VALUES (?, ?, ?, ?)", values)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """None where no file is yet: looking makes none."""
        if not self._path.exists():
            yield None
            return
        with self._named_errors(), closing(self._connect(self._path)) as database:
            yield database

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        if not self._path.exists():
            self._create()
        with self._named_errors(), closing(self._connect(self._path)) as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                if database.in_transaction:  # a full disk ends it
                    database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")

    def _create(self) -> None:
        """Complete under another name first: two processes that set a new file's journal mode find it locked. SQLite
        would replay the log that a killed process left beside a file somebody deleted, so that goes before."""
        make_folder(self._path.parent)
        new = self._path.with_name(f"{self._path.name}.{uuid.uuid4().hex}")
        with self._named_errors(), self._path.with_name(f"{self._path.name}.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._path.exists():  # another process was first
                return
            try:
                with closing(self._connect(new)) as database:
                    database.execute("PRAGMA journal_mode = WAL")
                    database.executescript(_TABLES)
                for beside in self._beside:
                    beside.unlink(missing_ok=True)
                new.rename(self._path)
            finally:
                new.unlink(missing_ok=True)

    @property
    def _beside(self) -> tuple[Path, Path]:
        """Where SQLite writes first, and the index of that."""
        return self._path.with_name(f"{self._path.name}-wal"), self._path.with_name(f"{self._path.name}-shm")

    @staticmethod
    def _connect(path: Path) -> sqlite3.Connection:
        return sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise unusable(self._path.parent, error.strerror or str(error)) from error
        except sqlite3.DatabaseError as error:
            # The low byte is the kind: https://sqlite.org/rescode.html
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                waited = f"{self._path} was locked for {BUSY_TIMEOUT_SECONDS:.0f} s."
                raise LakeError(f"{waited} Try again when the other process is done.") from error
            beside = " and ".join(path.name for path in self._beside)
            raise LakeError(
                f"{self._path} cannot be used as the online store ({error}). It is made of the feature history: "
                f"delete it, {beside}, and the next run of each feature group brings it back."
            ) from error


def _micros(instant: datetime) -> int:
    return (instant - EPOCH) // MICROSECOND


def _encoded(row: FeatureRow) -> str:
    """JSON in which every value has its type: the same comes back."""
    return json.dumps({name: _tagged(value) for name, value in row.values.items()}, sort_keys=True)


def _tagged(value: Any) -> object:  # noqa: ANN401 - a FeatureValue
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, datetime):
        return {"timestamp": value.isoformat()}
    return {"date": value.isoformat()} if isinstance(value, date) else value


_UNTAGGED: dict[str, Callable[[str], object]] = {
    "decimal": Decimal,
    "timestamp": datetime.fromisoformat,
    "date": date.fromisoformat,
}


def _decoded(key: EntityKey, event_time: int, created_time: int, values: str) -> FeatureRow:
    found: dict[str, Any] = json.loads(values)
    for name, value in found.items():
        if isinstance(value, dict):
            ((tag, text),) = value.items()
            found[name] = _UNTAGGED[tag](text)
    return FeatureRow(key, EPOCH + event_time * MICROSECOND, EPOCH + created_time * MICROSECOND, found)

"""Watermarks, leases and dead letters in one SQLite file."""

import json
import os
import socket
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from snowpipe_platform.backends.processes import is_running
from snowpipe_platform.backends.sqlite_file import SqliteFile
from snowpipe_platform.errors import LeaseHeldError
from snowpipe_platform.records import ClosedLetter, Closing, DeadLetter, HeldLease, Lease

LEASE_SECONDS = 3600.0
"""How long a holder on another machine is believed; one on this machine is asked for by its process id."""

_TABLES = """
CREATE TABLE IF NOT EXISTS watermarks (query TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS leases (
    resource TEXT PRIMARY KEY, holder TEXT, token INTEGER NOT NULL,
    host TEXT, pid INTEGER, started TEXT, expires_at REAL
) STRICT;
CREATE TABLE IF NOT EXISTS dead_letters (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, error TEXT NOT NULL,
    failed_at TEXT NOT NULL, request TEXT NOT NULL, rows TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS closed_letters (
    id TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, error TEXT NOT NULL,
    failed_at TEXT NOT NULL, request TEXT NOT NULL, rows TEXT NOT NULL,
    outcome TEXT NOT NULL, closed_by TEXT NOT NULL, reason TEXT NOT NULL, closed_at TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS closed_letters_by_id ON closed_letters (id);
"""
_LETTER = "id, kind, subject, error, failed_at, request, rows"


class SqliteState(SqliteFile):
    """The `StateStore` and the `DeadLetters` of a laptop."""

    tables = _TABLES
    if_damaged = (
        "is not readable as the state store ({error}). Put it aside with 'snowpipe state rebuild': "
        "watermarks come back from the bronze log; waiting dead letters are lost."
    )

    def set_aside(self) -> str | None:
        return self._set_aside()

    def watermark(self, query: str) -> str | None:
        rows = self._read("SELECT value FROM watermarks WHERE query = ?", query)
        return str(rows[0][0]) if rows else None

    def advance_watermark(self, query: str, *, expected: str | None, new: str | None) -> bool:
        with self._transaction() as database:
            if new is None:
                done = database.execute("DELETE FROM watermarks WHERE query = ? AND value = ?", (query, expected))
            elif expected is None:
                done = database.execute(
                    "INSERT INTO watermarks VALUES (?, ?) ON CONFLICT (query) DO NOTHING", (query, new)
                )
            else:
                done = database.execute(
                    "UPDATE watermarks SET value = ? WHERE query = ? AND value = ?", (new, query, expected)
                )
            return done.rowcount == 1

    @contextmanager
    def lease(self, resource: str, *, holder: str) -> Iterator[Lease]:
        lease = self._acquire(resource, holder)
        try:
            yield lease
        finally:
            self._free(lease)

    def verify(self, lease: Lease) -> None:
        with self._transaction() as database:
            row = database.execute("SELECT token FROM leases WHERE resource = ?", (lease.resource,)).fetchone()
        if row is None or row[0] != lease.token:
            msg = f"{lease.resource}: another run took the lease over while this one was working; nothing was written"
            raise LeaseHeldError(msg)

    def leases(self) -> list[HeldLease]:
        held = "SELECT resource, holder, host, pid, started, expires_at FROM leases WHERE holder IS NOT NULL ORDER BY 1"
        return [
            HeldLease(resource, holder, host, pid, is_alive=_is_alive(host, pid, *since))
            for resource, holder, host, pid, *since in self._read(held)
        ]

    def put(self, *letters: DeadLetter) -> None:
        values = [
            (r.id, r.kind, r.subject, r.error, r.failed_at.isoformat(), json.dumps(dict(r.request)), json.dumps(r.rows))
            for r in letters
        ]
        kept = (
            "INSERT OR REPLACE INTO dead_letters SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE ?2 <> 'rows' OR NOT EXISTS "
            "(SELECT 1 FROM closed_letters WHERE id = ?1 AND outcome = 'discarded')"
        )
        with self._transaction() as database:
            database.executemany(kept, values)

    def all(self) -> list[DeadLetter]:
        waiting = f"SELECT {_LETTER} FROM dead_letters ORDER BY failed_at, id"  # noqa: S608
        return [_letter(row) for row in self._read(waiting)]

    def close(self, ids: Collection[str], closing: Closing) -> None:
        about = (closing.outcome, closing.by, closing.reason, closing.closed_at.isoformat())
        with self._transaction() as database:
            database.executemany(
                f"INSERT INTO closed_letters SELECT {_LETTER}, ?, ?, ?, ? FROM dead_letters WHERE id = ?",  # noqa: S608
                [(*about, each) for each in ids],
            )
            database.executemany("DELETE FROM dead_letters WHERE id = ?", [(each,) for each in ids])

    def closed(self) -> list[ClosedLetter]:
        about = "outcome, closed_by, reason, closed_at"
        rows = self._read(f"SELECT {_LETTER}, {about} FROM closed_letters ORDER BY closed_at, rowid")  # noqa: S608
        return [ClosedLetter(_letter(row), _closing(*row[7:])) for row in rows]

    def _acquire(self, resource: str, holder: str) -> Lease:
        with self._transaction() as database:
            row = database.execute(
                "SELECT holder, token, host, pid, started, expires_at FROM leases WHERE resource = ?", (resource,)
            ).fetchone()
            if row is not None and row[0] is not None and _is_alive(*row[2:]):
                msg = (
                    f"{resource}: run {row[0]} (process {row[3]} on {row[2]}) is writing it. Try again when it is done."
                )
                raise LeaseHeldError(msg)
            # A store made anew gives out no token that a run of the one before may still hold.
            token = time.time_ns() // 1_000 if row is None else row[1] + 1
            me = (socket.gethostname(), os.getpid(), _started(os.getpid()), time.time() + LEASE_SECONDS)
            database.execute(
                "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?, ?, ?)", (resource, holder, token, *me)
            )
        return Lease(resource, holder, token)

    def _free(self, lease: Lease) -> None:
        with self._transaction() as database:
            database.execute(
                "UPDATE leases SET holder = NULL WHERE resource = ? AND token = ?", (lease.resource, lease.token)
            )


def _letter(row: Sequence[Any]) -> DeadLetter:
    """The first columns of a row, in the order of `_LETTER`."""
    identifier, kind, subject, error, failed_at, request, rows, *_ = row
    told = json.loads(request), tuple(json.loads(rows))
    return DeadLetter(identifier, kind, subject, error, datetime.fromisoformat(failed_at), *told)


def _closing(outcome: Any, by: str, reason: str, closed_at: str) -> Closing:  # noqa: ANN401 - one of the words
    return Closing(outcome, by, reason, datetime.fromisoformat(closed_at))


def _is_alive(host: str, pid: int, started: str | None, expires_at: float) -> bool:
    """Whether the holder still runs. A process id is given out again, so its start has to agree too."""
    if host != socket.gethostname():
        return time.time() < expires_at
    return is_running(pid) and (started is None or _started(pid) == started)


def _started(pid: int) -> str | None:
    """When the process began, in the kernel's ticks; None where the system does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf8")
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[19]  # field 22 of proc(5); the name before ')' may hold spaces

"""The registry of models: a SQLite file, and a folder for the artefact of each version."""

import json
import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from snowpipe_platform.backends.folders import make_folder
from snowpipe_platform.backends.sqlite_file import SqliteFile
from snowpipe_platform.errors import CommitConflictError, ModelError, openable
from snowpipe_platform.serving.artefact import folder_hash
from snowpipe_platform.spec.evaluation import evaluation_from
from snowpipe_platform.spec.gates import GateResult
from snowpipe_platform.spec.model_version import Candidate, Decision, ModelVersion, Served

_TABLES = """
CREATE TABLE IF NOT EXISTS versions (
    model TEXT NOT NULL, number INTEGER NOT NULL, evaluation TEXT NOT NULL, parameters TEXT NOT NULL,
    code_version TEXT NOT NULL, training_set TEXT NOT NULL, lineage TEXT NOT NULL, run_id TEXT NOT NULL,
    registered_at TEXT NOT NULL, artefact TEXT NOT NULL, artefact_hash TEXT NOT NULL,
    PRIMARY KEY (model, number)
) STRICT;
CREATE TABLE IF NOT EXISTS decisions (
    model TEXT NOT NULL, number INTEGER NOT NULL, place INTEGER NOT NULL, stage TEXT NOT NULL, decided_by TEXT NOT NULL,
    decided_at TEXT NOT NULL, reason TEXT NOT NULL, gates TEXT NOT NULL, override TEXT NOT NULL,
    PRIMARY KEY (model, number, place)
) STRICT;
CREATE TABLE IF NOT EXISTS served (
    place INTEGER PRIMARY KEY, model TEXT NOT NULL, number INTEGER NOT NULL, action TEXT NOT NULL,
    wanted_by TEXT NOT NULL, served_at TEXT NOT NULL, reason TEXT NOT NULL
) STRICT;
"""
_VERSION = (
    "number, evaluation, parameters, code_version, training_set, lineage, run_id, "
    "registered_at, artefact, artefact_hash"
)
_DECISION = "stage, decided_by, decided_at, reason, gates, override"
_STAGED = ".staged"


class SqliteRegistry(SqliteFile):
    """The `ModelRegistry` of a laptop. A version's files are in `<folder>/<model>/<number>`, never written again."""

    tables = _TABLES
    if_damaged = (
        "is not readable as the model registry ({error}). Restore it from a backup: it alone knows what was approved; "
        "the artefacts beside it are whole."
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "registry.db")
        self._folder = folder

    def models(self) -> list[str]:
        return [model for (model,) in self._read("SELECT DISTINCT model FROM versions ORDER BY 1")]

    def register(self, candidate: Candidate, *, artefact: Path) -> ModelVersion:
        files = folder_hash(artefact)
        parameters = json.dumps(dict(candidate.parameters), sort_keys=True)
        same = (candidate.model, files, candidate.training_set, candidate.code_version, parameters)
        with self._transaction() as database:
            known = database.execute(
                "SELECT number FROM versions WHERE (model, artefact_hash, training_set, code_version, parameters) "
                "= (?, ?, ?, ?, ?)",
                same,
            ).fetchone()
            if known is None:
                number = _next_number(database, candidate.model)
                values = (
                    *(json.dumps(dict(candidate.evaluation.document)), parameters),
                    *(candidate.code_version, candidate.training_set, json.dumps(dict(candidate.lineage))),
                    *(candidate.run_id, datetime.now(UTC).replace(tzinfo=None).isoformat()),
                    *(str(self._keep(artefact, candidate.model, number)), files),
                )
                insert = f"INSERT INTO versions (model, {_VERSION}) VALUES ({', '.join('?' * 11)})"  # noqa: S608
                database.execute(insert, (candidate.model, number, *values))
            number = number if known is None else known[0]
        return self._version(candidate.model, number)

    def versions(self, model: str) -> list[ModelVersion]:
        decided: dict[int, list[Decision]] = {}
        rows = self._read(f"SELECT number, {_DECISION} FROM decisions WHERE model = ? ORDER BY 1, place", model)  # noqa: S608
        for number, *columns in rows:
            decided.setdefault(number, []).append(_decision(columns))
        found = self._read(f"SELECT {_VERSION} FROM versions WHERE model = ? ORDER BY 1", model)  # noqa: S608
        return [self._model_version(model, row, decided.get(row[0], [])) for row in found]

    def artefact(self, version: ModelVersion) -> Path:
        folder = self._folder / version.artefact
        named = f"{version.candidate.model} version {version.number}: {openable(folder)}"
        if not folder.is_dir():
            raise ModelError(f"{named} is gone. Restore it from a backup, or train again.")
        if folder_hash(folder) != version.artefact_hash:
            raise ModelError(f"{named} has other files than were registered. Restore it from a backup, or train again.")
        return folder

    def decide(self, version: ModelVersion, decision: Decision) -> ModelVersion:
        model, number, place = version.candidate.model, version.number, len(version.decisions)
        gates = json.dumps([asdict(gate) for gate in decision.gates])
        told = (decision.stage, decision.by, decision.at.isoformat(), decision.reason, gates, decision.override)
        with self._transaction() as database:
            count = "SELECT count(*) FROM decisions WHERE model = ? AND number = ?"
            if database.execute(count, (model, number)).fetchone()[0] != place:
                msg = f"{model} version {number}: somebody else decided about it meanwhile. Look at it again."
                raise CommitConflictError(msg)
            database.execute("INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (model, number, place, *told))
        return self._version(model, number)

    def record_served(self, model: str, served: Served) -> None:
        told = (model, served.version, served.action, served.by, served.at.isoformat(), served.reason)
        with self._transaction() as database:
            columns = "model, number, action, wanted_by, served_at, reason"
            database.execute(f"INSERT INTO served ({columns}) VALUES (?, ?, ?, ?, ?, ?)", told)  # noqa: S608

    def served(self, model: str) -> list[Served]:
        told = "SELECT number, action, wanted_by, served_at, reason FROM served WHERE model = ? ORDER BY place"
        return [
            Served(version=number, action=action, by=by, at=datetime.fromisoformat(at), reason=reason)
            for number, action, by, at, reason in self._read(told, model)
        ]

    def _version(self, model: str, number: int) -> ModelVersion:
        return next(version for version in self.versions(model) if version.number == number)

    def _model_version(self, model: str, row: Sequence[Any], decisions: Sequence[Decision]) -> ModelVersion:
        number, evaluation, parameters, code_version, training_set, lineage, run_id, registered_at, *files = row
        candidate = Candidate(
            model=model,
            evaluation=evaluation_from(evaluation, source=str(self._path)),
            parameters=json.loads(parameters),
            code_version=code_version,
            training_set=training_set,
            lineage=json.loads(lineage),
            run_id=run_id,
        )
        return ModelVersion(
            number=number,
            candidate=candidate,
            registered_at=datetime.fromisoformat(registered_at),
            artefact=files[0],
            artefact_hash=files[1],
            decisions=tuple(decisions),
        )

    def _keep(self, artefact: Path, model: str, number: int) -> Path:
        """Copy the files to the version's folder, whole or not at all; what a killed registration left goes first. The
        transaction keeps others out. The path is relative, so that the home may be moved."""
        place, staged = self._folder / model / str(number), self._folder / model / _STAGED
        for leftover in (place, staged):
            if leftover.exists():
                shutil.rmtree(leftover)
        make_folder(place.parent)
        shutil.copytree(artefact, staged)
        staged.rename(place)
        return place.relative_to(self._folder)


def _next_number(database: sqlite3.Connection, model: str) -> int:
    found = database.execute("SELECT coalesce(max(number), 0) + 1 FROM versions WHERE model = ?", (model,)).fetchone()
    return int(found[0])


def _decision(columns: Sequence[str]) -> Decision:
    stage, by, at, reason, gates, override = columns
    return Decision(
        stage="approved" if stage == "approved" else "rejected",
        by=by,
        at=datetime.fromisoformat(at),
        reason=reason,
        gates=tuple(GateResult(**gate) for gate in json.loads(gates)),
        override=override,
    )

"""Training sets in a folder: a file named by its content, and a record beside it."""

import json
import os
import uuid
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from snowpipe_platform.backends.folders import make_folder
from snowpipe_platform.errors import LakeError
from snowpipe_platform.records import TrainingSetRecord
from snowpipe_platform.spec.consumption import UpstreamCommit


class LocalTraining:
    """The `TrainingSetStore` of a laptop: `<root>/<name>/<hash>.parquet` and `<hash>.json`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, record: TrainingSetRecord, file: bytes) -> TrainingSetRecord:
        folder = self._root / record.name
        make_folder(folder)
        _write_once(folder / f"{record.hash}.parquet", file)
        path = folder / f"{record.hash}.json"
        _write_once(path, (json.dumps(_encoded(record), indent=2) + "\n").encode())
        return _read(path)

    def all(self, name: str) -> list[TrainingSetRecord]:
        found = [_read(path) for path in sorted((self._root / name).glob("*.json"))]
        return sorted(found, key=lambda record: (record.created_at, record.hash))

    def locate(self, record: TrainingSetRecord) -> str:
        return str(self._root.resolve() / record.name / f"{record.hash}.parquet")


def _write_once(path: Path, content: bytes) -> None:
    """Whole or not at all; what is there stays."""
    new = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        new.write_bytes(content)
        with suppress(FileExistsError):
            os.link(new, path)
    finally:
        new.unlink(missing_ok=True)


def _encoded(record: TrainingSetRecord) -> dict[str, Any]:
    return {
        "name": record.name,
        "hash": record.hash,
        "rows": record.rows,
        "first_label": record.first_label_at.isoformat(),
        "last_label": record.last_label_at.isoformat(),
        "feature_group": record.feature_group,
        "feature_group_version": record.feature_group_version,
        "features": [{"name": name, "default": default} for name, default in record.defaults.items()],
        "inputs": {
            name: {"snapshot_id": one.snapshot_id, "content_id": one.content_id, "number": one.number}
            for name, one in record.inputs.items()
        },
        "code_version": record.code_version,
        "created": record.created_at.isoformat(),
    }


def _read(path: Path) -> TrainingSetRecord:
    try:
        stored = json.loads(path.read_text("utf-8"))
        return TrainingSetRecord(
            name=stored["name"],
            hash=stored["hash"],
            rows=stored["rows"],
            first_label_at=datetime.fromisoformat(stored["first_label"]),
            last_label_at=datetime.fromisoformat(stored["last_label"]),
            feature_group=stored["feature_group"],
            feature_group_version=stored["feature_group_version"],
            defaults={one["name"]: one["default"] for one in stored["features"]},
            inputs={
                name: UpstreamCommit(one["snapshot_id"], one["number"], one["content_id"])
                for name, one in stored["inputs"].items()
            },
            code_version=stored["code_version"],
            created_at=datetime.fromisoformat(stored["created"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise LakeError(
            f"{path} is no record of a training set ({error}). Remove it and make the set again."
        ) from error

"""Bronze in a local folder: open Parquet or JSON lines files, and a numbered log of manifests beside them."""

import os
import shutil
import uuid
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from snowpipe_platform.backends.json_lines import write_json_lines
from snowpipe_platform.errors import CommitConflictError, LakeError
from snowpipe_platform.ports import BronzeAttempt
from snowpipe_platform.spec.manifest import BronzeFile, Manifest

LOG_FOLDER = "_log"
ATTEMPT_PREFIX = "extraction="
COMPRESSION = "zstd"


class LocalBronze:
    """The `BronzeStore` of a laptop."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def entities(self) -> list[str]:
        return sorted(path.parent.name for path in self._root.glob(f"*/{LOG_FOLDER}"))

    def log(self, entity: str) -> list[Manifest]:
        paths = sorted((self._root / entity / LOG_FOLDER).glob("*.json"))
        manifests = [_read(path) for path in paths]
        for position, manifest in enumerate(manifests, start=1):
            if manifest.number != position:
                msg = f"bronze/{entity}: manifest {position} is missing from {self._root / entity / LOG_FOLDER}. Restore it."
                raise LakeError(msg)
        return manifests

    def begin(self, entity: str, *, load_day: date, extraction_id: str, file_format: str) -> BronzeAttempt:
        folder = self._root / entity / f"year={load_day:%Y}" / f"month={load_day:%m}" / f"day={load_day:%d}"
        return _LocalAttempt(self._root, folder / f"{ATTEMPT_PREFIX}{extraction_id}", file_format)

    def commit(self, manifest: Manifest) -> None:
        """A hard link appears whole or not at all, and never over another."""
        folder = self._root / manifest.entity / LOG_FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        final = folder / f"{manifest.number:09d}.json"
        draft = folder / f".{uuid.uuid4().hex}.draft"
        with draft.open("w", encoding="utf8") as file:
            file.write(manifest.model_dump_json(indent=1))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, final)
        except FileExistsError as error:
            msg = f"bronze/{manifest.entity}: another extraction committed number {manifest.number} first"
            raise CommitConflictError(msg) from error
        finally:
            draft.unlink()
        _sync_folder(folder)

    def locate(self, file: BronzeFile) -> str:
        return str(self._root / file.path)

    def remove_abandoned(self, entity: str) -> list[str]:
        named = {Path(file.path).parent.name for manifest in self.log(entity) for file in manifest.files}
        abandoned = [
            folder
            for folder in (self._root / entity).glob(f"year=*/month=*/day=*/{ATTEMPT_PREFIX}*")
            if folder.name not in named
        ]
        for folder in abandoned:
            shutil.rmtree(folder)
        for draft in (self._root / entity / LOG_FOLDER).glob(".*.draft"):
            draft.unlink()
        return [str(folder.relative_to(self._root)) for folder in abandoned]


class _LocalAttempt:
    def __init__(self, root: Path, folder: Path, file_format: str) -> None:
        self._root, self._folder, self._format = root, folder, file_format
        self._files = 0

    def write(self, rows: pa.Table, *, watermark_min: str | None, watermark_max: str | None) -> BronzeFile:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"part-{self._files:05d}.{'parquet' if self._format == 'parquet' else 'jsonl'}"
        self._files += 1
        with path.open("xb") as file:
            if self._format == "parquet":
                pq.write_table(rows, file, compression=COMPRESSION)
            else:
                write_json_lines(rows, file)
            file.flush()
            os.fsync(file.fileno())
        return BronzeFile(
            path=str(path.relative_to(self._root)),
            rows=rows.num_rows,
            size_bytes=path.stat().st_size,
            watermark_min=watermark_min,
            watermark_max=watermark_max,
        )

    def discard(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _read(path: Path) -> Manifest:
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValueError as error:
        msg = f"{path} is no manifest: {error}. Restore it from a backup."
        raise LakeError(msg) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Bronze in a local folder: open Parquet or JSON lines files, and a numbered log of manifests beside them."""

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from snowpipe_platform.backends.json_lines import write_json_lines
from snowpipe_platform.backends.local_arrivals import ARRIVALS_FOLDER, LocalArrivals
from snowpipe_platform.errors import CommitConflictError, LakeError
from snowpipe_platform.ports import BronzeAttempt
from snowpipe_platform.records import Arrival
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
        folder = self._root / entity / LOG_FOLDER
        paths = _committed(folder)
        if _first_missing(paths) is not None:
            # A listing taken while runs commit may lack a number and have the next; a second look has both.
            paths = _committed(folder)
        if (missing := _first_missing(paths)) is not None:
            msg = f"bronze/{entity}: manifest {missing} is missing from {folder}. Restore it."
            raise LakeError(msg)
        return [_read(path) for path in paths]

    def begin(self, entity: str, *, folder: str, extraction_id: str, file_format: str) -> BronzeAttempt:
        home = self._root / entity
        return _LocalAttempt(self._root, home, home / folder / f"{ATTEMPT_PREFIX}{extraction_id}", file_format)

    def commit(self, manifest: Manifest) -> None:
        """A hard link appears whole or not at all, and never over another."""
        folder = self._root / manifest.entity / LOG_FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        _sync_folders({self._root / parent for file in manifest.files for parent in Path(file.path).parents})
        final = folder / f"{manifest.number:09d}.json"
        draft = folder / f".{uuid.uuid4().hex}.draft"
        try:
            with draft.open("w", encoding="utf8") as file:
                file.write(manifest.model_dump_json(indent=1))
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, final)
        except FileExistsError as error:
            msg = f"bronze/{manifest.entity}: another extraction committed number {manifest.number} first"
            raise CommitConflictError(msg) from error
        finally:
            draft.unlink(missing_ok=True)
        _sync_folders([folder])

    def locate(self, file: BronzeFile) -> str:
        return str(self._root / file.path)

    def damage(self, file: BronzeFile) -> str | None:
        path = self._root / file.path
        try:
            size = path.stat().st_size
            if size != file.size_bytes:
                return f"has {size:,} bytes where {file.size_bytes:,} were written"
            if file.sha256 is None:
                return None
            with path.open("rb") as found:
                is_same = hashlib.file_digest(found, "sha256").hexdigest() == file.sha256
        except FileNotFoundError:
            return "is missing"
        except OSError as error:
            return f"cannot be read ({error.strerror})"
        return None if is_same else "has other bytes than were written"

    def abandoned(self, entity: str) -> dict[str, int]:
        return {
            folder.relative_to(self._root).as_posix(): sum(file.stat().st_size for file in folder.rglob("*"))
            for folder in self._abandoned(entity)
        }

    def remove_abandoned(self, entity: str) -> list[str]:
        home, abandoned = self._root / entity, self._abandoned(entity)
        for folder in abandoned:
            _remove(folder, home)
        for draft in (home / LOG_FOLDER).glob(".*.draft"):
            draft.unlink()
        return [str(folder.relative_to(self._root)) for folder in abandoned]

    def arrival_entities(self) -> list[str]:
        return sorted(path.parent.name for path in self._root.glob(f"*/{ARRIVALS_FOLDER}/"))

    def arrivals(self, entity: str) -> list[Arrival]:
        return self._arrivals(entity).all()

    def arrival(self, entity: str, path: str) -> Arrival | None:
        return self._arrivals(entity).one(path)

    def open_arrival(self, entity: str, path: str) -> BinaryIO:
        return self._arrivals(entity).open(path)

    def _arrivals(self, entity: str) -> LocalArrivals:
        return LocalArrivals(self._root / entity / ARRIVALS_FOLDER)

    def _abandoned(self, entity: str) -> list[Path]:
        named = {Path(file.path).parent.name for manifest in self.log(entity) for file in manifest.files}
        return [folder for folder in _attempts(self._root / entity) if folder.name not in named]


class _LocalAttempt:
    def __init__(self, root: Path, home: Path, folder: Path, file_format: str) -> None:
        self._root, self._home, self._folder, self._format = root, home, folder, file_format
        self._files = 0

    def write(self, rows: pa.Table, *, watermark_min: str | None, watermark_max: str | None) -> BronzeFile:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"part-{self._files:05d}.{'parquet' if self._format == 'parquet' else 'jsonl'}"
        self._files += 1
        with path.open("xb") as file:
            digested = _Digested(file)
            if self._format == "parquet":
                pq.write_table(rows, digested, compression=COMPRESSION)
            else:
                write_json_lines(rows, digested)
            file.flush()
            os.fsync(file.fileno())
        return BronzeFile(
            path=path.relative_to(self._root).as_posix(),
            rows=rows.num_rows,
            size_bytes=path.stat().st_size,
            watermark_min=watermark_min,
            watermark_max=watermark_max,
            sha256=digested.sha256,
        )

    def discard(self) -> None:
        with suppress(OSError):
            _remove(self._folder, self._home)


class _Digested:
    """A file that is written from its beginning to its end, and the digest of what was to be in it: bytes that the disk
    changes are not the writer's."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._digest = file, hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def _attempts(home: Path) -> list[Path]:
    """Folders of attempts; what others dropped may be called like one, and is none."""
    inside = [found for found in home.glob("*/") if found.name != ARRIVALS_FOLDER]
    below = [found for folder in inside for found in folder.glob(f"**/{ATTEMPT_PREFIX}*")]
    return [*(folder for folder in inside if folder.name.startswith(ATTEMPT_PREFIX)), *below]


def _committed(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.json") if path.stem.isdigit())


def _first_missing(paths: Sequence[Path]) -> int | None:
    return next((number for number, path in enumerate(paths, start=1) if int(path.stem) != number), None)


def _remove(folder: Path, home: Path) -> None:
    """The folder, and the folders of its day that are empty then."""
    if folder.exists():
        shutil.rmtree(folder)
    with suppress(OSError):
        for parent in folder.parents:
            if parent == home:
                break
            parent.rmdir()


def _read(path: Path) -> Manifest:
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValueError as error:
        msg = f"{path} is no manifest: {error}. Restore it from a backup."
        raise LakeError(msg) from error


def _sync_folders(folders: Iterable[Path]) -> None:
    """What was made in a folder survives a power cut once the folder itself is on disk."""
    for folder in folders:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

"""What a trial's folder holds, read without the platform's reader where there is another way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.spec.manifest import DELETE, INSTANT, NANOSECONDS, OPERATION, ROW_NUMBER
from snowpipe_platform_tests.kit import Row, bronze_manifests, data_files, file_rows
from snowpipe_platform_tests.ledger import rows_in
from snowpipe_platform_tests.torture.shapes import Shape
from snowpipe_platform_tests.torture.source import Version
from snowpipe_platform_tests.torture.work import CHANGES, ENTITY, FACTS

Origin = tuple[int, int]
"""Number of the manifest, and of the row in its extraction."""


@dataclass(frozen=True)
class LandedRow:
    """A row of bronze. version: of a tombstone, its key and nothing else. digits: of the instant, below a microsecond.
    is_compared: a comparison of keys landed it."""

    origin: Origin
    version: Version
    instant: datetime
    digits: int
    is_delete: bool
    is_compared: bool

    @property
    def is_valid(self) -> bool:
        """Whether the changes table accepts it."""
        return self.is_delete or self.version.amount.isdigit()

    @property
    def order(self) -> tuple[datetime, int, Origin]:
        """Of two changes of a key the greater stands."""
        return self.instant, self.digits, self.origin


def manifests(bronze: Path) -> list[Row]:
    return bronze_manifests(bronze, ENTITY)


def landed_rows(bronze: Path, shape: Shape) -> list[LandedRow]:
    """Rows of the committed files that are there, by manifest, file and position."""
    return [
        _landed(row, manifest, shape)
        for manifest in manifests(bronze)
        for file in manifest["files"]
        if (bronze / file["path"]).exists()
        for row in file_rows(bronze / file["path"], manifest)
    ]


def missing_files(bronze: Path) -> list[str]:
    """Files that a manifest names and nobody finds."""
    named = [file["path"] for manifest in manifests(bronze) for file in manifest["files"]]
    return [path for path in named if not (bronze / path).exists()]


def _landed(row: Row, manifest: Row, shape: Shape) -> LandedRow:
    is_delete = row[OPERATION] == DELETE
    version = Version(row["id"], "" if is_delete else row["amount"], None if is_delete else shape.mark_of(row))
    return LandedRow(
        origin=(manifest["number"], row[ROW_NUMBER]),
        version=version,
        instant=row[INSTANT],
        digits=row[NANOSECONDS],
        is_delete=is_delete,
        is_compared=manifest["kind"] == "comparison",
    )


def stray_paths(bronze: Path) -> list[str]:
    """Files and folders that no manifest names."""
    committed = {file["path"] for manifest in manifests(bronze) for file in manifest["files"]}
    files = [path for path in data_files(bronze) if path not in committed]
    drafts = [str(path.relative_to(bronze)) for path in bronze.rglob(".*.draft")]
    named = {Path(path).parent for path in committed}
    folders = [path.relative_to(bronze) for path in bronze.rglob("extraction=*")]
    return [*files, *drafts, *(str(folder) for folder in folders if folder not in named)]


def change_rows(ground: Ground) -> list[tuple[Any, ...]]:
    """(manifest, row, status, operation, id, amount, instant) of the changes table."""
    columns = "manifest_number, source_row, change_status, change_type, id, amount, changed_at"
    return _table_rows(ground, CHANGES, columns)


def fact_rows(ground: Ground) -> list[tuple[Any, ...]]:
    """(id, amount) of the facts."""
    return _table_rows(ground, FACTS, "id, amount")


def _table_rows(ground: Ground, table: str, columns: str) -> list[tuple[Any, ...]]:
    state = ground.lake.state(table)
    files = [] if state is None else ground.lake.files(table, snapshot_id=state.snapshot_id)
    return rows_in([file.path for file in files], columns)


def latest_of(rows: Sequence[LandedRow]) -> dict[int, LandedRow]:
    """Of each key the change that stands."""
    return {row.version.id: row for row in sorted(rows, key=lambda row: row.order)}

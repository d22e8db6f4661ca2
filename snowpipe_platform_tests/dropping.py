"""Drop files for an entity as somebody with a shell would, and adopt them.

drop(world.bronze_folder, "orders", "march.csv", csv_text([{"id": 1, "updated_at": "2024-03-01"}]))
adopt(world, "march.csv").summary
"""

import json
import os
import time
from collections.abc import Sequence
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from snowpipe_platform.execution.adoption import AdoptionRequest, AdoptionResult
from snowpipe_platform.execution.adoption import adopt as adopt_files
from snowpipe_platform.execution.arrivals import current_load_day
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform_tests.kit import SOURCE_SYSTEM, World

SETTLED_SECONDS = 60
ADOPTER = RunIdentity(run_id="adopter", job="test")


def drop(bronze: Path, entity: str, path: str, content: str | bytes, *, age: float = SETTLED_SECONDS) -> Path:
    """The file, last written to `age` seconds ago."""
    file = bronze / entity / "arrivals" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    written = time.time() - age
    os.utime(file, (written, written))
    return file


def request(world: World, *paths: str, day: date | None = None) -> AdoptionRequest:
    """Of a run for the day that is current at the source, unless told."""
    return AdoptionRequest(world.query, SOURCE_SYSTEM, day or current_load_day(world.ground), ADOPTER, paths)


def adopt(world: World, *paths: str) -> AdoptionResult:
    return adopt_files(request(world, *paths), world.ground)


def fates(result: AdoptionResult) -> dict[str, tuple[str, int, int]]:
    """What became of each file: its fate, new rows, rows known before."""
    return {
        file.path: (
            file.fate.value,
            file.manifest.rows_landed if file.manifest else 0,
            file.manifest.rows_known if file.manifest else 0,
        )
        for file in result.files
    }


Rows = Sequence[dict[str, Any]]


def csv_text(rows: Rows) -> str:
    """A header and the rows. None is nothing between the commas, an empty text two quotes."""

    def cell(value: Any) -> str:
        return "" if value is None else '"' + str(value).replace('"', '""') + '"'

    return "".join(",".join(map(cell, line)) + "\n" for line in [list(rows[0]), *(row.values() for row in rows)])


def json_text(rows: Rows) -> str:
    return "".join(json.dumps(row, default=str, ensure_ascii=False) + "\n" for row in rows)


def parquet_bytes(rows: Rows, schema: pa.Schema | None = None) -> bytes:
    buffer = BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), schema), buffer)
    return buffer.getvalue()


WRITERS = {"csv": csv_text, "jsonl": json_text, "parquet": parquet_bytes}
"""By the ending of the file."""

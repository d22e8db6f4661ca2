"""What tests of maintenance share: a maintenance as of a chosen time, and what is on a table's disk."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from snowpipe_platform.execution.ground import Ground, RunIdentity
from snowpipe_platform.execution.maintenance import Maintained, Maintenance, maintain
from snowpipe_platform.execution.maintenance_plan import Upkeep
from snowpipe_platform.records import TableState
from snowpipe_platform_tests.ledger import rows_in

IDENTITY = RunIdentity(run_id="maintenance", job="test")


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def next_month() -> datetime:
    """Everything there is now is old then."""
    return now() + timedelta(days=30)


def maintained(ground: Ground, *names: str, at: datetime | None = None, **options: Any) -> dict[str, Maintained]:
    """Maintain as of `at`, by default next month; options: of Upkeep, and `is_dry`, `progress`."""
    run = {key: options.pop(key) for key in ("is_dry", "progress") if key in options}
    upkeep = Upkeep(now=at or next_month(), **options)
    found = maintain(Maintenance(names=names, identity=IDENTITY, upkeep=upkeep, **run), ground)
    return {one.name: one for one in found}


def rows_of(ground: Ground, state: TableState, columns: str = "*") -> list[tuple[Any, ...]]:
    """Rows of a state, sorted; read without the platform."""
    return rows_in([file.path for file in ground.lake.files(state.name, snapshot_id=state.snapshot_id)], columns)


def on_disk(ground: Ground, table: str, pattern: str = "*.parquet") -> set[str]:
    return {str(path) for path in Path(ground.lake.location(table)).rglob(pattern) if path.is_file()}


IDS_OF_THINGS = {"id": (pa.int64(), "1"), "name": (pa.string(), "2")}


def stage_quickly(folder: str, *ids: int) -> str:
    """One file of `things` as an engine would have written it, without starting one."""
    fields = [
        pa.field(name, dtype, metadata={"PARQUET:field_id": number}) for name, (dtype, number) in IDS_OF_THINGS.items()
    ]
    path = Path(folder) / f"{ids[0]:04d}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table([list(ids), [str(one) for one in ids]], schema=pa.schema(fields)), path)
    return str(path)


class Meddling:
    """An adapter that does something of somebody else's before the first call of one method."""

    def __init__(self, inner: Any, method: str, deed: Callable[[], object]) -> None:
        self._inner, self._method, self._deeds = inner, method, [deed]

    def __getattr__(self, name: str) -> Any:
        if name == self._method and self._deeds:
            self._deeds.pop()()
        return getattr(self._inner, name)

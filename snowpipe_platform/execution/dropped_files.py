"""Which form a dropped file has, by its ending."""

import gzip
from collections.abc import Callable, Mapping
from typing import BinaryIO, cast

from snowpipe_platform.errors import ArrivalError
from snowpipe_platform.execution.dropped import Dropped, Opener, readable
from snowpipe_platform.execution.dropped_csv import open_csv
from snowpipe_platform.execution.dropped_json import open_json
from snowpipe_platform.execution.dropped_parquet import open_parquet

FORMS: Mapping[str, Callable[[str, Opener], Dropped]] = {
    ".parquet": open_parquet,
    ".csv": open_csv,
    ".jsonl": open_json,
    ".ndjson": open_json,
    ".json": open_json,
}
PACKED = ".gz"
"""May follow the ending of a text file."""


def open_dropped(name: str, opened: Opener) -> Dropped:
    """name: as errors call it, with the ending. Raises ArrivalError for another ending or a file of another form."""
    plain = name.lower().removesuffix(PACKED)
    is_packed = plain != name.lower()
    form = next((form for ending, form in FORMS.items() if plain.endswith(ending)), None)
    if form is None or (is_packed and form is open_parquet):
        known = ", ".join([*FORMS, ".csv.gz", ".jsonl.gz"])
        raise ArrivalError(f"{name}: its ending does not say how to read it. Write it as one of {known}.")
    with readable(name):
        return form(name, (lambda: cast("BinaryIO", _Unpacked(opened()))) if is_packed else opened)


class _Unpacked(gzip.GzipFile):
    """Closes what it reads from, too."""

    def __init__(self, packed: BinaryIO) -> None:
        super().__init__(fileobj=packed, mode="rb")
        self._packed = packed

    def close(self) -> None:
        super().close()
        self._packed.close()

"""A file somebody dropped: its columns, and its rows batch by batch. Each form of file has a module of its own."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import pyarrow as pa

from snowpipe_platform.errors import ArrivalError

Opener = Callable[[], BinaryIO]
"""Opens the file's bytes from the beginning, as often as it is asked to."""


@dataclass(frozen=True)
class Numbered:
    """A batch of rows, and the number of each in its file, counted from 1."""

    rows: pa.RecordBatch
    numbers: Sequence[int]


class Batches(Protocol):
    def __call__(self, columns: Sequence[str] | None) -> Iterator[Numbered]: ...


@dataclass(frozen=True)
class Dropped:
    """A file whose form is proved. schema: its columns in lower case, text where the file has no types.

    name: as errors call it. counted: what `Numbered.numbers` count, `row` or `line`.
    """

    name: str
    schema: pa.Schema
    has_types: bool
    counted: str
    read: Batches

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[Numbered]:
        """Its rows in order, all columns or those named. Raises ArrivalError for what cannot be read."""
        with readable(self.name):
            yield from self.read(columns)


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Raises ArrivalError for what Arrow, zlib and the system say of a file, without the rows they quote."""
    try:
        yield
    except (pa.ArrowException, OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).partition(":")[0]
        raise ArrivalError(f"{name} cannot be read: {reason.strip().rstrip('.')}. Write the file again.") from error


def column_names(name: str, header: Sequence[str]) -> list[str]:
    """The header in lower case. Raises ArrivalError for a column without a name, or twice the same."""
    names = [column.lower() for column in header]
    for place, column in enumerate(names, start=1):
        if not column.strip():
            raise ArrivalError(f"{name}: column {place} has no name. Name it in the header, or leave it out.")
        if names.count(column) > 1:
            raise ArrivalError(f"{name}: column {column!r} is there {names.count(column)} times. Leave one.")
    return names

"""Where a table lives. Iceberg's metadata holds absolute paths, so a lake works in the folder it was made in only."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from snowpipe_platform.errors import LakeError

if TYPE_CHECKING:
    from pyiceberg.table import Table as IcebergTable

_FILE = re.compile(r"(?:file://)?(/.+?\.(?:metadata\.json|avro))")


def path_of(uri: str) -> str:
    return uri.removeprefix("file://")


def require_own(name: str, table: "IcebergTable", root: Path) -> None:
    """Raises LakeError for a table of another lake: a copied home would write into the one it was copied from."""
    place = Path(path_of(table.location()))
    if not _is_within(place, root):
        raise _elsewhere(name, place, root)


@contextmanager
def reading_metadata(name: str, root: Path) -> Iterator[None]:
    """Raises LakeError for a metadata file that is gone: with the whole lake, when the home was moved, or alone."""
    try:
        yield
    except FileNotFoundError as error:
        found = _FILE.search(str(error))
        path = Path(found[1]) if found else None
        if path is not None and not _is_within(path, root):
            raise _elsewhere(name, path.parent.parent, root) from error
        msg = f"{name}: metadata file {path or error} is missing. Restore it from a backup, or {_START_OVER}"
        raise LakeError(msg) from error


_START_OVER = "delete the lake folder and run again; bronze is kept."


def _is_within(place: Path, root: Path) -> bool:
    return place.resolve().is_relative_to(root)


def _elsewhere(name: str, place: Path, root: Path) -> LakeError:
    return LakeError(
        f"{name} lies in {place}, not in this home's lake ({root}): a home cannot be moved or copied. "
        f"Move it back, or {_START_OVER}"
    )

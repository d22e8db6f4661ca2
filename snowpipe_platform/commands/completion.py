"""Table names for shell completion, from file names alone: importing the tables takes too long for a key press."""

from importlib.util import find_spec
from pathlib import Path

from snowpipe_platform.errors import SnowpipeError
from snowpipe_platform.settings import allow_local_packages, read_settings

LAYERS = ("silver", "gold")


def table_names() -> list[str]:
    """Full names, then short ones; none where the pipeline cannot be found."""
    allow_local_packages()
    try:
        spec = find_spec(read_settings().pipeline)
    except (ImportError, ValueError, SnowpipeError):
        return []
    if spec is None or not spec.submodule_search_locations:
        return []
    folder = Path(next(iter(spec.submodule_search_locations)))
    full = [*_entities(folder / "source"), *(name for layer in LAYERS for name in _tables(folder, layer))]
    return [*full, *(name.partition("/")[2] for name in full)]


def _tables(folder: Path, layer: str) -> list[str]:
    return sorted(f"{layer}/{path.stem}" for path in (folder / layer).glob("[!_]*.py"))


def _entities(folder: Path) -> list[str]:
    import yaml  # noqa: PLC0415 - read when a table is completed

    for path in sorted(folder.glob("*")):
        if path.suffix in {".yaml", ".yml", ".json"}:
            try:
                queries = yaml.safe_load(path.read_text("utf-8"))["queries"]
                return [f"bronze/{query.get('entity', query['name'])}" for query in queries]
            except (yaml.YAMLError, KeyError, TypeError, AttributeError, OSError):
                return []
    return []

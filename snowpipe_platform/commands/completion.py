"""Names for shell completion, from files that are not imported: that takes too long for a key press."""

import ast
from importlib.util import find_spec
from pathlib import Path

from snowpipe_platform.errors import SnowpipeError
from snowpipe_platform.settings import allow_local_packages, read_settings

LAYERS = ("silver", "gold")


def table_names() -> list[str]:
    """Full names, then short ones; none where the pipeline cannot be found."""
    folder = _package_folder()
    if folder is None:
        return []
    entities = [f"bronze/{entity}" for _, entity in _queries(folder / "source")]
    full = [*entities, *(name for layer in LAYERS for name in _tables(folder, layer))]
    return [*full, *(name.partition("/")[2] for name in full)]


def query_names() -> list[str]:
    """As the queries file has them; none where it cannot be read."""
    folder = _package_folder()
    return [] if folder is None else [name for name, _ in _queries(folder / "source")]


def entity_names() -> list[str]:
    """Short names, then full ones."""
    folder = _package_folder()
    short = [] if folder is None else [entity for _, entity in _queries(folder / "source")]
    return [*short, *(f"bronze/{entity}" for entity in short)]


def column_names(table: str) -> list[str]:
    """Columns of a silver or gold table's contract, where its file spells them out."""
    folder, short = _package_folder(), table.rpartition("/")[2]
    files = [] if folder is None else [folder / layer / f"{short}.py" for layer in LAYERS]
    return next(
        (
            _contract_columns(path)
            for path in files
            if table in {short, f"{path.parent.name}/{short}"} and path.is_file()
        ),
        [],
    )


def _contract_columns(path: Path) -> list[str]:
    """The annotated names of the class that TABLE names as its contract."""
    try:
        tree = ast.parse(path.read_text("utf-8"))
    except (SyntaxError, OSError):
        return []
    named = {
        node.value.id
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "contract" and isinstance(node.value, ast.Name)
    }
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name in named]
    fields = (node for found in classes for node in found.body if isinstance(node, ast.AnnAssign))
    return [node.target.id for node in fields if isinstance(node.target, ast.Name)]


def _package_folder() -> Path | None:
    """Of the pipeline, without importing it."""
    allow_local_packages()
    try:
        spec = find_spec(read_settings().pipeline)
    except (ImportError, ValueError, SnowpipeError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def _tables(folder: Path, layer: str) -> list[str]:
    return sorted(f"{layer}/{path.stem}" for path in (folder / layer).glob("[!_]*.py"))


def _queries(folder: Path) -> list[tuple[str, str]]:
    """Name and entity of each query."""
    import yaml  # noqa: PLC0415 - read when a name is completed

    for path in sorted(folder.glob("*")):
        if path.suffix in {".yaml", ".yml", ".json"}:
            try:
                queries = yaml.safe_load(path.read_text("utf-8"))["queries"]
                return [(query["name"], query.get("entity", query["name"])) for query in queries]
            except (yaml.YAMLError, KeyError, TypeError, AttributeError, OSError):
                return []
    return []

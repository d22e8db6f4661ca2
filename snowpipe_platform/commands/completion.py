"""Names for shell completion, from files that are not imported: that takes too long for a key press. Only rules are
what a table's code makes them, and cost its import."""

import ast
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

from snowpipe_platform.errors import SnowpipeError
from snowpipe_platform.settings import allow_local_packages, read_settings

LAYERS = ("silver", "gold", "features")


def table_names() -> list[str]:
    """Full names, then short ones; none where the pipeline cannot be found."""
    folder = _package_folder()
    if folder is None:
        return []
    entities = [f"bronze/{entity}" for _, entity in _queries(folder / "source")]
    full = [*entities, *(name for layer in LAYERS for name in _tables(folder, layer))]
    return [*full, *(name.partition("/")[2] for name in full)]


def group_names() -> list[str]:
    """Short names of feature groups, then full ones."""
    folder = _package_folder()
    full = [] if folder is None else _tables(folder, "features")
    return [*(name.partition("/")[2] for name in full), *full]


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
    """Columns of a table's contract, where its file spells them out; of bronze, those it has landed."""
    folder, short = _package_folder(), table.rpartition("/")[2]
    files = [] if folder is None else [folder / layer / f"{short}.py" for layer in LAYERS]
    for path in files:
        if table in {short, f"{path.parent.name}/{short}"} and path.is_file():
            return _contract_columns(path)
    return _landed_columns(short) if table in entity_names() else []


def rule_ids(table: str, *, of_errors: bool = False) -> list[str]:
    """Of a table of the lake, by its full or its short name; none where the pipeline does not load."""
    from snowpipe_platform.commands.project import find_table  # noqa: PLC0415
    from snowpipe_platform.execution.execute import rules_of  # noqa: PLC0415
    from snowpipe_platform.spec.pipeline import load_pipeline  # noqa: PLC0415

    allow_local_packages()
    try:
        pipeline = load_pipeline(read_settings().pipeline)
        declared = pipeline.by_name.get(find_table(table, pipeline))
    except SnowpipeError:
        return []
    rules = () if declared is None else rules_of(declared)
    return [rule.id for rule in rules if rule.severity == "error" or not of_errors]


def letter_kinds() -> list[str]:
    """Of dead letters."""
    from snowpipe_platform.records import LetterKind  # noqa: PLC0415

    return list(get_args(LetterKind))


def letter_ids() -> list[tuple[str, str]]:
    """Abbreviated, of the dead letters that wait, and what each is of; none where no state is kept yet."""
    from snowpipe_platform.backends.sqlite_state import SqliteState  # noqa: PLC0415
    from snowpipe_platform.commands.dead_letters_lines import abbreviated  # noqa: PLC0415

    try:
        letters = SqliteState(read_settings().state_path).all()
    except SnowpipeError:
        return []
    names = abbreviated([letter.id for letter in letters])
    return [(names[letter.id], f"{letter.kind} of {letter.subject}") for letter in letters]


def model_names() -> list[str]:
    """As the folders of the package's models are called."""
    folder = _package_folder()
    return [] if folder is None else sorted(path.parent.name for path in (folder / "models").glob("[!_]*/model.py"))


def model_versions(model: str) -> list[tuple[str, str]]:
    """Number and stage of each version, the newest first; none where no registry is kept yet."""
    from snowpipe_platform.backends.sqlite_registry import SqliteRegistry  # noqa: PLC0415

    try:
        versions = SqliteRegistry(read_settings().models_folder).versions(model)
    except SnowpipeError:
        return []
    return [(str(version.number), version.stage) for version in reversed(versions)]


def _landed_columns(entity: str) -> list[str]:
    """Of the log's last entry with rows; none before the first."""
    from snowpipe_platform.backends.local_bronze import LocalBronze  # noqa: PLC0415

    try:
        log = LocalBronze(read_settings().bronze_folder).log(entity)
    except SnowpipeError:
        return []
    return next((list(entry.column_names) for entry in reversed(log) if entry.has_rows), [])


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

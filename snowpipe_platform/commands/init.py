"""`snowpipe init`: a project with a pipeline package that runs at once."""

import re
import sys
import unicodedata
from collections.abc import Mapping
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path

from snowpipe_platform.commands.terminal import print_json, print_next, print_text
from snowpipe_platform.errors import ConfigurationError

TEMPLATE = Path(__file__).with_name("template")
PLACEHOLDER = "my_shop"
"""What the template's package is called; every occurrence becomes the name."""
PROJECT_MODULES = ("seed", "tests")
"""Names that the project's own files have taken."""
NAME = re.compile(r"[a-z][a-z0-9_]*")
SUFFIX = "_pipeline"


def init(name: str, *, folder: Path | None, as_json: bool) -> int:
    """0. Raises ConfigurationError for a name or folder that cannot be taken; nothing is left behind then."""
    target = Path(name) if folder is None else folder
    files = write_project(name, target)
    next_command = "make demo" if target.resolve() == Path.cwd() else f"cd {target} && make demo"
    if as_json:
        print_json({"name": name, "folder": str(target.absolute()), "files": files, "next": next_command})
    else:
        for file in files:
            print_text(str(target / file))
        print_next(next_command)
    return 0


def write_project(name: str, folder: Path) -> list[str]:
    """The files written, from the folder on. Raises ConfigurationError; nothing is left behind then."""
    _refuse_name(name)
    _refuse_folder(folder)
    files = {path.replace(PLACEHOLDER, name): text.replace(PLACEHOLDER, name) for path, text in template().items()}
    _write(folder, files)
    return list(files)


def template() -> Mapping[str, str]:
    """The project's files: path to text, in the order of the paths."""
    paths = sorted(path for path in TEMPLATE.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(TEMPLATE).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def _refuse_name(name: str) -> None:
    reason = _why_not(name)
    if reason is not None:
        raise ConfigurationError(f"{name!r} cannot be the name of a package: {reason}. Try {_nearest(name)!r}.")


def _why_not(name: str) -> str | None:
    if not NAME.fullmatch(name):
        return "it takes lower-case letters, digits and '_', a letter first"
    if iskeyword(name):
        return "Python has the word for itself"
    if name in PROJECT_MODULES:
        return "the project has a file or folder of that name"
    is_taken = name in sys.stdlib_module_names or find_spec(name) is not None
    return "an installed package has it" if is_taken else None


def _nearest(name: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", ascii_only).lower()
    valid = re.sub(r"[^a-z0-9]+", "_", snake).lstrip("_0123456789").rstrip("_") or PLACEHOLDER
    return valid if _why_not(valid) is None else valid + SUFFIX


def _refuse_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"{folder} is a file. Name another place with --folder.")
    found = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    if found:
        listed = ", ".join(found[:3]) + (", …" if found[3:] else "")
        raise ConfigurationError(f"folder {folder} is not empty ({listed}). Name another with --folder.")


def _write(folder: Path, files: Mapping[str, str]) -> None:
    """All files, or none: what was made goes again when one cannot be written."""
    made: list[Path] = []
    try:
        for name, text in files.items():
            path = folder / name
            for parent in reversed([parent for parent in path.parents if not parent.exists()]):
                parent.mkdir()
                made.append(parent)
            made.append(path)
            path.write_text(text, encoding="utf-8")
    except BaseException as error:
        for path in reversed(made):
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            msg = f"{folder} cannot be written ({error.strerror}). Name another place with --folder."
            raise ConfigurationError(msg) from error
        raise

"""The models of a pipeline package: `models/<name>/model.py`, whose MODEL it is."""

import importlib
import pkgutil
from collections.abc import Mapping
from pathlib import Path

from snowpipe_platform.errors import PipelineError, SnowpipeError, openable
from snowpipe_platform.spec.import_errors import import_error
from snowpipe_platform.spec.model import Model
from snowpipe_platform.spec.package import import_package


def load_models(package: str) -> Mapping[str, Model]:
    """By name; none where the package has no folder of models. No table is imported, nor what trains and serves.

    Raises PipelineError naming the file of what is no model.
    """
    root = Path(next(iter(import_package(package).__path__)))
    found = {}
    for info in sorted(pkgutil.iter_modules([str(root / "models")]), key=lambda info: info.name):
        if info.ispkg and not info.name.startswith("_"):
            file = root / "models" / info.name / "model.py"
            found[info.name] = _model(f"{package}.models.{info.name}.model", file, root)
    return found


def _model(module: str, file: Path, root: Path) -> Model:
    where, name = openable(file), file.parent.name
    if not file.is_file():
        raise PipelineError(f"{where} is missing. Write MODEL = Model(...) in it, or start the folder's name with '_'.")
    try:
        model = getattr(importlib.import_module(module), "MODEL", None)
    except SnowpipeError:
        raise
    except Exception as error:
        raise import_error(error, root) from error
    if not isinstance(model, Model):
        raise PipelineError(f"{where}: declares no MODEL. Write MODEL = Model(...).")
    if model.name != name:
        msg = f"{where}: its MODEL is called {model.name!r}. A model is called after its folder: {name!r}."
        raise PipelineError(f"{msg} Rename one of the two.")
    return model

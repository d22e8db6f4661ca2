"""A fingerprint of the code a table's rows come from."""

import hashlib
import inspect
import sys
from collections.abc import Iterable
from types import ModuleType

SPEC = __name__.rpartition(".")[0]
SHARED_EXPRESSIONS = (f"{SPEC}.history", f"{SPEC}.cleaning")
"""Modules of the platform whose expressions end up in a table's rows."""


def code_version_of(parts: Iterable[object]) -> str:
    """Twelve hex digits over the given values and, for functions and classes, the source of their module and of the
    modules of the same pipeline it uses. Comments count: a table is rather rebuilt once too often."""
    digest = hashlib.sha256()
    modules: dict[str, ModuleType] = {}
    for part in parts:
        home = sys.modules.get(getattr(part, "__module__", "")) if callable(part) else None
        if home is None:
            digest.update(repr(part).encode())
        else:
            _collect(home, pipeline=home.__name__.rsplit(".", 2)[0], into=modules)
    for name in sorted(modules):
        digest.update(name.encode() + _source(modules[name]))
    return digest.hexdigest()[:12]


def _collect(module: ModuleType, *, pipeline: str, into: dict[str, ModuleType]) -> None:
    if module.__name__ in into:
        return
    into[module.__name__] = module
    for value in vars(module).values():
        name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        used = sys.modules.get(name) if isinstance(name, str) else None
        if used is not None and used.__name__.startswith((f"{pipeline}.", *SHARED_EXPRESSIONS)):
            _collect(used, pipeline=pipeline, into=into)


def _source(module: ModuleType) -> bytes:
    try:
        return inspect.getsource(module).encode()
    except (OSError, TypeError):
        return module.__name__.encode()

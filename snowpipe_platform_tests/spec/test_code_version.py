"""A code version changes with the code a table's rows come from, and with nothing else."""

import importlib
import inspect
import linecache
import sys
import uuid

import pytest

from snowpipe_platform.spec.code_version import code_version_of

TABLE = """
from {name}.silver import _shared
from snowpipe_platform.spec.history import latest

def build(x):
    return _shared.f(x)
"""


@pytest.fixture
def version(tmp_path, monkeypatch):
    """The version of `silver/table.build` in a package of the given files, read anew."""
    name = f"shop_{uuid.uuid4().hex[:8]}"
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def of(*more: object, **files: str) -> str:
        texts = {
            "table": TABLE.format(name=name),
            "_shared": "def f(x): return x\n",
            "other": "def g(): pass\n",
            **files,
        }
        folder = tmp_path / name / "silver"
        folder.mkdir(parents=True, exist_ok=True)
        for path in (tmp_path / name / "__init__.py", folder / "__init__.py"):
            path.touch()
        for module, text in texts.items():
            (folder / f"{module}.py").write_text(text)
        for module in [module for module in sys.modules if module.startswith(name)]:
            del sys.modules[module]
        importlib.invalidate_caches()
        linecache.clearcache()
        return code_version_of([importlib.import_module(f"{name}.silver.table").build, *more])

    return of


def test_the_same_code_has_the_same_version(version):
    first = version()
    assert (first, len(first)) == (version(), 12)


def test_a_change_of_the_tables_module_changes_it(version):
    assert version() != version(table="def build(x):\n    return 2\n")


def test_a_change_of_a_module_it_uses_changes_it(version):
    assert version() != version(_shared="def f(x): return x + 1\n")


def test_a_change_of_a_module_it_does_not_use_changes_nothing(version):
    assert version() == version(other="def g(): return 1\n")


def test_a_change_of_a_declared_value_changes_it(version):
    assert version(("id",)) != version(("id", "name"))
    assert version(None) != version(("id",))


@pytest.mark.parametrize("module", ["history", "cleaning"])
def test_a_change_of_the_platforms_shared_expressions_changes_it(version, monkeypatch, module: str):
    used = f"from snowpipe_platform.spec.{module} import ibis, {'latest' if module == 'history' else 'stable_key'}\n"
    text = used + "def build(x):\n    return x\n"
    before = version(table=text)
    source_of = inspect.getsource
    monkeypatch.setattr("inspect.getsource", lambda found: f"{source_of(found)}# {found.__name__}")
    assert version(table=text) != before

"""Fixtures every suite may ask for; see kit.py."""

import pytest

from snowpipe_platform.serving.threads import compute_on_one_thread
from snowpipe_platform_tests.kit import World, query


def pytest_configure(config):
    """Models are asked as the server asks them; two workers with two threads each wait for each other."""
    compute_on_one_thread()


def pytest_addoption(parser):
    parser.addoption("--month-days", type=int, default=0, help="days of the simulated month; make month has 31")


def pytest_terminal_summary(terminalreporter, config):
    if not config.getoption("month_days"):
        terminalreporter.write_line("not run, for its minutes: the simulated month (make month)")


def pytest_collection_modifyitems(config, items):
    """Modules with slow tests first, so that no worker begins one when the others are done. The month if asked for."""
    if not config.getoption("month_days"):
        items[:] = [item for item in items if not item.get_closest_marker("month")]
    slow = {item.module for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.module not in slow)


@pytest.fixture
def make_world(tmp_path):
    """Make a World with one query: `make_world(primary_key="id")`."""

    def make(**keys):
        return World(tmp_path, query(**keys))

    return make


@pytest.fixture(params=["parquet", "json"])
def file_format(request):
    return request.param

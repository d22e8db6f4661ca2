"""`snowpipe dev`: Dagster's own development server over the home's instance."""

import os
import sys

from snowpipe_platform.settings import read_settings


def test_it_becomes_dagster_dev_over_the_homes_instance(shop, monkeypatch):
    became = []
    monkeypatch.setenv("DAGSTER_HOME", "elsewhere")
    monkeypatch.setattr(os, "execv", lambda path, words: became.append((path, words, os.environ["DAGSTER_HOME"])))
    shop.type("dev", "--port", "3001")
    command = [
        sys.executable,
        "-m",
        "dagster",
        "dev",
        "--module-name",
        "snowpipe_platform.definitions",
        "--port",
        "3001",
    ]
    assert became == [(sys.executable, command, str(read_settings().dagster_home))]
    configured = (read_settings().dagster_home / "dagster.yaml").read_text()
    assert "default_limit: 1" in configured

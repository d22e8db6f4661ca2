"""Settings come from the environment, and a mistake in it is named."""

from pathlib import Path

import pytest

from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.settings import Settings, read_settings


def test_every_setting_has_a_default(monkeypatch):
    monkeypatch.delenv("SNOWPIPE_HOME", raising=False)
    settings = read_settings()
    assert (settings.home, settings.profile) == (Path(".snowpipe"), "embedded")
    assert settings.warehouse_path == Path(".snowpipe/source/warehouse.duckdb")


def test_an_empty_variable_counts_as_not_set(monkeypatch):
    monkeypatch.setenv("SNOWPIPE_HOME", "")
    assert read_settings().home == Settings.model_fields["home"].default


def test_a_misspelt_variable_is_named_with_the_nearest_setting(monkeypatch):
    monkeypatch.setenv("SNOWPIPE_HOEM", "x")
    with pytest.raises(ConfigurationError, match=r"^SNOWPIPE_HOEM is no setting\. Did you mean 'SNOWPIPE_HOME'\?$"):
        read_settings()


def test_a_value_of_the_wrong_kind_names_its_variable(monkeypatch):
    monkeypatch.setenv("SNOWPIPE_MEMORY_LIMIT", "much")
    with pytest.raises(ConfigurationError, match=r"^SNOWPIPE_MEMORY_LIMIT: "):
        read_settings()

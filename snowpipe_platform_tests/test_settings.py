"""Settings come from the environment and from the project's file, and a mistake in either is named."""

import os
from pathlib import Path

import pytest

from snowpipe_platform.commands.completion import table_names
from snowpipe_platform.errors import SettingsError
from snowpipe_platform.settings import Settings, read_settings, settings_file


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The current folder, without a variable of the platform's."""
    for name in [name for name in os.environ if name.startswith("SNOWPIPE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(text: str | bytes) -> None:
    Path("snowpipe.toml").write_bytes(text.encode() if isinstance(text, str) else text)


def test_every_setting_has_a_default():
    settings = read_settings()
    assert (settings.home, settings.profile) == (Path(".snowpipe"), "embedded")
    assert settings.warehouse_path == Path(".snowpipe/source/warehouse.duckdb")
    assert settings_file() is None


def test_an_empty_variable_counts_as_not_set(monkeypatch):
    monkeypatch.setenv("SNOWPIPE_HOME", "")
    assert read_settings().home == Settings.model_fields["home"].default


def test_a_misspelt_variable_is_named_with_the_nearest_setting(monkeypatch):
    monkeypatch.setenv("SNOWPIPE_HOEM", "x")
    with pytest.raises(SettingsError, match=r"^SNOWPIPE_HOEM is no setting\. Did you mean 'SNOWPIPE_HOME'\?$"):
        read_settings()


def test_a_value_of_the_wrong_kind_names_its_variable(monkeypatch):
    monkeypatch.setenv("SNOWPIPE_MEMORY_LIMIT", "much")
    with pytest.raises(SettingsError, match=r"^SNOWPIPE_MEMORY_LIMIT: "):
        read_settings()


def test_the_file_of_the_current_folder_is_read_and_its_paths_are_relative_to_it(folder, monkeypatch):
    write('pipeline = "my_shop"\nhome = "state"\nwarehouse = "/data/w.duckdb"\nthreads = 2\nmemory_limit = "1GB"\n')
    settings = read_settings()
    assert settings == Settings(
        pipeline="my_shop", home=folder / "state", warehouse=Path("/data/w.duckdb"), threads=2, memory_limit="1GB"
    )
    monkeypatch.chdir("/")
    assert settings.state_path == folder / "state" / "state.db"


def test_a_file_of_a_folder_above_is_not_read(folder, monkeypatch):
    write('pipeline = "my_shop"')
    (folder / "inner").mkdir()
    monkeypatch.chdir("inner")
    assert read_settings().pipeline == "snowpipe_platform.pipeline"


def test_a_variable_wins_over_the_file_and_an_empty_one_does_not(monkeypatch):
    write('pipeline = "my_shop"\nmemory_limit = "1GB"')
    monkeypatch.setenv("SNOWPIPE_PIPELINE", "other_shop")
    monkeypatch.setenv("SNOWPIPE_MEMORY_LIMIT", "")
    assert (read_settings().pipeline, read_settings().memory_limit) == ("other_shop", "1GB")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param('pipelin = "x"', "snowpipe.toml: 'pipelin' is no setting. Did you mean 'pipeline'?", id="key"),
        pytest.param(
            "[snowpipe]\npipeline = 'x'",
            "snowpipe.toml: 'snowpipe' is no setting. "
            "Known: home, memory_limit, pipeline, profile, sensor_seconds, threads, warehouse.",
            id="section",
        ),
        pytest.param(
            'home = "x"\nthreads "2"\n',
            "snowpipe.toml:2: Expected '=' after a key in a key/value pair. "
            'A setting is written as: pipeline = "my_shop"',
            id="syntax",
        ),
        pytest.param(
            'home = "x"\npipeline = "my',
            'snowpipe.toml:2: Unterminated string. A setting is written as: pipeline = "my_shop"',
            id="syntax at the end",
        ),
        pytest.param(b'home = "\xff"', "snowpipe.toml: is not UTF-8 text (byte 8). Save it as UTF-8.", id="bytes"),
        pytest.param(
            "threads = 0", "snowpipe.toml: threads: Input should be greater than 0", id="value out of range"
        ),
        pytest.param(
            "home = 3",
            "snowpipe.toml: home: Input is not a valid path for <class 'pathlib.Path'>",
            id="value of another kind",
        ),
        pytest.param(
            'pipeline = "my-shop"',
            r"snowpipe.toml: pipeline: String should match pattern '^[A-Za-z_]\w*(\.\w+)*$'",
            id="no package's name",
        ),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_is_named_with_its_place(text, message):
    write(text)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert str(caught.value) == message


def test_a_wrong_variable_is_not_blamed_on_the_file(monkeypatch):
    write("threads = 2")
    monkeypatch.setenv("SNOWPIPE_THREADS", "many")
    with pytest.raises(SettingsError, match=r"^SNOWPIPE_THREADS: "):
        read_settings()


def test_table_names_are_completed_in_a_projects_folder(folder, monkeypatch):
    monkeypatch.setattr("sys.path", [])
    write('pipeline = "shop_of_the_folder"')
    (folder / "shop_of_the_folder" / "gold").mkdir(parents=True)
    (folder / "shop_of_the_folder" / "gold" / "sales.py").touch()
    assert table_names() == ["gold/sales", "sales"]

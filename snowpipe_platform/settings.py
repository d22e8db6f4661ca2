"""The settings of one process, from the environment and the project's file, once; nothing else reads either."""

import os
import re
import sys
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from snowpipe_platform.errors import SettingsError, did_you_mean, openable

PREFIX = "SNOWPIPE_"
SETTINGS_FILE = "snowpipe.toml"
SHOP_PIPELINE = "snowpipe_platform.pipeline"

_PATHS = ("home", "warehouse")
_PLACE = re.compile(r"^(.*) \(at (?:line (\d+), column \d+|end of document)\)$", re.DOTALL)
"""How Python's TOML reader ends its message."""


class Settings(BaseSettings):
    """Every setting has a default that works on a laptop with no account.

    A variable is `SNOWPIPE_` and the name; a key of `snowpipe.toml`, in the current folder, is the name. The variable
    wins.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore")

    profile: Literal["embedded"] = Field("embedded", description="which adapters stand behind the ports")
    home: Path = Field(Path(".snowpipe"), description="folder of all local state")
    pipeline: str = Field(SHOP_PIPELINE, pattern=r"^[A-Za-z_]\w*(\.\w+)*$", description="package of queries and tables")
    warehouse: Path | None = Field(None, description="DuckDB file of the source; default: in the home")
    memory_limit: str = Field("2GB", pattern=r"^\d+(\.\d+)?\s*[KMGT]i?B$", description="before work spills")
    sensor_seconds: int = Field(30, gt=0, description="between two looks of the automation; sensors keep proportion")
    threads: int | None = Field(None, gt=0, description="engine threads; default: one per core")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings' signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings' signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the file."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, _file_values())

    @property
    def source_folder(self) -> Path:
        """Where the generated shop keeps its warehouse and truth."""
        return self.home / "source"

    @property
    def warehouse_path(self) -> Path:
        return self.warehouse if self.warehouse is not None else self.source_folder / "warehouse.duckdb"

    @property
    def bronze_folder(self) -> Path:
        return self.home / "bronze"

    @property
    def lake_folder(self) -> Path:
        return self.home / "lake"

    @property
    def models_folder(self) -> Path:
        """The registry of models and the artefacts of their versions."""
        return self.home / "models"

    @property
    def training_jobs_folder(self) -> Path:
        """A folder for each run of a training script, with its log."""
        return self.home / "training_jobs"

    @property
    def state_path(self) -> Path:
        return self.home / "state.db"

    @property
    def endpoint_folder(self) -> Path:
        """What is deployed, and the log of what was asked."""
        return self.home / "endpoint"

    @property
    def online_path(self) -> Path:
        """The online store of features."""
        return self.home / "online.db"

    @property
    def training_folder(self) -> Path:
        """Of training sets."""
        return self.home / "training"

    @property
    def dagster_home(self) -> Path:
        """Absolute, as Dagster wants it."""
        return (self.home / "dagster").resolve()


def settings_file() -> Path | None:
    """The project's file, absolute; None where there is none in the current folder."""
    path = Path(SETTINGS_FILE).absolute()
    return path if path.is_file() else None


def read_settings() -> Settings:
    """Settings from the environment and the project's file.

    Raises SettingsError naming the variable, or the file and key, and what it takes; for one that is none, the nearest.
    """
    variables = [PREFIX + name.upper() for name in Settings.model_fields]
    for name in os.environ:
        if name.startswith(PREFIX) and name not in variables:
            raise SettingsError(f"{name} is no setting. {did_you_mean(name, variables)}")
    try:
        return Settings()
    except ValidationError as error:
        problems = [f"{_origin(str(e['loc'][0]))}: {e['msg']}" for e in error.errors()]
        raise SettingsError("\n".join(problems)) from error


def allow_local_packages() -> None:
    """A pipeline may be a package in the current folder, as for `python -m`; installed packages come first."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)


def _file_values() -> dict[str, Any]:
    """What the project's file sets; its relative paths are relative to it. Raises SettingsError."""
    path = settings_file()
    if path is None:
        return {}
    values, known = _parsed(path), list(Settings.model_fields)
    for key in values:
        if key not in known:
            raise SettingsError(f"{openable(path)}: {key!r} is no setting. {did_you_mean(key, known)}")
    return values | {key: path.parent / values[key] for key in _PATHS if isinstance(values.get(key), str)}


def _parsed(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise SettingsError(f"{openable(path)}: is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error
    except OSError as error:
        raise SettingsError(f"{openable(path)}: {error.strerror}. Make it readable.") from error
    except tomllib.TOMLDecodeError as error:
        found = _PLACE.match(str(error))
        what, line = (str(error), None) if found is None else found.groups()
        where = f"{openable(path)}:{line or text.count(chr(10)) + 1}"
        raise SettingsError(f'{where}: {what}. A setting is written as: pipeline = "my_shop"') from error


def _origin(name: str) -> str:
    """Where a refused value stands."""
    variable, path = PREFIX + name.upper(), settings_file()
    if path is None or os.environ.get(variable) or name not in _parsed(path):
        return variable
    return f"{openable(path)}: {name}"

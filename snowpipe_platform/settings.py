"""The settings of one process, read from the environment once; nothing else reads the environment."""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from snowpipe_platform.errors import ConfigurationError, did_you_mean

PREFIX = "SNOWPIPE_"
SHOP_PIPELINE = "snowpipe_platform.pipeline"


class Settings(BaseSettings):
    """Every setting has a default that works on a laptop with no account. A variable is `SNOWPIPE_` and the name."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore")

    profile: Literal["embedded"] = Field("embedded", description="which adapters stand behind the ports")
    home: Path = Field(Path(".snowpipe"), description="folder of all local state")
    pipeline: str = Field(SHOP_PIPELINE, description="package of queries and tables")
    warehouse: Path | None = Field(None, description="DuckDB file of the source; default: in the home")
    memory_limit: str = Field("2GB", pattern=r"^\d+(\.\d+)?\s*[KMGT]i?B$", description="before work spills")
    sensor_seconds: int = Field(30, gt=0, description="between two looks of the automation; sensors keep proportion")
    threads: int | None = Field(None, gt=0, description="engine threads; default: one per core")

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
    def state_path(self) -> Path:
        return self.home / "state.db"

    @property
    def dagster_home(self) -> Path:
        """Absolute, as Dagster wants it."""
        return (self.home / "dagster").resolve()


def read_settings() -> Settings:
    """Settings from the environment.

    Raises ConfigurationError naming the variable and what it takes, or the nearest setting for one that is none.
    """
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    for name in os.environ:
        if name.startswith(PREFIX) and name not in known:
            raise ConfigurationError(f"{name} is no setting. {did_you_mean(name, known)}")
    try:
        return Settings()
    except ValidationError as error:
        problems = [f"{PREFIX}{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()]
        raise ConfigurationError("\n".join(problems)) from error

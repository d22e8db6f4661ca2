"""The Dagster instance of the home folder."""

import shutil
from pathlib import Path

import snowpipe_platform
from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.settings import Settings

CONFIG_FILE = "dagster.yaml"


def has_instance(settings: Settings) -> bool:
    """Whether anybody has looked at this home with Dagster yet."""
    return settings.dagster_home.is_dir()


def ensure_instance(settings: Settings) -> Path:
    """The instance's folder, made with the configuration of `deploy/` where there is none."""
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    if not (home / CONFIG_FILE).exists():
        shutil.copyfile(_configuration(), home / CONFIG_FILE)
    return home


def _configuration() -> Path:
    """Beside the package in a checkout, inside it when installed."""
    package = Path(snowpipe_platform.__path__[0])
    for folder in (package.parent / "deploy", package / "deploy"):
        if (folder / CONFIG_FILE).exists():
            return folder / CONFIG_FILE
    raise ConfigurationError(f"deploy/{CONFIG_FILE} is missing beside {package}. Restore it from the project.")

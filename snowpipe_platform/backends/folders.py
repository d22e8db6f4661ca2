"""The folders of the home."""

from pathlib import Path

from snowpipe_platform.errors import ConfigurationError


def make_folder(folder: Path) -> None:
    """Make it, and those above it, unless it is there. Raises ConfigurationError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unusable(folder, error.strerror or str(error)) from error


def unusable(folder: Path, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"folder {folder} cannot be made or written ({reason}). Set SNOWPIPE_HOME to a folder you may write."
    )

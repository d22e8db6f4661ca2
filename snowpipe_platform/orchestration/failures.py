"""How the platform's errors reach Dagster."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg

from snowpipe_platform.errors import SchemaChangedError, SnowpipeError
from snowpipe_platform.orchestration.schema_changes import schema_metadata


@contextmanager
def final_failures() -> Iterator[None]:
    """Let a SnowpipeError end the step with its own message. What is worth another attempt has had it already."""
    try:
        yield
    except SnowpipeError as error:
        metadata: dict[str, Any] = {"error": dg.MetadataValue.text(type(error).__name__)}
        if isinstance(error, SchemaChangedError):
            metadata |= schema_metadata(error.diff)
        raise dg.Failure(description=str(error), metadata=metadata, allow_retries=False) from error

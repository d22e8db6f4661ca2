"""How the platform's errors reach Dagster."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from snowpipe_platform.errors import SnowpipeError


@contextmanager
def final_failures() -> Iterator[None]:
    """Let a SnowpipeError end the step with its own message. What is worth another attempt has had it already."""
    try:
        yield
    except SnowpipeError as error:
        kind = dg.MetadataValue.text(type(error).__name__)
        raise dg.Failure(description=str(error), metadata={"error": kind}, allow_retries=False) from error

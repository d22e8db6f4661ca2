"""A shop whose evenings come one after another, and the daemon that works behind them."""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path

import dagster as dg
import yaml
from live import LiveDagster, live_dagster, wait_for

from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.orchestration.build import build_definitions
from snowpipe_platform.orchestration.pending import continuations, due_dates, unconsumed
from snowpipe_platform.orchestration.resources import GroundResource
from snowpipe_platform.orchestration.sensors import UNFINISHED
from snowpipe_platform.pipeline.source.generator import advance_day, build_warehouse
from snowpipe_platform.settings import Settings
from snowpipe_platform.spec.as_of import DatedTable
from snowpipe_platform.spec.pipeline import Pipeline, load_pipeline

ROOT = Path(__file__).parents[2]
PACKAGE = "month_shop"
FIRST_DAY = date(2024, 3, 1)
ROWS_OF_A_RUN = {"batch_size": 500, "max_batches": 20}
"""Enough for every day but the first, which brings the history."""


@dataclass
class Month:
    """One shop, what happened to it, and the Dagster instance that keeps its tables.

    The source is advanced where nobody reads it, and shown whole, or not, on the evening of a day.
    """

    folder: Path
    evenings: dict[date, date] = field(default_factory=dict)
    """Of each day, the evening on which the platform could see it."""
    stack: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        write_package(self.folder)
        write_instance(self.home / "dagster")
        self.start()

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def source(self) -> Path:
        return self.folder / "source"

    @cached_property
    def settings(self) -> Settings:
        return Settings(home=self.home, warehouse=self.home / "warehouse.duckdb", pipeline=PACKAGE)

    @cached_property
    def pipeline(self) -> Pipeline:
        return load_pipeline(PACKAGE)

    @cached_property
    def resource(self) -> GroundResource:
        return GroundResource.of(self.settings)

    @property
    def ground(self) -> Ground:
        return self.resource.ground()

    @cached_property
    def definitions(self) -> dg.Definitions:
        return build_definitions(self.pipeline, self.resource)

    @cached_property
    def instance(self) -> dg.DagsterInstance:
        return dg.DagsterInstance.from_config(str(self.home / "dagster"))

    def start(self) -> None:
        path = os.pathsep.join([str(self.folder), str(ROOT), os.environ.get("PYTHONPATH", "")])
        self.live: LiveDagster = self.stack.enter_context(
            live_dagster(
                self.home,
                PYTHONPATH=path,
                SNOWPIPE_PIPELINE=PACKAGE,
                SNOWPIPE_WAREHOUSE=str(self.settings.warehouse),
                SNOWPIPE_SENSOR_SECONDS="1",
            )
        )

    def kill(self) -> None:
        """The daemon, and with it what it was doing."""
        self.live.kill()
        self.stack.close()

    def advance(self, day: date) -> None:
        """The day happens at the source."""
        if day == FIRST_DAY:
            build_warehouse(self.source, customers=1_000)
        else:
            advance_day(self.source)

    def show(self) -> None:
        """The source can be read, as it is at the end of its day."""
        copy = self.home / "warehouse.copy"
        shutil.copyfile(self.source / "warehouse.duckdb", copy)
        copy.replace(self.settings.warehouse_path)

    def hide(self) -> None:
        """The source cannot be read."""
        self.settings.warehouse_path.unlink(missing_ok=True)

    def tick(self, day: date, hour: int) -> list[str]:
        """What the extraction schedule requests that hour of the night after the day, run; each run's status."""
        midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC)
        with dg.build_schedule_context(
            instance=self.instance,
            repository_def=self.definitions.get_repository_def(),
            scheduled_execution_time=midnight + timedelta(hours=hour, minutes=15),
            resources={"ground": self.resource},
        ) as context:
            requests = self.definitions.resolve_schedule_def("extraction").evaluate_tick(context).run_requests or []
        return [status for request in requests for status in self._run(request)]

    def _run(self, request: dg.RunRequest) -> Iterator[str]:
        """As the scheduler launches it; until it has ended, and all of its day has been read."""
        tags = {
            **request.tags,
            "dagster/partition": str(request.partition_key),
            "dagster/run_key": str(request.run_key),
        }
        assets = [key.to_user_string() for key in request.asset_selection or []]
        run_id = self.live.launch(job="extract", tags=tags, assets=assets)
        yield wait_for(lambda: self._ended(run_id), seconds=300)
        wait_for(lambda: None if list(continuations(self.pipeline, self.ground)) else True, seconds=300)

    def _ended(self, run_id: str) -> str | None:
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run.status.value if run.is_finished else None

    def wait_until_done(self, *, seconds: float) -> None:
        """Until the daemon has nothing left to do, and says so in every check of a day."""
        wait_for(lambda: None if self.is_busy() or self.red("on_time", "up_to_date") else True, seconds=seconds)

    def is_busy(self) -> bool:
        now = self.ground.warehouse.clock()
        dated = [table for table in self.pipeline.tables if isinstance(table, DatedTable)]
        return bool(
            self.instance.get_runs(dg.RunsFilter(statuses=UNFINISHED), limit=1)
            or list(unconsumed(self.pipeline, self.ground))
            or list(continuations(self.pipeline, self.ground))
            or any(due_dates(self.pipeline, table, self.ground, now=now).due for table in dated)
        )

    def red(self, *names: str) -> list[str]:
        """Checks that failed where they were last evaluated, of these names or all; a warning about rows is none."""
        found = []
        for key in self.checks:
            if not names or key.name in names:
                latest = self._latest(key)
                found += [
                    f"{key.to_user_string()} {day}: {one.description}" for day, one in latest.items() if _is_red(one)
                ]
        return found

    @cached_property
    def checks(self) -> list[dg.AssetCheckKey]:
        return [spec.key for checks in self.definitions.asset_checks for spec in checks.check_specs]

    def _latest(self, key: dg.AssetCheckKey) -> dict[str | None, dg.AssetCheckEvaluation]:
        records = self.instance.event_log_storage.get_asset_check_execution_history(key, limit=1_000)
        found = [record.evaluation for record in records[::-1]]
        return {one.partition: one for one in found if isinstance(one, dg.AssetCheckEvaluation)}

    def died_with_the_daemon(self, run: dg.DagsterRun) -> bool:
        """As the run monitoring told it, or because the daemon came to its end in the middle of the launch."""
        messages = [entry.message or "" for entry in self.instance.all_logs(run.run_id)]
        return any("is gone" in message or "timed out due to taking longer" in message for message in messages)

    def materialized(self, name: str) -> set[str]:
        return self.instance.get_materialized_partitions(dg.AssetKey(name.split("/")))

    def runs(self, *statuses: dg.DagsterRunStatus) -> Sequence[dg.DagsterRun]:
        """All runs, or those of some statuses."""
        return self.instance.get_runs(dg.RunsFilter(statuses=list(statuses)))


@contextmanager
def simulated(folder: Path) -> Iterator[Month]:
    """A shop with nothing in it and a running daemon."""
    sys.path.insert(0, str(folder))
    try:
        month = Month(folder)
        with month.stack:
            yield month
            month.instance.dispose()
    finally:
        sys.path.remove(str(folder))


def write_package(folder: Path) -> None:
    """The shop's pipeline, of which a run lands fewer rows."""
    package, shop = folder / PACKAGE, ROOT / "snowpipe_platform" / "pipeline"
    (package / "source").mkdir(parents=True)
    (package / "__init__.py").write_text(
        f"from datetime import date\n\nFIRST_DAY = date.fromisoformat('{FIRST_DAY}')\n"
    )
    for layer in ("silver", "gold", "features"):
        (package / layer).symlink_to(shop / layer)
    queries = yaml.safe_load((shop / "source" / "shop.yaml").read_text()) | ROWS_OF_A_RUN
    (package / "source" / "shop.yaml").write_text(yaml.safe_dump(queries))


def write_instance(folder: Path) -> None:
    """The instance of `deploy/`, in a hurry: it looks more often, and does not start a process for each run."""
    config = yaml.safe_load((ROOT / "deploy" / "dagster.yaml").read_text())
    launcher = {"module": "snowpipe_platform_tests.orchestration.in_memory_launcher", "class": "InMemoryRunLauncher"}
    queue = {"dequeue_interval_seconds": 1}
    monitoring = {
        "enabled": True,
        "poll_interval_seconds": 2,
        "free_slots_after_run_end_seconds": 1,
        "start_timeout_seconds": 30,
    }
    folder.mkdir(parents=True)
    hurried = config | {"run_launcher": launcher, "run_queue": queue, "run_monitoring": monitoring}
    (folder / "dagster.yaml").write_text(yaml.safe_dump(hurried))


def _is_red(evaluation: dg.AssetCheckEvaluation) -> bool:
    is_about_rows = evaluation.check_name not in {"on_time", "up_to_date", "published", "window_complete"}
    is_warning = evaluation.severity is dg.AssetCheckSeverity.WARN
    return not evaluation.passed and not (is_about_rows and is_warning)

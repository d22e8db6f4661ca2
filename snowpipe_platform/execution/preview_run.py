"""Every step of a run, previewed in order; and what changed code makes stale."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from snowpipe_platform.execution.as_of_plan import made_dates
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.outcome import Outcome, Status, Step
from snowpipe_platform.execution.plan import CODE_VERSION_PROPERTY
from snowpipe_platform.execution.preview import ExtractionPreview, Preview, TablePreview
from snowpipe_platform.execution.preview_extraction import Extractions
from snowpipe_platform.execution.preview_table import preview_table
from snowpipe_platform.execution.run import BRONZE, blocker
from snowpipe_platform.spec.as_of import DatedTable
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.table import Table


@dataclass(frozen=True)
class Stale:
    """A table that changed code leaves behind. because_of: the table whose code changed, itself or one above it.
    preview: of making it anew; of an as-of table its newest date, and dates how many are stale, each about like that.
    Below the table that changed that is the most it can take: rows that stay cost less."""

    because_of: str
    preview: TablePreview
    dates: int | None = None

    @property
    def seconds(self) -> float | None:
        """About what all of it takes; None where nothing is known."""
        return None if self.preview.seconds is None else self.preview.seconds * self.times

    @property
    def times(self) -> int:
        """How often the preview is carried out."""
        return 1 if self.dates is None else self.dates


def preview_run(
    pipeline: Pipeline,
    steps: Sequence[Step],
    ground: Ground,
    *,
    count: bool,
    on_start: Callable[[Step], None] = lambda _step: None,
) -> Iterator[Preview]:
    """What each step would do, as far as it can be known before those above it have run. count: ask the source how many
    rows it has; without, it is not opened."""
    extractions, above = Extractions(pipeline, ground, count=count), list[Preview]()
    for step in steps:
        on_start(step)
        stopped = blocker(step, pipeline, [_outcome(preview) for preview in above])
        preview: Preview
        if step.name.startswith(BRONZE):
            preview = ExtractionPreview(step, "unknown") if stopped else extractions.preview(step)
        else:
            preview = TablePreview(step, "nothing", "") if stopped else preview_table(step, pipeline, ground, above)
        preview = replace(preview, blocked_by=stopped) if stopped else preview
        above.append(preview)
        yield preview


def _outcome(preview: Preview) -> Outcome:
    """As far as what follows depends on it."""
    if preview.problem:
        return Outcome(preview.step, Status.FAILED)
    status = Status.BLOCKED if preview.blocked_by else Status.OK
    return Outcome(preview.step, status, blocked_by=preview.blocked_by)


def stale_tables(pipeline: Pipeline, ground: Ground) -> list[Stale]:
    """Tables whose rows other code made than there is now, and all that is made of them, inputs first."""
    cause: dict[str, str] = {}
    for table in pipeline.tables:
        state = ground.lake.state(table.name)
        if state is None:
            continue
        above = next((cause[name] for name in table.upstream if name in cause), None)
        if state.properties.get(CODE_VERSION_PROPERTY) != table.code_version:
            cause[table.name] = table.name
        elif above is not None:
            cause[table.name] = above
    return [_stale(pipeline.table(name), because_of, pipeline, ground) for name, because_of in cause.items()]


def _stale(table: Table, because_of: str, pipeline: Pipeline, ground: Ground) -> Stale:
    if not isinstance(table, DatedTable):
        return Stale(because_of, preview_table(Step(table.name, rebuild=True), pipeline, ground))
    made = made_dates(ground.lake.state(table.name))
    dates = made.by_other_code(table.code_version) if because_of == table.name else made.all
    newest = Step(table.name, max(dates), rebuild=True)
    return Stale(because_of, preview_table(newest, pipeline, ground), len(dates))

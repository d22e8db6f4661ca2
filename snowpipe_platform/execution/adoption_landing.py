"""Carry out one adoption: read the file, recognise, write bronze files. The manifest is returned, not committed."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import pyarrow as pa
import pyarrow.compute as pc

from snowpipe_platform.errors import ArrivalError, ConfigurationError, SourceError
from snowpipe_platform.execution.adoption_plan import AdoptionPlan, typed_batches
from snowpipe_platform.execution.arrow_types import RULE_PREFIX, to_bronze
from snowpipe_platform.execution.bronze_rows import ReadRows, read_rows, refuse_failures
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.landing import Progress
from snowpipe_platform.execution.log_entry import landed_entry
from snowpipe_platform.execution.row_files import RowFiles, Tally, letters
from snowpipe_platform.ports import BronzeAttempt, Recognizer, Session
from snowpipe_platform.records import Landed
from snowpipe_platform.spec.manifest import Manifest

Keep = Callable[..., None]
"""Keeps dead letters, as `DeadLetters.put` does."""


class _Landing:
    """One file under way. Rows without a watermark lie in files of their own: a range of watermarks hides them."""

    def __init__(self, plan: AdoptionPlan, attempt: BronzeAttempt, keep: Keep) -> None:
        self._plan, self._keep = plan, keep
        self._with, self._without = RowFiles(plan, attempt), RowFiles(plan, attempt)
        self.tally = Tally()

    def land(self, read: ReadRows, recognizer: Recognizer) -> None:
        refuse_failures(self._plan, read)
        new, dropped = read.parted(recognizer.new_rows(read.batch).rows)
        has_watermark = self._has_watermark(new)
        self._with.add(new.filter(has_watermark))
        self._without.add(new.filter(pc.invert(has_watermark)))
        nulls = new.num_rows - pc.sum(has_watermark, min_count=0).as_py()
        self.tally.add(read, landed=new.num_rows, dropped=dropped.num_rows, nulls=nulls)
        if dropped.num_rows:
            self._keep(*letters(self._plan, read, dropped))

    def entry(self) -> Manifest:
        self._with.finish()
        self._without.finish()
        files = [*self._with.written, *self._without.written]
        plan = self._plan
        facts = {"arrived": plan.arrived, "rows_null_watermark": plan.null_watermarks}
        return landed_entry(plan, files, self.tally, kind="arrival", **facts)

    def _has_watermark(self, rows: pa.Table) -> pa.Array:
        if self._plan.watermark is None:
            return pa.repeat(pa.scalar(value=True), rows.num_rows)
        return pc.is_valid(rows[self._plan.watermark])


def land_file(
    plan: AdoptionPlan, ground: Ground, attempt: BronzeAttempt, *, keep: Keep, progress: Progress
) -> Manifest:
    """The manifest of the file's new rows, which are written to the attempt. keep: is given letters for the rows that
    rules keep out. Raises ArrivalError."""
    locations = {file.path: ground.bronze.locate(file) for m in plan.candidates for file in m.files}
    landing = _Landing(plan, attempt, keep)
    with _recognizer(plan, ground, Landed(plan.candidates, locations)) as recognizer, _judging(plan, ground) as session:
        for batch in typed_batches(plan):
            judged = batch if session is None else _judged(plan, batch, session, ground.warehouse.dialect)
            try:
                landing.land(read_rows(plan, judged, start=landing.tally.read, nulls=False), recognizer)
            except SourceError as error:
                raise ArrivalError(f"{plan.file.name}: {error}") from error
            progress(landing.tally.read)
        return landing.entry()


@contextmanager
def _recognizer(plan: AdoptionPlan, ground: Ground, landed: Landed) -> Iterator[Recognizer]:
    key = [name.lower() for name in plan.query.primary_key]
    recognizer = ground.recognizer(schema=plan.schema, key=key, watermark=plan.watermark, landed=landed, ordered=False)
    try:
        yield recognizer
    finally:
        recognizer.close()


def _judging(plan: AdoptionPlan, ground: Ground) -> AbstractContextManager[Session | None]:
    """The engine stands in for the warehouse, which judges the rows it sends; None where there is no rule."""
    return ground.engine.session() if plan.query.rules else nullcontext()


def _judged(plan: AdoptionPlan, batch: pa.RecordBatch, session: Session, dialect: str) -> pa.RecordBatch:
    """The batch with a column for each rule of the query: whether the row meets it."""
    conditions = {rule.name: rule.expression for rule in plan.query.rules}
    rows = to_bronze(batch, plan.schema, time_zones=plan.query.time_zones)
    try:
        met = session.met(rows, conditions, dialect=dialect)
    except ConfigurationError as error:
        raise ArrivalError(
            f"{plan.file.name}: a rule of query {plan.query.name!r} cannot be applied to a dropped file: {error}. "
            "Write the rule in SQL that the engine understands too."
        ) from error
    for name in conditions:
        batch = batch.append_column(RULE_PREFIX + name, met[name].combine_chunks())
    return batch

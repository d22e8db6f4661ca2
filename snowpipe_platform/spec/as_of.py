"""Tables of analysis dates: what was known at the end of each, whenever it is computed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

import ibis
import ibis.expr.types as ir

from snowpipe_platform.errors import PipelineError
from snowpipe_platform.spec.analysis_dates import end_of
from snowpipe_platform.spec.deadlines import refuse_due
from snowpipe_platform.spec.table import CHANGED_AT, STATUS, VALID, Inputs, Table

ANALYSIS_DATE = "analysis_date"
DEFAULT_RESTATE_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class DatedTable(Table):
    """A table with rows for each analysis date, each a partition on disk.

    inputs: the tables its rows follow from.
    restate_days: of the dates that became stale, the last `restate_days` are recomputed by the next run, older ones
    when somebody asks. due: how long after its end a date has to be there.
    """

    inputs: tuple[str, ...]
    restate_days: int = DEFAULT_RESTATE_DAYS
    due: timedelta | None = None
    partition_columns: tuple[str, ...] = (ANALYSIS_DATE,)
    kind: Literal["as_of", "feature_group", "scores"]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.partition_columns != (ANALYSIS_DATE,):
            raise PipelineError(f"{self.defined_in}: {self.name} is partitioned by {ANALYSIS_DATE!r} alone.")
        refuse_due(self.due, defined_in=self.defined_in)
        if self.restate_days < 0:
            raise PipelineError(f"{self.defined_in}: restate_days is {self.restate_days}. It is 0 or more days.")

    @property
    def upstream(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.inputs, *self.judged_with)))

    @property
    def day_column(self) -> str:
        return ANALYSIS_DATE


@dataclass(frozen=True, kw_only=True)
class AsOfTable(DatedTable):
    """A table with a state for each analysis date.

    inputs: changes tables. build: the rows of one date, without `analysis_date`, from the changes whose instant lies
    before the date's end; so a date computed later is the same, unless a change inside or before it came in between,
    which makes the dates from its own on stale.
    scores: score tables; build is also given their rows of the date, none while there is none: a date does not wait for
    its scores, and is stale once they come.
    """

    build: Callable[[Inputs, date], ir.Table]
    scores: tuple[str, ...] = ()
    kind: Literal["as_of", "feature_group", "scores"] = "as_of"

    @property
    def upstream(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*super().upstream, *self.scores)))

    @property
    def waits_for(self) -> tuple[str, ...]:
        return super().upstream

    def _code(self) -> tuple[object, ...]:
        return (self.contract, self.build, self.inputs, *self.scores)


@dataclass(frozen=True, kw_only=True)
class DateByDate(DatedTable):
    """A table whose rows of a date follow from the source's rows of that date alone."""

    source: str
    inputs: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", (self.source,))
        super().__post_init__()


def known_by(changes: ir.Table, on: date) -> ir.Table:
    """The accepted changes whose instant lies before the end of the UTC day."""
    return changes.filter((changes[STATUS] == VALID) & (changes[CHANGED_AT] < ibis.literal(end_of(on), "timestamp(6)")))

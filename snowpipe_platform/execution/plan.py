"""What a run of one table is asked to do, and what it was decided to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import ibis.expr.types as ir

from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.records import Rows, TableState
from snowpipe_platform.spec.analysis_dates import AnalysisDates
from snowpipe_platform.spec.consumption import Consumption
from snowpipe_platform.spec.model_version import ModelVersion
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.table import Table

TARGET = "target"
TOUCHED = "touched"
"""Names every plan may use: the table's own rows as they are, and the scope values, or origins, it replaces."""
WAITS_FOR = "waits for "
"""How a plan says that its inputs have no commit yet."""
NOTHING_TO_REPLAY = "none of the rows is in quarantine and passes today's rules"
PARTITION_PROPERTY = "snowpipe.partition"
"""The day a commit is for; empty for none."""
CODE_VERSION_PROPERTY = "snowpipe.code-version"
"""The code of the oldest rows: rows that a run adds or replaces do not make the others new."""

Operation = Literal["nothing", "append", "replace_touched", "replace_date", "replace_all"]


@dataclass(frozen=True, kw_only=True)
class Replay:
    """Quarantined rows of a changes table to judge again. origins: ranges of source rows by manifest number.
    by, reason: whose doing it is and why, recorded with the commit."""

    origins: Mapping[int, str]
    by: str
    reason: str


@dataclass(frozen=True)
class TableRequest:
    """One table to bring up to date. day: of a changes table only what was landed for that load day; of an as-of table
    the analysis date. rebuild: from all inputs, anew. override: who publishes rows beyond a rule's tolerance, and why;
    recorded with the commit. replay: instead of taking in what is new, judge rows in quarantine again."""

    pipeline: Pipeline
    table: Table
    identity: RunIdentity
    day: date | None = None
    rebuild: bool = False
    override: str | None = None
    replay: Replay | None = None


@dataclass(frozen=True)
class Scoring:
    """What a version of a model is asked, before the plan's expression is evaluated. features: the entity, called
    `key`, and its features. answers: the table its answers become, with the columns of a scoring script's file."""

    features: ir.Table
    version: ModelVersion
    key: str
    answers: ir.Table


@dataclass(frozen=True)
class Plan:
    """One commit, decided: `expression` over the names in `sources` and TARGET gives the rows to write.

    touched: the scope values, or of a changes table the origins, to replace; None when rows are appended or all are
    replaced. replaces: of an as-of table, the partition that is replaced, as column equals value.
    consumed: what the table will have consumed after the commit. days: of a changes table, load days whose rows it
    adds, replaces or removes; begun: those of them that it has rows of already. dates: of an as-of table, those it will
    have. properties: what the commit records beside what every commit does.
    """

    request: TableRequest
    base: TableState | None
    operation: Operation
    reason: str
    consumed: Consumption
    expression: ir.Table | None = None
    touched: ir.Table | None = None
    days: frozenset[date] = frozenset()
    begun: frozenset[date] = frozenset()
    sources: Mapping[str, Rows] = field(default_factory=dict)
    replaces: Mapping[str, object] = field(default_factory=dict)
    dates: AnalysisDates | None = None
    scoring: Scoring | None = None
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def table(self) -> Table:
        return self.request.table

    @property
    def code_version(self) -> str:
        """Of the oldest rows there will be in the table."""
        if self.dates is not None:
            return self.dates.oldest_code(self.table.code_version)
        if self.base is None or self.operation == "replace_all":
            return self.table.code_version
        return self.base.properties.get(CODE_VERSION_PROPERTY, self.table.code_version)

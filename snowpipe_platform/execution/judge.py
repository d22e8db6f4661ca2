"""Count the rows that break each rule."""

from datetime import date

import ibis
import ibis.expr.types as ir

from snowpipe_platform.execution.change_rows import all_rules
from snowpipe_platform.ports import Session
from snowpipe_platform.spec.quality import WHOLE_TABLE, Counts, Quality
from snowpipe_platform.spec.rule import Rule
from snowpipe_platform.spec.table import (
    DISCARDED,
    FAILED_RULES,
    LOAD_DAY,
    QUARANTINED,
    STATUS,
    ChangesTable,
    Table,
)


def rules_of(table: Table) -> tuple[Rule, ...]:
    """Every rule of the table, in the order they are reported."""
    return all_rules(table) if isinstance(table, ChangesTable) else table.rules


def change_quality(rows: ir.Table, session: Session) -> Quality:
    """Counts by load day, from the verdicts the rows carry; a row given up breaks no rule any more."""
    counted = rows.group_by(LOAD_DAY).aggregate(
        n=rows.count(), bad=(rows[STATUS] == QUARANTINED).sum(), given_up=(rows[STATUS] == DISCARDED).sum()
    )
    kept = rows.filter(rows[STATUS] != DISCARDED)
    verdicts = kept.select(LOAD_DAY, rule=kept[FAILED_RULES].unnest())
    broken = verdicts.group_by([LOAD_DAY, "rule"]).aggregate(n=verdicts.count())
    by_day: dict[str, dict[str, int]] = {}
    for row in session.fetch(broken).to_pylist():
        by_day.setdefault(str(row[LOAD_DAY]), {})[row["rule"]] = row["n"]
    return Quality(
        {
            str(row[LOAD_DAY]): Counts(
                row["n"], int(row["bad"]), by_day.get(str(row[LOAD_DAY]), {}), int(row["given_up"])
            )
            for row in session.fetch(counted).to_pylist()
        }
    )


def table_quality(table: Table, rows: ir.Table, session: Session, *, day: date | None = None) -> Quality:
    """Counts over all the rows, in one pass: of the whole table, or of its rows of a day."""
    broken_by = {f"r{index}": rule.breaks(rows) for index, rule in enumerate(table.rules)}
    marked = rows.select(one=ibis.literal(1), **broken_by)
    sums = {name: marked[name].sum().fill_null(0) for name in broken_by}
    counted = session.fetch(marked.aggregate(n=marked.count(), **sums)).to_pylist()[0]
    broken = {rule.id: int(counted[f"r{index}"]) for index, rule in enumerate(table.rules) if counted[f"r{index}"]}
    partition = WHOLE_TABLE if day is None else day.isoformat()
    return Quality({partition: Counts(int(counted["n"]), 0, broken)})

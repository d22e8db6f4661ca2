"""The rows of one table that break one rule, wherever they are kept."""

from datetime import date
from difflib import get_close_matches

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from snowpipe_platform.commands.lake_rows import held_rows, lake_rows
from snowpipe_platform.commands.project import Project
from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.execution.execute import rules_of
from snowpipe_platform.execution.related import bind_related, consumption_of
from snowpipe_platform.execution.run import BRONZE
from snowpipe_platform.records import LakeRows
from snowpipe_platform.spec.rule import Rule
from snowpipe_platform.spec.table import (
    CHANGED_AT,
    DISCARDED,
    FAILED_RULES,
    PAYLOAD,
    QUARANTINED,
    SOURCE_FILE,
    SOURCE_ROW,
    STATUS,
    ChangesTable,
    Table,
)

KEPT_IN = "kept_in"
TABLE_ITSELF = "table"


def find_rule(project: Project, name: str, wanted: str) -> Rule:
    """By id or description, whatever the case. Raises ConfigurationError with the nearest."""
    if name.startswith(BRONZE):
        raise ConfigurationError(
            f"{name} keeps what was extracted; rules judge silver and gold. Name one of their tables."
        )
    rules = rules_of(project.pipeline.table(name))
    spoken = {word.lower(): rule for rule in rules for word in (rule.description, rule.id)}
    if wanted.lower() in spoken:
        return spoken[wanted.lower()]
    near = get_close_matches(wanted.lower(), list(spoken), n=1, cutoff=0.5)
    hint = f"Did you mean {spoken[near[0]].id!r}?" if near else f"Rules: {', '.join(rule.id for rule in rules)}."
    raise ConfigurationError(f"{name} has no rule {wanted!r}. {hint}")


def failing_rows(project: Project, name: str, rule: Rule, *, day: date | None = None) -> pa.Table:
    """Published, quarantined and held rows, of a day or of all; what a person gave up breaks no rule any more.

    `kept_in`: `table`, `quarantine`, or the branch that holds them; then what the rule reads, and of rows that are not
    valid the payload and origin. Raises ConfigurationError for a day of a table that has none.
    """
    table, ground = project.pipeline.table(name), project.ground
    if day is not None and table.day_column is None:
        raise ConfigurationError(f"{name} has no rows of a day: its rules judge it whole. Leave out --partition.")
    sources = {TABLE_ITSELF: lake_rows(name, project), **_held(project, table)}
    states = {TABLE_ITSELF: ground.lake.state(name), **ground.lake.held(name)}
    with ground.engine.session() as session:
        found = []
        for place, rows in sources.items():
            session.bind(place, rows)
            bind_related(table, consumption_of(states.get(place)), session, ground)
            bound = ibis.table(rows.schema, name=place)
            of_day = bound if day is None else bound.filter(bound[table.day_column] == day)
            found.append(session.fetch(_failing(table, rule, of_day, place)))
    return pa.concat_tables(found, promote_options="permissive")


def _held(project: Project, table: Table) -> dict[str, LakeRows]:
    """Of a changes table the rows beside it. A held derived table is judged as it would be, whole."""
    if isinstance(table, ChangesTable):
        return held_rows(table.name, project)
    held = project.ground.lake.held(table.name)
    return {branch: lake_rows(table.name, project, snapshot_id=state.snapshot_id) for branch, state in held.items()}


def _failing(table: Table, rule: Rule, rows: ir.Table, place: str) -> ir.Table:
    if not isinstance(table, ChangesTable):
        broken = rows.filter(rule.breaks(rows))
        return broken.select(
            kept_in=ibis.literal(place), **{name: broken[name] for name in _columns(table, rule, rows)}
        )
    broken = rows.filter(rows[FAILED_RULES].contains(rule.id) & (rows[STATUS] != DISCARDED))
    is_published = place == TABLE_ITSELF
    kept_in = (
        broken[STATUS].cases((QUARANTINED, "quarantine"), else_=TABLE_ITSELF) if is_published else ibis.literal(place)
    )
    return broken.select(kept_in=kept_in, **{name: broken[name] for name in _columns(table, rule, rows)})


def _columns(table: Table, rule: Rule, rows: ir.Table) -> list[str]:
    """The key and what the rule reads first, then the origin, then everything else."""
    first = [*table.key, CHANGED_AT] if isinstance(table, ChangesTable) else list(getattr(table, "scope", ()))
    is_narrow = len(rule.columns) < len(table.contract_schema)
    # A rule over a whole row is called after the column it is about: phone_is_a_number.
    narrow = [
        name for name in table.contract_schema if name in rule.columns and (is_narrow or rule.id.startswith(name))
    ]
    origin = (PAYLOAD, SOURCE_FILE, SOURCE_ROW) if isinstance(table, ChangesTable) else ()
    wanted = dict.fromkeys([*first, *narrow, *origin, *rows.columns])
    return [name for name in wanted if name in rows.columns]

"""Whatever is landed, edited, given up, withdrawn and replayed, and however it is run: a table is what its log says."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pytest
from hypothesis import HealthCheck, given, settings

from snowpipe_platform.spec.bronze_log import landings
from snowpipe_platform.spec.consumption import CONSUMED_PROPERTY, Consumption
from snowpipe_platform.spec.origins import Origin, encode_origins
from snowpipe_platform_tests.cells import CellLog
from snowpipe_platform_tests.ledger import CHANGES, DIM, ItemChanges, Ledger, change

CHANGED, VERSIONS = "silver/item_changes", "silver/dim_items"
DAYS = ("2024-03-01", "2024-03-02")
LEAST_AMOUNTS = {"strict": 0, "mended": -10}


def contract(least):
    """Tolerates everything, so that nothing is held."""
    tolerance = {"error_above": 1.0}
    fields = {
        "id": pa.Field(metadata=tolerance),
        "amount": pa.Field(nullable=True, ge=least, metadata=tolerance),
    }
    return type("Tolerant", (ItemChanges,), {"__annotations__": {"id": str, "amount": dt.int64}, **fields})


TABLES = {name: (replace(CHANGES, contract=contract(least)), DIM) for name, least in LEAST_AMOUNTS.items()}

row = st.builds(
    lambda key, at, op, amount: change(key, at, op, amount=amount),
    st.sampled_from(["a", "b", None]),
    st.integers(0, 2),
    st.sampled_from(["upsert", "upsert", "delete"]),
    st.sampled_from(["1", "x", "-3"]),
)
amounts = st.lists(st.sampled_from(["1", "2", "x"]), min_size=1, max_size=2)
day, run_day = st.sampled_from(DAYS), st.sampled_from([*DAYS, None])
decision = st.one_of(
    st.tuples(st.just("edit"), day, amounts),
    st.tuples(st.just("discard"), day, st.integers(1, 2)),
    st.tuples(st.just("withdraw"), st.integers(0, 3)),
)
other = st.one_of(
    st.tuples(st.just("land"), day, st.lists(row, min_size=1, max_size=3)),
    st.sampled_from([("replay",), ("rebuild",), ("mend",), ("follow",)]),
)
run = st.tuples(st.just("run"), run_day)
steps = st.lists(st.tuples(run, decision, other, decision), min_size=2, max_size=4).map(lambda rounds: sum(rounds, ()))


class Oracle:
    """Tables as the log says, under rules that accept no amount below `least`; written without the platform."""

    def __init__(self):
        self.log, self.least = CellLog(), LEAST_AMOUNTS["strict"]

    def is_bad(self, content):
        amount, is_upsert = content["amount"], content["_operation"] == "upsert"
        return content["id"] is None or (is_upsert and (amount == "x" or int(amount) < self.least))

    def changes(self):
        return sorted(
            (*cell.origin, cell.day, cell.content["id"] or "", self._status(cell)) for cell in self.log.cells()
        )

    def versions(self):
        by_key: dict[str, list[Any]] = {}
        for cell in self.log.cells():
            if self._status(cell) == "valid":
                by_key.setdefault(cell.content["id"], []).append((cell.content["_instant"], cell.origin, cell.content))
        return sorted(
            version for key, changes in by_key.items() for version in _versions(key, sorted(changes, key=_at))
        )

    def _status(self, cell):
        return "discarded" if cell.is_discarded else "quarantined" if self.is_bad(cell.content) else "valid"


def _versions(key, changes):
    by_instant = {at: (content["_operation"], _number(content["amount"])) for at, _, content in changes}
    kept: list[Any] = []
    for at, state in by_instant.items():
        if not kept or kept[-1][1] != state:
            kept.append((at, state))
    ends = [at for at, _ in kept[1:]] + [None]
    exists = kept[-1][1][0] == "upsert"
    return [
        (key, amount, at, end, exists)
        for (at, (operation, amount)), end in zip(kept, ends, strict=True)
        if operation == "upsert"
    ]


def _at(change):
    """Of two changes at one instant the later in the log comes last."""
    return change[:2]


def _number(text):
    return None if text == "x" else int(text)


class Story:
    """Carries steps out, in the ledger and in the oracle."""

    def __init__(self, folder):
        self.ledger, self.oracle = Ledger(folder, tables=TABLES["strict"]), Oracle()
        self.land(DAYS[0], [change("a", 0, amount="x"), change("a", 1, amount="-3"), change("b", 0, amount="1")])

    def land(self, day, rows):
        self.ledger.land(day, *rows)
        self.oracle.log.land(day, rows)

    def edit(self, day, amounts):
        cells = self.oracle.log.waiting(day, self.oracle.is_bad)[: len(amounts)]
        if cells:
            rows = [cell.content | {"amount": amount} for cell, amount in zip(cells, amounts, strict=False)]
            self.ledger.correct(day, ranges(cells), *rows)
            self.oracle.log.correct(day, [cell.origin for cell in cells], rows)

    def discard(self, day, count):
        cells = self.oracle.log.waiting(day, self.oracle.is_bad)[-count:]
        if cells:
            self.ledger.discard(day, ranges(cells))
            self.oracle.log.discard(day, [cell.origin for cell in cells])

    def withdraw(self, pick):
        found = self.oracle.log.withdrawable()
        if found:
            self.ledger.withdraw(found[-1 - pick % len(found)])
            self.oracle.log.withdraw(found[-1 - pick % len(found)])

    def run(self, day):
        self.ledger.run(CHANGED, day)
        self.counts_agree()

    def follow(self):
        self.ledger.run(VERSIONS)

    def replay(self):
        if self.ledger.ground.lake.state(CHANGED) is None:
            return
        rows = self.ledger.rows(CHANGED, "manifest_number, source_row", "change_status = 'quarantined'")
        self.ledger.replay(encode_origins(Origin(*row) for row in rows))
        assert self.ledger.replay(encode_origins(Origin(*row) for row in rows)).plan.operation == "nothing"
        self.counts_agree()

    def rebuild(self):
        self.ledger.run(CHANGED, rebuild=True)
        self.counts_agree()

    def mend(self):
        self.ledger.use(*TABLES["mended"])
        self.oracle.least = LEAST_AMOUNTS["mended"]

    def counts_agree(self):
        """Valid, quarantined and discarded rows are all that landed and counts, of what the table has consumed."""
        state = self.ledger.ground.lake.state(CHANGED)
        if state is None:
            return
        consumed = Consumption.decode(state.properties[CONSUMED_PROPERTY]).manifests["items"]
        log = [entry for entry in self.ledger.ground.bronze.log("items") if entry.number in consumed]
        assert len(self.ledger.rows(CHANGED, "1")) == sum(entry.rows_landed for entry in landings(log))

    def tables_are_what_the_log_says(self):
        columns = "manifest_number, source_row, load_day::VARCHAR, coalesce(id, ''), change_status"
        assert self.ledger.rows(CHANGED, columns) == self.oracle.changes()
        versions = "id, amount, effective_at, expires_at, exists_now"
        assert sorted(self.ledger.rows(VERSIONS, versions)) == self.oracle.versions()


def ranges(cells):
    return encode_origins(Origin(*cell.origin) for cell in cells)


@pytest.mark.slow
@pytest.mark.case("A58")
@pytest.mark.case("A22")
@pytest.mark.case("A30")
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(schedule=steps)
def test_any_history_of_decisions_and_runs_gives_the_tables_that_one_rebuild_gives(schedule):
    with tempfile.TemporaryDirectory() as folder:
        story = Story(Path(folder))
        for step, *arguments in schedule:
            getattr(story, step)(*arguments)
        story.run(None)
        story.replay()
        story.follow()
        story.tables_are_what_the_log_says()
        for table in (CHANGED, VERSIONS):
            story.ledger.run(table, rebuild=True)
        story.tables_are_what_the_log_says()

"""What a commit took, and what making a table anew would."""

import pytest

from snowpipe_platform.execution.cost import COST_PROPERTY, Cost, rebuild_seconds
from snowpipe_platform.records import TableState
from snowpipe_platform_tests.kit import moment
from snowpipe_platform_tests.ledger import CHANGES, Ledger, change


def commit(cost):
    properties = {} if cost is None else {COST_PROPERTY: cost.encode()}
    return TableState("silver/x", 1, 1, "", moment("2024-03-01"), properties)


@pytest.mark.parametrize(
    ("commits", "written", "expected"),
    [
        pytest.param([None], 1_000_000, (0.5, False), id="by bytes where none is recorded"),
        pytest.param([Cost(4.0, 9, 1_000_000)], 1_000_000, (4.0, True), id="as the commit that wrote as much"),
        pytest.param([Cost(4.0, 9, 1_000_000)], 2_000_000, (8.0, True), id="twice as long for twice as much"),
        pytest.param([Cost(4.0, 9, 1_000_000)], 10, (4.0, True), id="no shorter for less"),
        pytest.param([Cost(4.0, 9, 1_000)], 1_000_000, (0.5, False), id="a small commit says little of a large one"),
        pytest.param([Cost(9.0, 1, 10), Cost(4.0, 9, 1_000_000)], 1_000_000, (4.0, True), id="the largest tells"),
        pytest.param([Cost(1.5, 0, 0)], 0, (1.5, True), id="an empty table"),
    ],
)
def test_a_rebuild_takes_what_its_commits_recorded_or_what_its_bytes_say(commits, written, expected):
    history = [commit(cost) for cost in commits]
    assert rebuild_seconds(history, read_bytes=1_000_000, written_bytes=written) == pytest.approx(expected)


def test_every_commit_records_what_it_took(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.land("2024-03-01", change("a", name="x"), change("b", name="y"))
    state = ledger.run(CHANGES.name).state
    cost = Cost.decode(state.properties[COST_PROPERTY])
    (file,) = ledger.ground.lake.files(CHANGES.name, snapshot_id=state.snapshot_id)
    assert (cost.rows, cost.size_bytes) == (2, file.size_bytes)
    assert 0 < cost.seconds < 60
    assert Cost.decode(cost.encode()) == cost

"""Committed rows for users' own assets."""

from datetime import date

import pytest

from snowpipe_platform.errors import LakeError
from snowpipe_platform.execution import withdrawal
from snowpipe_platform.execution.decisions import Author
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.orchestration.loading import load_bronze

ANN = Author(by="ann", reason="read during a restore", identity=RunIdentity(run_id="cli-1", job="test"))


def ids(rows):
    return sorted(rows.select("id").to_pyarrow()["id"].to_pylist())


# ibis 12 asks DuckDB for a table by a name that is going.
@pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")
def test_bronze_is_loaded_by_day_and_without_what_was_withdrawn(make_world):
    world = make_world(primary_key="id")
    world.source.run("CREATE TABLE orders (id INTEGER, updated_at TIMESTAMP)")
    for day in (1, 2, 3):
        world.source.run(f"INSERT INTO orders VALUES ({day}, '2024-03-0{day} 10:00')")
        world.run(f"2024-03-0{day}")
    assert ids(load_bronze("orders", world.ground)) == [1, 2, 3]
    withdrawal.carry_out("orders", 2, ANN, world.ground)
    assert ids(load_bronze("orders", world.ground)) == [1, 3]
    assert ids(load_bronze("orders", world.ground, days=[date(2024, 3, 2)])) == []
    for number in (1, 3):
        withdrawal.carry_out("orders", number, ANN, world.ground)
    assert ids(load_bronze("orders", world.ground)) == []


def test_what_was_never_landed_says_how_to_land_it(make_world):
    with pytest.raises(LakeError, match=r"bronze/orders has no extraction yet\. Land one with 'snowpipe run"):
        load_bronze("orders", make_world().ground)

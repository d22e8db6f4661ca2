"""Every change of a source's columns under every policy, and how the history and silver tell it."""

import ibis.expr.datatypes as dt
import pandera.ibis as pandera
import pytest

from snowpipe_platform.errors import SchemaChangedError
from snowpipe_platform.execution.execute import run_table
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.plan import TableRequest
from snowpipe_platform.execution.schema_history import schema_history
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.pipeline import build_pipeline
from snowpipe_platform.spec.queries_file import QueriesFile
from snowpipe_platform.spec.schema_history import schema_versions
from snowpipe_platform.spec.table import ChangesTable
from snowpipe_platform_tests.kit import query
from snowpipe_platform_tests.ledger import rows_in

CREATE = "CREATE TABLE orders (id INTEGER, total INTEGER, updated_at TIMESTAMP)"
NEW_ROW = "INSERT INTO orders BY NAME SELECT 2 AS id, TIMESTAMP '2024-03-02' AS updated_at"
CHANGES = {
    "added": ("ADD COLUMN note TEXT", [("note", "added", None, "string")]),
    "gone": ("DROP COLUMN total", [("total", "gone", "int32", None)]),
    "renamed": ("RENAME total TO sum", [("total", "gone", "int32", None), ("sum", "added", None, "int32")]),
    "widened": ("ALTER total TYPE BIGINT", [("total", "widened", "int32", "int64")]),
    "narrowed": ("ALTER total TYPE SMALLINT", [("total", "narrowed", "int32", "int16")]),
    "retyped": ("ALTER total TYPE TEXT", [("total", "retyped", "int32", "string")]),
}
PASS = {"evolve": {"added": "taken", "widened": "taken"}, "discard": {"added": "left out", "widened": "taken"}}
"""What becomes of the changes that a policy lets pass; every other is refused."""


def events(world, declared=None):
    """The history: version, entry, verdict, outcome, and the diff by column."""
    return [
        (event.version, event.number, event.verdict, event.outcome, [(c.column, c.kind) for c in event.diff])
        for event in schema_history(declared or world.query, world.ground)
    ]


FIRST = (1, 1, "first", "taken", [])


@pytest.mark.case("A11")
@pytest.mark.parametrize("policy", ["evolve", "freeze", "discard"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_taken_left_out_or_refused_and_stands_in_the_history(make_world, policy, change):
    statement, diff = CHANGES[change]
    world = make_world(on_schema_change=policy)
    world.source.run(CREATE, "INSERT INTO orders VALUES (1, 1, '2024-03-01')")
    world.run("2024-03-01")
    before = (world.manifests(), world.files())
    world.source.run(f"ALTER TABLE orders {statement}", NEW_ROW)
    outcome = PASS.get(policy, {}).get(change, "refused")
    named = [(column, kind) for column, kind, *_ in diff]
    verdict = "compatible" if change in {"added", "widened"} else "breaking"
    if outcome != "refused":
        world.run("2024-03-02")
        found = world.ground.bronze.log("orders")[-1]
        assert ("note" in found.column_names) == (change == "added" and policy == "evolve")
        assert [row["id"] for row in world.rows()] == [1, 2]
        number, version = 2, 2 if outcome == "taken" else None
    else:
        with pytest.raises(SchemaChangedError) as raised:
            world.run("2024-03-02")
        assert (world.manifests(), world.files()) == before
        found, number, version = raised.value, None, None
    told = found.diff if outcome == "refused" else found.schema_diff
    assert [(c.column, c.kind, c.before, c.after) for c in told] == diff
    assert events(world) == [FIRST, (version, number, verdict, outcome, named)]


@pytest.mark.case("A11")
def test_a_refused_rename_names_the_new_column_and_stays_in_the_history_once_mended(make_world):
    world = make_world()
    world.source.run(CREATE, "INSERT INTO orders VALUES (1, 1, '2024-03-01')")
    world.run("2024-03-01")
    world.source.run("ALTER TABLE orders RENAME total TO sum", NEW_ROW)
    with pytest.raises(SchemaChangedError, match=r"total is gone \(renamed to sum\?\)"):
        world.run("2024-03-02")
    mended = query(sql="SELECT id, sum AS total, updated_at FROM orders WHERE updated_at > ?")
    world.run("2024-03-02", query=mended)
    assert events(world, mended) == [FIRST, (None, None, "breaking", "refused", [("total", "gone"), ("sum", "added")])]
    refused = schema_history(mended, world.ground)[-1]
    assert refused.closed == "done by run-2024-03-02: a later run extracted the load day"


def test_what_each_run_leaves_out_is_one_event(make_world):
    world = make_world(on_schema_change="discard")
    world.source.run(CREATE, "INSERT INTO orders VALUES (1, 1, '2024-03-01')")
    world.run("2024-03-01")
    world.source.run("ALTER TABLE orders ADD COLUMN note TEXT", NEW_ROW)
    world.run("2024-03-02")
    world.run("2024-03-03")
    assert events(world) == [FIRST, (None, 2, "compatible", "left out", [("note", "added")])]


def test_the_history_of_manifests_that_kept_no_diff_follows_from_their_columns(make_world):
    world = make_world()
    world.source.run(CREATE, "INSERT INTO orders VALUES (1, 1, '2024-03-01')")
    world.run("2024-03-01")
    world.source.run("ALTER TABLE orders ALTER total TYPE BIGINT", NEW_ROW)
    world.run("2024-03-02")
    old = [{key: value for key, value in entry.items() if key != "schema_diff"} for entry in world.manifests()]
    versions = schema_versions([Manifest.model_validate(entry) for entry in old])
    assert [(event.version, [str(change) for change in event.diff]) for event in versions] == [
        (1, []),
        (2, ["total widened to int64, was int32"]),
    ]


class Orders(pandera.DataFrameModel):
    id: dt.int64
    total: dt.int64 = pandera.Field(nullable=True)
    note: str = pandera.Field(nullable=True)


@pytest.mark.case("A17")
def test_a_day_of_nulls_and_a_day_of_a_wider_type_are_read_together(make_world, file_format):
    world = make_world(output_format=file_format)
    world.source.run(CREATE, "INSERT INTO orders VALUES (1, NULL, '2024-03-01'), (2, NULL, '2024-03-01')")
    world.run("2024-03-01")
    world.source.run(
        "ALTER TABLE orders ALTER total TYPE BIGINT",
        "ALTER TABLE orders ADD COLUMN note TEXT",
        "INSERT INTO orders VALUES (3, 9007199254740993, '2024-03-02', NULL)",
    )
    world.run("2024-03-02")
    world.source.run("INSERT INTO orders VALUES (4, NULL, '2024-03-03', 'x')")
    world.run("2024-03-03")
    table = ChangesTable(
        name="silver/orders",
        description="",
        contract=Orders,
        source="orders",
        key=("id",),
        clean=lambda _rows: {},
    )
    pipeline = build_pipeline("policies", QueriesFile(queries=(world.query,)), [table])
    run_table(TableRequest(pipeline, table, RunIdentity(run_id="run", job="test")), world.ground)
    state = world.ground.lake.state(table.name)
    paths = [file.path for file in world.ground.lake.files(table.name, snapshot_id=state.snapshot_id)]
    assert rows_in(paths, "id, total, note, change_status") == [
        (1, None, None, "valid"),
        (2, None, None, "valid"),
        (3, 9007199254740993, None, "valid"),
        (4, None, "x", "valid"),
    ]

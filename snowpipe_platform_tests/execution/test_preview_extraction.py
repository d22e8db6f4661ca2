"""What a plan says of an extraction is what its run then reads."""

from dataclasses import replace
from datetime import date

import pytest

from snowpipe_platform.errors import TransientSourceError
from snowpipe_platform.execution.outcome import Step
from snowpipe_platform.execution.preview import Certainty
from snowpipe_platform.execution.preview_extraction import Extractions
from snowpipe_platform.spec.extraction import QueriesFile
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform_tests.kit import Faulty

ORDERS = "CREATE TABLE orders (id INT, updated_at TIMESTAMP)"
CONFIGURATIONS = {
    "plain": {},
    "with a lookback": {"lookback": "1 day"},
    "with the rows without a watermark": {"on_null_watermark": "include"},
    "with rules of the query": {"rules": [{"name": "positive", "expression": "id > 0"}]},
    "a snapshot": {"sql": "SELECT * FROM orders", "mode": "full", "watermark_column": None},
}


class Unopened:
    """A source that nobody may open."""

    dialect = "duckdb"

    def __getattr__(self, name):
        def refuse(*_args, **_kwargs):
            raise AssertionError(f"the source was asked for its {name}")

        return refuse


@pytest.fixture
def make_shop(make_world):
    """A world whose orders table has rows at noon of each of three days, and one without a watermark."""

    def make(**keys):
        world = make_world(**{"primary_key": "id", **keys})
        world.source.run(ORDERS, "INSERT INTO orders VALUES (0, NULL)")
        world.source.insert("orders", [(n, f"2024-03-0{1 + n % 3} 12:00") for n in range(1, 10)])
        world.source.set_clock("2024-03-04")
        return world

    return make


def extractions(world, *, count=True, **adapters):
    queries = QueriesFile(queries=(world.query,), source_system="shop")
    ground = replace(world.ground, **adapters)
    return Extractions(Pipeline("one", queries, ()), ground, count=count)


def preview(world, day, **options):
    return extractions(world, **options).preview(Step("bronze/orders", date.fromisoformat(day)))


def bounds(found):
    return None if found.upper is None else (found.lower, found.upper)


def coverage(manifest):
    return None if manifest.coverage is None else (manifest.coverage.lower, manifest.coverage.upper)


@pytest.mark.parametrize("keys", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_the_rows_read_are_those_foretold_live_and_again(make_shop, keys):
    world = make_shop(**keys)
    for day, clock in (("2024-03-01", "2024-03-02"), ("2024-03-02", "2024-03-03"), ("2024-03-01", "2024-03-03")):
        world.source.set_clock(clock)
        foretold, result = preview(world, day), world.run(day, at=clock)
        kind = "snapshot" if result.plan.bounds is None else "live" if result.plan.is_live else "backfill"
        assert (foretold.kind, foretold.certainty, foretold.problem) == (kind, Certainty.EXACT, "")
        assert foretold.compared_with == tuple(m.number for m in result.plan.candidates if m.files)
        if result.manifest is not None:
            assert foretold.rows == result.manifest.rows_read
            assert bounds(foretold) == coverage(result.manifest)
    assert world.manifests()


def test_a_later_day_of_the_same_run_starts_where_the_day_before_will_have_ended(make_shop):
    world = make_shop(lookback="1 day")
    foretold = extractions(world)
    days = [foretold.preview(Step("bronze/orders", date(2024, 3, day))) for day in (1, 2, 3)]
    assert [bounds(day) for day in days] == [
        (None, "2024-03-02T00:00:00.000000"),
        ("2024-03-01T00:00:00.000000", "2024-03-03T00:00:00.000000"),
        ("2024-03-02T00:00:00.000000", "2024-03-04T00:00:00.000000"),
    ]
    assert [(day.rows, day.certainty.value) for day in days] == [(3, "exact"), (6, "at_least"), (6, "at_least")]
    read = [world.run(f"2024-03-0{day}", at="2024-03-04").manifest.rows_read for day in (1, 2, 3)]
    assert read == [3, 6, 6]


def test_a_tie_that_an_earlier_day_lands_is_read_again_beyond_what_was_foretold(make_shop):
    """Without a lookback a run goes back to the newest row landed, which a plan does not know: at least."""
    world = make_shop()
    foretold = extractions(world)
    days = [foretold.preview(Step("bronze/orders", date(2024, 3, day))) for day in (1, 2)]
    read = [world.run(f"2024-03-0{day}", at="2024-03-04").manifest.rows_read for day in (1, 2)]
    assert ([day.rows for day in days], read) == ([3, 3], [3, 6])
    assert days[1].certainty is Certainty.AT_LEAST


def test_a_window_that_was_covered_before_is_known_exactly_whatever_comes_before_it(make_shop):
    world = make_shop()
    world.run("2024-03-03")
    foretold = extractions(world)
    days = [foretold.preview(Step("bronze/orders", date(2024, 3, day))) for day in (1, 2)]
    assert [(day.kind, day.rows, day.certainty.value) for day in days] == [("backfill", 3, "exact")] * 2


def test_without_counting_the_source_is_not_opened_and_the_bounds_are_the_same(make_shop):
    world = make_shop(lookback="1 day")
    world.run("2024-03-01")
    world.source.set_clock("2024-03-03")
    counted, uncounted = preview(world, "2024-03-02"), preview(world, "2024-03-02", count=False, warehouse=Unopened())
    assert uncounted == replace(counted, rows=None, certainty=Certainty.UNKNOWN)


@pytest.mark.parametrize(
    ("keys", "landed"),
    [
        pytest.param({}, False, id="nothing is landed yet"),
        pytest.param({"watermark_column": "id", "sql": "SELECT * FROM orders WHERE id > ?"}, True, id="numbers"),
    ],
)
def test_what_only_the_source_knows_is_unknown_without_it(make_shop, keys, landed):
    world = make_shop(**keys)
    if landed:
        world.run("2024-03-01")
    found = preview(world, "2024-03-02", count=False, warehouse=Unopened())
    assert (found.kind, found.rows, found.certainty, found.problem) == ("unknown", None, Certainty.UNKNOWN, "")


def test_what_stops_the_run_is_a_problem_of_the_plan(make_shop):
    world = make_shop()
    world.run("2024-03-01")
    world.source.run("ALTER TABLE orders DROP COLUMN id", "ALTER TABLE orders ADD COLUMN number INT")
    world.query = world.query.model_copy(update={"primary_key": ()})
    found = preview(world, "2024-03-02")
    assert "id is gone" in found.problem
    assert not found.may_bring_rows
    lost = TransientSourceError("the line is cut")
    cut = preview(world, "2024-03-02", warehouse=Faulty(world.ground.warehouse, lost, {"clock": [1]}))
    assert cut.problem == "the line is cut"


def test_a_new_column_at_the_source_is_told(make_shop):
    world = make_shop()
    world.run("2024-03-01")
    world.source.run("ALTER TABLE orders ADD COLUMN note VARCHAR")
    assert preview(world, "2024-03-02").schema_changes == ("note is new (string)",)


def test_the_source_is_asked_for_its_clock_and_columns_once(make_shop):
    world = make_shop()
    asked = Faulty(world.ground.warehouse, RuntimeError(), {"clock": [9], "schema": [9], "scalar": [9]})
    foretold = extractions(world, warehouse=asked)
    for day in (1, 2, 3):
        foretold.preview(Step("bronze/orders", date(2024, 3, day)))
    assert asked.counts == {"clock": 1, "schema": 1, "scalar": 3}

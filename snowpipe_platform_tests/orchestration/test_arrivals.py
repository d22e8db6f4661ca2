"""A dropped file starts exactly what it affects, whenever it was written, and nothing else does."""

from datetime import UTC, date, datetime

import dagster as dg
import pytest

from snowpipe_platform.execution.adoption import AdoptionRequest, adopt
from snowpipe_platform.execution.extraction import ExtractionRequest, execute_extraction
from snowpipe_platform.execution.extraction_plan import Window
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.orchestration import arrivals
from snowpipe_platform.orchestration.reporting import report_adoption
from snowpipe_platform_tests.dropping import ADOPTER, drop
from snowpipe_platform_tests.orchestration.conftest import SNAPSHOT

CHANGES, DIMENSION, GOLD = "silver/customer_changes", "silver/dim_customers", "gold/customer_count"
BRONZE = "bronze/customers"
DAY = "2024-03-01"


def tick(shop):
    """What one tick of the sensor requests, or why it requests nothing."""
    context = dg.build_sensor_context(
        instance=shop.instance, definitions=shop.definitions, resources={"ground": shop.resource}
    )
    found = shop.definitions.resolve_sensor_def("arrivals").evaluate_tick(context)
    return list(found.run_requests or []), found.skip_message or ""


def files(request):
    return request.run_config["ops"]["bronze__customers"]["config"]["arrivals"]


def carry_out(shop, request):
    assert request.asset_selection == [dg.AssetKey(["bronze", "customers"])]
    return shop.run(BRONZE, day=request.partition_key, config=request.run_config)


def put(shop, path, *customers, **options):
    """customers: id and e-mail address, changed at noon of the day."""
    lines = "".join(f"{key},{email},nick,{DAY} 12:00\n" for key, email in customers)
    header = "customer_id,email,nickname,updated_at\n"
    return drop(shop.root / "home/bronze", "customers", path, header + lines, **options)


@pytest.fixture
def started(shop):
    """A shop whose first day was extracted; it is still the day that is current."""
    shop.customers(DAY, good=3)
    (query,), window = shop.pipeline.queries.queries, Window(date.fromisoformat(DAY))
    execute_extraction(ExtractionRequest(query, "shop", window, ADOPTER), shop.ground)
    return shop


def test_without_arrivals_the_sensor_says_where_files_go(shop):
    assert tick(shop) == ([], "nothing was dropped: there is no file under bronze/<entity>/arrivals")


@pytest.mark.case("A20")
def test_a_dropped_file_is_requested_until_it_is_adopted_and_then_never_again(started):
    put(started, "2024/march.csv", ("x", "x@example.com"))
    (request,), _ = tick(started)
    assert (files(request), request.partition_key) == (["2024/march.csv"], DAY)
    (again,), _ = tick(started)
    assert again.run_key == request.run_key
    assert carry_out(started, request).success
    requests, reason = tick(started)
    assert requests == []
    assert reason == "nothing new: 1 adopted before, as the bronze log says (this sensor has no cursor to lose)"


@pytest.mark.case("A20")
def test_a_file_written_again_after_newer_ones_fires(started):
    put(started, "old.csv", ("x", "x@example.com"), age=500)
    put(started, "new.csv", ("y", "y@example.com"), age=100)
    (first,), _ = tick(started)
    assert files(first) == ["old.csv", "new.csv"]
    carry_out(started, first)
    put(started, "old.csv", ("x", "changed@example.com"), age=300)
    (second,), _ = tick(started)
    assert files(second) == ["old.csv"]
    assert second.run_key != first.run_key
    carry_out(started, second)
    assert len(started.ground.bronze.log("customers")) == 4


@pytest.mark.case("A20")
def test_two_files_of_one_moment_both_fire_and_so_does_one_written_twice_at_it(started):
    put(started, "a.csv", ("a", "a@example.com"))
    carry_out(started, tick(started)[0][0])
    moment = (started.root / "home/bronze/customers/arrivals/a.csv").stat().st_mtime
    age = datetime.now(UTC).timestamp() - moment
    put(started, "b.csv", ("b", "b@example.com"), age=age)
    put(started, "c.csv", ("c", "c@example.com"), age=age)
    put(started, "a.csv", ("a", "x@example.com"), age=age)
    (request,), _ = tick(started)
    assert sorted(files(request)) == ["a.csv", "b.csv", "c.csv"]
    carry_out(started, request)
    started.run(CHANGES, day=DAY)
    brought = [row["email"] for row in started.rows(CHANGES) if row["customer_id"] in "abc"]
    assert sorted(brought) == ["a@example.com", "b@example.com", "c@example.com", "x@example.com"]


@pytest.mark.case("A20")
def test_an_instance_that_knows_of_no_run_fires_no_old_file(started):
    put(started, "a.csv", ("a", "a@example.com"))
    carry_out(started, tick(started)[0][0])
    with dg.DagsterInstance.ephemeral() as other:
        context = dg.build_sensor_context(
            instance=other, definitions=started.definitions, resources={"ground": started.resource}, cursor=None
        )
        found = started.definitions.resolve_sensor_def("arrivals").evaluate_tick(context)
    assert not found.run_requests
    assert found.skip_message.startswith("nothing new: 1 adopted before, as the bronze log says")


@pytest.mark.case("A54")
def test_a_dropped_file_ends_in_silver_once_and_starts_what_it_affects(started, automation):
    started.run(day=DAY)
    automation.tick()
    put(started, "a.csv", (f"{DAY}-0", "c0@example.com"), ("x", "x@example.com"))
    carry_out(started, tick(started)[0][0])
    assert automation.tick() == {(CHANGES, DAY)}
    started.run(CHANGES, day=DAY)
    assert automation.tick() == {(DIMENSION, None), (GOLD, None)}
    started.run(DIMENSION, GOLD)
    assert automation.tick() == set()
    assert len(started.rows(CHANGES)) == 4

    put(started, "a.csv", (f"{DAY}-0", "c0@example.com"), ("x", "new@example.com"))
    carry_out(started, tick(started)[0][0])
    started.run(CHANGES, day=DAY)
    started.run(CHANGES, day=DAY)
    started.run(DIMENSION)
    assert {row["email"] for row in started.rows(CHANGES, customer_id="x")} == {"x@example.com", "new@example.com"}
    assert [row["email"] for row in started.rows(DIMENSION, customer_id="x")] == ["new@example.com"]
    assert len(started.rows(CHANGES)) == 5
    started.run(BRONZE, CHANGES, day=DAY)
    assert len(started.rows(CHANGES)) == 5


def test_the_asset_says_which_file_brought_what(started):
    put(started, "a.csv", (f"{DAY}-0", "c0@example.com"), ("x", "x@example.com"))
    put(started, "b.csv", ("y", "y@example.com"))
    drop(started.root / "home/bronze", "customers", "bad.csv", "customer_id\n1\n", age=90)
    result = carry_out(started, tick(started)[0][0])
    metadata = started.materialized(result)[BRONZE].metadata
    assert metadata["summary"].value == "2 files adopted: 2 rows new, 1 landed before; 1 in the dead letters"
    lines = [record.data for record in metadata["arrivals"].records]
    assert [(line["file"], line["fate"], line["rows"], line["new"], line["known"]) for line in lines] == [
        ("bad.csv", "failed", 0, 0, 0),
        ("a.csv", "adopted", 2, 1, 1),
        ("b.csv", "adopted", 1, 1, 0),
    ]
    assert "columns 'email', 'nickname', 'updated_at' are missing" in lines[0]["note"]
    assert (metadata["rows_landed"].value, metadata["dagster/row_count"].value) == (2, 5)
    assert (metadata["files_adopted"].value, metadata["files_failed"].value) == (2, 1)
    assert started.evaluations(result)[f"{BRONZE}:window_complete"].passed


def test_files_of_which_none_can_be_adopted_fail_the_run_and_wait_in_the_dead_letters(started):
    drop(started.root / "home/bronze", "customers", "bad.csv", "customer_id\n1\n")
    result = carry_out(started, tick(started)[0][0])
    (failure,) = result.get_step_failure_events()
    told = failure.step_failure_data.user_failure_data.description
    assert told.startswith("bronze/customers/arrivals/bad.csv: columns 'email', 'nickname', 'updated_at' are missing")
    assert started.materialized(result) == {}
    assert tick(started) == ([], "customers: in the dead letters until written again or retried: bad.csv")

    put(started, "bad.csv", ("x", "x@example.com"))
    (request,), _ = tick(started)
    assert carry_out(started, request).success


def test_a_file_that_is_still_written_to_is_left_for_the_next_look(started):
    put(started, "a.csv", ("x", "x@example.com"), age=0)
    assert tick(started) == ([], "customers: written to a moment ago, left for the next look: a.csv")


@pytest.mark.case("A20")
def test_what_is_under_way_is_not_requested_again(started):
    put(started, "a.csv", ("x", "x@example.com"))
    (request,), _ = tick(started)
    job = started.definitions.resolve_job_def("everything")
    started.instance.create_run_for_job(
        job, asset_selection=frozenset(request.asset_selection), status=dg.DagsterRunStatus.STARTED, tags=request.tags
    )
    put(started, "b.csv", ("y", "y@example.com"))
    assert tick(started) == ([], "customers: a.csv, b.csv wait for the run under way")


def test_a_run_that_was_killed_is_asked_for_again_some_minutes_later(started, monkeypatch):
    put(started, "a.csv", ("x", "x@example.com"))

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz).replace(minute=(datetime.now(tz).minute + 10) % 60)

    (first,), _ = tick(started)
    monkeypatch.setattr(arrivals, "datetime", Later)
    (second,), _ = tick(started)
    assert files(first) == files(second)
    assert first.run_key != second.run_key


def test_many_files_are_adopted_portion_by_portion(started, monkeypatch):
    monkeypatch.setattr(arrivals, "FILES_PER_RUN", 2)
    for number in range(3):
        put(started, f"{number}.csv", (f"x{number}", "x@example.com"), age=100 - number)
    portions = []
    while requests := tick(started)[0]:
        portions.append(files(requests[0]))
        carry_out(started, requests[0])
    assert portions == [["0.csv", "1.csv"], ["2.csv"]]


def test_a_reason_names_some_files_and_counts_the_others(started):
    for number in range(5):
        put(started, f"{number}.csv", ("x", "x@example.com"), age=0)
    assert tick(started)[1].endswith("left for the next look: 0.csv, 1.csv, 2.csv and 2 more")


def test_a_source_that_does_not_answer_is_a_reason_and_no_error(started):
    put(started, "a.csv", ("x", "x@example.com"))
    (started.root / "warehouse.duckdb").unlink()
    requests, reason = tick(started)
    assert requests == []
    assert reason.startswith("cannot look at what was dropped: warehouse ")


def test_files_for_what_no_query_writes_are_not_the_sensors(started):
    drop(started.root / "home/bronze", "custmers", "a.csv", "x\n")
    assert tick(started)[0] == []


def test_a_person_may_name_the_files_of_a_run(started):
    put(started, "a.csv", ("x", "x@example.com"))
    config = {"ops": {"bronze__customers": {"config": {"arrivals": ["a.csv"]}}}}
    assert started.run(BRONZE, day=DAY, config=config).success
    assert len(started.ground.bronze.log("customers")) == 2


def test_what_the_command_line_adopted_is_reported_as_a_run_would_be(started, automation):
    started.run(DIMENSION, CHANGES, GOLD, day=DAY)
    automation.tick()
    put(started, "a.csv", ("x", "x@example.com"))
    (query,) = started.pipeline.queries.queries
    identity = RunIdentity(run_id="cli-1", job="snowpipe adopt")
    result = adopt(AdoptionRequest(query, "shop", date.fromisoformat(DAY), identity, ("a.csv",)), started.ground)
    report_adoption(started.instance, result, started.ground)

    (record,) = started.instance.fetch_materializations(dg.AssetKey(["bronze", "customers"]), limit=1).records
    assert (record.partition_key, record.asset_materialization.metadata["rows_landed"].value) == (DAY, 1)
    assert automation.tick() == {(CHANGES, DAY)}
    check = dg.AssetCheckKey(dg.AssetKey(["bronze", "customers"]), "window_complete")
    (info,) = started.instance.event_log_storage.get_asset_check_partition_info([check])
    assert (info.partition_key, info.is_current) == (DAY, True)


def window(shop, result):
    """How `window_complete` came out in a run: green or not, what it said, and of how many entries of each kind."""
    found = shop.evaluations(result)[f"{BRONZE}:window_complete"]
    return found.passed, found.description, *(found.metadata[name].value for name in ("extractions", "arrivals"))


def test_a_day_under_way_goes_on_with_what_was_dropped_and_says_that_its_extraction_is_to_come(started):
    started.now("2024-03-02 12:00")
    alone = "dropped files and comparisons of keys alone bring rows before that"
    told = f"the day is not over and was not extracted yet; {alone}"
    assert window(started, started.adopt("2024-03-02", "x", at="2024-03-02 10:00")) == (True, told, 0, 1)


def test_a_day_that_is_over_and_was_never_extracted_is_not_complete_by_dropped_files(started):
    started.now("2024-03-03")
    adopted = started.adopt("2024-03-02", "x", at="2024-03-02 10:00")
    told = (
        "the day is over and was never extracted, dropped files alone have landed: "
        "snowpipe run bronze/customers --partition 2024-03-02"
    )
    assert window(started, adopted) == (False, told, 0, 1)
    extracted = started.run(BRONZE, day="2024-03-02")
    assert window(started, extracted) == (True, "every row of the window is landed", 1, 1)


def test_a_file_dropped_for_a_day_that_was_extracted_leaves_it_complete(started):
    started.now("2024-03-03")
    adopted = started.adopt(DAY, "x", at=f"{DAY} 10:00")
    assert window(started, adopted) == (True, "every row of the window is landed", 1, 1)


def test_a_day_whose_extraction_brought_nothing_is_complete_though_the_log_does_not_say_so(make_shop):
    shop = make_shop(query=SNAPSHOT)
    shop.run(BRONZE, day=DAY)
    shop.now("2024-03-03")
    shop.run(BRONZE, day="2024-03-02")
    assert len(shop.ground.bronze.log("customers")) == 1
    adopted = shop.adopt("2024-03-02", "x", at="2024-03-02 10:00")
    assert window(shop, adopted) == (True, "every row of the window is landed", 0, 1)


def test_the_check_run_alone_for_a_day_that_nothing_came_for_says_so(started):
    started.now("2024-03-03")
    alone = started.check((BRONZE, "window_complete"), day="2024-03-02")
    told = (
        "the day is over and was never extracted, nothing has landed: "
        "snowpipe run bronze/customers --partition 2024-03-02"
    )
    assert window(started, alone) == (False, told, 0, 0)

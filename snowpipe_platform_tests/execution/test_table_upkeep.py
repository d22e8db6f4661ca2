"""Maintenance of one table written through the lake's port: many small commits, readers, and any order of events."""

import threading
import uuid
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyiceberg.catalog.sql import SqlCatalog

from snowpipe_platform.backends.duckdb_engine import DuckDBEngine
from snowpipe_platform.errors import LakeError
from snowpipe_platform.records import Commit
from snowpipe_platform.spec.consumption import CONSUMED_PROPERTY, Consumption
from snowpipe_platform_tests.contracts.lake import NAME, PLAIN, WIDE, WIDE_ROWS, Writer, things
from snowpipe_platform_tests.kit import make_ground
from snowpipe_platform_tests.upkeep import maintained, next_month, now, on_disk, rows_of, stage_quickly

RECORD = {CONSUMED_PROPERTY: Consumption().encode()}
AT_ONCE = {"older_than": timedelta(0), "grace": timedelta(0)}


@pytest.fixture
def ground(tmp_path):
    return make_ground(tmp_path, tmp_path / "no-source.duckdb")


def test_rows_of_every_type_and_partition_are_merged_exactly(ground):
    writer = Writer(ground.lake, WIDE, ("part",))
    for number in range(5):
        writer.commit(WIDE_ROWS, str(number), **RECORD)
    done = maintained(ground, NAME)[NAME]
    assert (done.files_before, done.files_after) == (5 * len(WIDE_ROWS), len(WIDE_ROWS))
    assert {file.partition for file in writer.files()} == {(("part", row["part"]),) for row in WIDE_ROWS}
    found = [row for file in writer.files() for row in pa.parquet.read_table(file.path, partitioning=None).to_pylist()]
    assert Counter(map(repr, found)) == Counter([repr(row) for row in WIDE_ROWS] * 5)


def test_however_many_threads_write_a_group_becomes_one_file(ground):
    """Else a machine with many cores would make as many small files again, each time."""
    writer = Writer(ground.lake)
    folder = ground.lake.staging(NAME, attempt="many")
    added = tuple(stage_quickly(folder, *range(n * 100, n * 100 + 100)) for n in range(200))
    ground.lake.commit(Commit(NAME, "one", None, (), added, RECORD))
    many = replace(ground, engine=DuckDBEngine(memory_limit="1GB", threads=8))
    assert maintained(many, NAME)[NAME].files_after == len(writer.files()) == 1
    assert writer.ids() == list(range(20_000))


@pytest.mark.parametrize("partitions", [(), ("name",)], ids=["plain", "partitioned"])
def test_more_than_the_target_becomes_several_files(ground, partitions):
    writer = Writer(ground.lake, PLAIN, partitions)
    for number in range(6):
        writer.commit([{"id": number, "name": "x"}], str(number), **RECORD)
    target = 2 * writer.files()[0].size_bytes + 1
    done = maintained(ground, NAME, target_bytes=target)[NAME]
    assert done.files_after == len(writer.files()) == 3
    assert writer.ids() == list(range(6))


BATCHES, BATCHES_OF_A_COMMIT = 1000, 8


@pytest.mark.slow
@pytest.mark.case("A19")
def test_a_thousand_micro_batches_become_a_few_files_with_the_same_rows(ground):
    """Eight batches make a commit: a thousand commits take PyIceberg minutes, as each copies the metadata of those
    before. 125 leave as many snapshots and a thousand files."""
    writer, lake = Writer(ground.lake), ground.lake
    folder = lake.staging(NAME, attempt="batches")
    paths = [stage_quickly(folder, number) for number in range(BATCHES)]
    state = None
    for first in range(0, BATCHES, BATCHES_OF_A_COMMIT):
        added = tuple(paths[first : first + BATCHES_OF_A_COMMIT])
        state = lake.commit(Commit(NAME, str(first), state, (), added, RECORD))

    done = maintained(ground, NAME)[NAME]
    assert (done.files_before, done.files_after) == (1000, 1)
    assert (done.snapshots_before, done.snapshots_after) == (125, 2)
    assert rows_of(ground, state, "count(*)") == [(1000,)], "what a reader may have planned is still there"

    assert maintained(ground, NAME)[NAME].removed > 1000
    (path,) = on_disk(ground, NAME)
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT id, name FROM '{path}' ORDER BY id").fetchall()
    assert found == [(number, str(number)) for number in range(BATCHES)]
    assert len(on_disk(ground, NAME, "*.avro")) == 2
    assert lake.state(NAME).commit_id == state.commit_id
    assert writer.commit(things(5000), "next", **RECORD).number == 126


@pytest.mark.case("A19")
@pytest.mark.case("A16")
def test_a_reader_in_a_loop_sees_no_hole_while_tables_are_maintained(ground):
    """Each commit replaces all rows, in six small files, by ten of the next number. Once the reader has begun anew
    after a commit, everything before is forgotten and removed, while it reads on."""
    writer = Writer(ground.lake)
    begun, turn, stop, problems, seen = [0], threading.Condition(), threading.Event(), [], []

    def replace_all(number):
        gone = writer.files() if number else ()
        rows = [{"id": number, "name": str(n)} for n in range(10)]
        added = [path for n in range(0, 10, 2) for path in writer.stage(rows[n : n + 2], f"c{number}-{n}")]
        return ground.lake.commit(
            Commit(NAME, f"c{number}", ground.lake.state(NAME), tuple(gone), tuple(added), RECORD)
        )

    def read():
        while not stop.is_set():
            with turn:
                begun[0] += 1
                turn.notify_all()
            try:
                ids = writer.ids()
            except Exception as error:  # noqa: BLE001 - any error is a finding
                problems.append(error)
                return
            seen.append(ids[0])
            if len(ids) != 10 or len(set(ids)) != 1:
                problems.append(ids)

    replace_all(0)
    reader = threading.Thread(target=read)
    reader.start()
    removed = merged = 0
    try:
        for number in range(1, 7):
            replace_all(number)
            with turn:
                since = begun[0]
                assert turn.wait_for(lambda: begun[0] >= since + 2 or problems, timeout=60)  # noqa: B023
            done = maintained(ground, NAME, at=now(), **AT_ONCE)[NAME]
            removed, merged = removed + done.removed, merged + done.files_before - done.files_after
    finally:
        stop.set()
        reader.join()
    assert problems == []
    assert seen == sorted(seen)
    assert removed > 30
    assert merged == 24
    assert len(ground.lake.snapshots(NAME)) <= 3


EVENTS = st.lists(
    st.sampled_from(
        ["append", "append", "replace", "hold", "publish", "roll back", "tag", "compact", "sweep", "sweep"]
    ),
    min_size=3,
    max_size=8,
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("events")
    return make_ground(folder, folder / "no-source.duckdb")


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(events=EVENTS)
def test_after_any_events_every_state_that_is_kept_has_its_rows_and_no_file_too_many(shared, events):
    """sweep: maintenance that merges whatever it can and forgets all that is old. compact: merges only."""
    story = _Story(shared)
    for event in ["append", *events]:
        story.tell(event)
        story.check()
    story.tell("sweep")
    story.tell("sweep")
    story.check()
    assert on_disk(shared, story.name) == story.reachable()


class _Story:
    """A table of its own, and the rows that each of its snapshots must have."""

    def __init__(self, ground):
        self.ground, self.lake = ground, ground.lake
        self.name = f"silver/t{uuid.uuid4().hex[:8]}"
        self.writer, self.number = Writer(ground.lake, name=self.name), 0
        self.rows = {}

    def tell(self, event):
        getattr(self, event.replace(" ", "_"))()

    def commit(self, *, remove=(), kept=(), branch=None, release=()):
        """Two rows more, in two files."""
        new = [self.number * 2, self.number * 2 + 1]
        self.number += 1
        folder = self.lake.staging(self.name, attempt=f"c{self.number}")
        added = [stage_quickly(folder, n) for n in new]
        base = self.lake.state(self.name)
        state = self.lake.commit(
            Commit(self.name, f"c{self.number}", base, tuple(remove), tuple(added), RECORD, branch, release)
        )
        self.rows[state.snapshot_id] = sorted([*kept, *new])

    def now(self):
        state = self.lake.state(self.name)
        return [] if state is None else self.rows[state.snapshot_id]

    def append(self):
        self.commit(kept=self.now())

    def replace(self):
        self.commit(remove=self.writer.files())

    def hold(self):
        self.commit(kept=self.now(), branch="held")

    def publish(self):
        self.commit(kept=self.now(), release=("held",))

    def roll_back(self):
        history = self.lake.history(self.name)
        if len(history) > 1:
            self._opened().manage_snapshots().rollback_to_snapshot(history[-2].snapshot_id).commit()

    def tag(self):
        snapshot_id = self.lake.state(self.name).snapshot_id
        self._opened().manage_snapshots().create_tag(snapshot_id, f"t{self.number}-{snapshot_id}").commit()

    def compact(self):
        self._maintain(older_than=timedelta(days=999), grace=timedelta(days=999))

    def sweep(self):
        self._maintain()

    def _maintain(self, **ages):
        before = self.lake.state(self.name)
        kept, expected = set(self._needed()), self.now()
        done = maintained(self.ground, self.name, at=next_month(), **ages)[self.name]
        assert done.error is None
        after = self.lake.state(self.name)
        assert (after.commit_id, after.number) == (before.commit_id, before.number)
        self.rows.setdefault(after.snapshot_id, expected)
        assert kept <= {one.snapshot_id for one in self.lake.snapshots(self.name)}

    def _needed(self):
        return (ref.snapshot_id for ref in self._opened().refs().values())

    def _opened(self):
        root = self.lake._root
        catalog = SqlCatalog("snowpipe", uri=f"sqlite:///{root / 'catalog.db'}", warehouse=f"file://{root}")
        return catalog.load_table(tuple(self.name.split("/")))

    def check(self):
        for one in self.lake.snapshots(self.name):
            files = self.lake.files(self.name, snapshot_id=one.snapshot_id)
            assert sorted(self._ids(files)) == self.rows[one.snapshot_id]

    def _ids(self, files):
        if not files:
            return []
        with duckdb.connect() as connection:
            return [
                row[0]
                for row in connection.execute(f"SELECT id FROM read_parquet({[f.path for f in files]})").fetchall()
            ]

    def reachable(self):
        return {
            file.path
            for one in self.lake.snapshots(self.name)
            for file in self.lake.files(self.name, snapshot_id=one.snapshot_id)
        }


def test_a_state_that_is_expired_is_named_to_who_asks_for_it(ground):
    writer = Writer(ground.lake)
    first = writer.commit(things(1), "one", **RECORD)
    writer.commit(things(2), "two", **RECORD)
    maintained(ground, NAME)
    with pytest.raises(LakeError, match=f"{NAME}: snapshot {first.snapshot_id} is gone; it was expired"):
        writer.files(first)

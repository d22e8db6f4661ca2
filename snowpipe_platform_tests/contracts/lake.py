"""What every `Lake` does. A backend's test file subclasses `LakeContract` and gives a `lake` fixture."""

import threading
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import ibis
import pyarrow as pa
import pytest

from snowpipe_platform.backends.duckdb_engine import DuckDBEngine
from snowpipe_platform.errors import CommitConflictError, LakeError
from snowpipe_platform.records import Commit, FileLayout, TableLayout, TableState
from snowpipe_platform_tests.ledger import rows_in

NAME = "silver/things"
EARLIER, LATER = datetime(2000, 1, 1), datetime(2100, 1, 1)
PLAIN = ibis.schema({"id": "int64", "name": "string"})
WIDE = ibis.schema(
    {
        "part": "string",
        "small": "int32",
        "exact": "decimal(38, 2)",
        "day": "date",
        "moment": "timestamp(6)",
        "place": "struct<city: string, zip: string>",
        "tags": "array<string>",
        "ratio": "float64",
        "yes": "boolean",
    }
)
WIDE_ROWS = [
    {
        "part": part,
        "small": 2**31 - 1,
        "exact": Decimal("999999999999999999999999999999999999.99"),
        "day": date(9999, 12, 31),
        "moment": datetime(1900, 1, 1, 0, 0, 0, 1),
        "place": {"city": 'O\'Fallon "quoted"', "zip": None},
        "tags": ["a", "", "ß"],
        "ratio": float("inf"),
        "yes": part is None,
    }
    for part in (None, "plain", "it's", 'a "b"', "50%/#?&=", "", " blank ", "ß")
]


class Writer:
    """Commits rows to one table of a lake."""

    def __init__(self, lake, schema=PLAIN, partitions=(), name=NAME):
        self.lake, self.name, self.partitions = lake, name, partitions
        self.evolve(schema)

    def evolve(self, schema):
        self.schema = schema
        self.lake.ensure(TableLayout(self.name, schema, tuple(self.partitions), "Things."))

    def stage(self, rows, attempt):
        data = pa.Table.from_pylist(rows, self.schema.to_pyarrow())
        layout = FileLayout(
            self.lake.staging(self.name, attempt=attempt),
            attempt,
            tuple(self.partitions),
            self.lake.field_ids(self.name),
        )
        with DuckDBEngine(memory_limit="500MB").session() as session:
            session.bind("rows", data)
            return tuple(file.path for file in session.write(ibis.table(self.schema, name="rows"), layout))

    def commit(
        self, rows, commit_id, *, base="current", remove=(), branch=None, release=(), **properties
    ) -> TableState:
        base = self.lake.state(self.name) if base == "current" else base
        added = self.stage(rows, commit_id) if rows else ()
        commit = Commit(self.name, commit_id, base, tuple(remove), added, properties, branch, tuple(release))
        return self.lake.commit(commit)

    def rewrite(self, rows, *, remove, base="current", attempt="rewrite") -> TableState:
        base = self.lake.state(self.name) if base == "current" else base
        added = self.stage(rows, attempt) if rows else ()
        return self.lake.rewrite(self.name, base=base, remove=remove, add=added, reason="test")

    def files(self, state=None):
        state = state or self.lake.state(self.name)
        return self.lake.files(self.name, snapshot_id=state.snapshot_id)

    def ids(self, state=None):
        return [row[0] for row in rows_in([file.path for file in self.files(state)], "id")]


def things(*ids):
    return [{"id": number, "name": str(number)} for number in ids]


class LakeContract:
    def test_a_table_without_a_commit_has_no_state(self, lake):
        assert (lake.tables(), lake.state(NAME), lake.history(NAME), lake.held(NAME)) == ([], None, [], {})
        Writer(lake)
        assert (lake.tables(), lake.state(NAME), lake.history(NAME), lake.held(NAME)) == ([NAME], None, [], {})
        with pytest.raises(LakeError, match="silver/other does not exist"):
            lake.schema("silver/other")

    def test_a_commit_adds_files_and_keeps_its_properties(self, lake):
        writer = Writer(lake)
        first = writer.commit(things(1, 2), "one", note="hello")
        assert (first.number, first.commit_id, first.properties["note"]) == (1, "one", "hello")
        second = writer.commit(things(3), "two")
        assert lake.state(NAME) == second
        assert [state.commit_id for state in lake.history(NAME)] == ["one", "two"]
        assert writer.ids() == [1, 2, 3]
        assert writer.ids(first) == [1, 2]
        assert sum(file.rows for file in writer.files()) == 3

    @pytest.mark.case("A52")
    def test_a_commit_seen_before_is_returned_as_it_is(self, lake):
        writer = Writer(lake)
        added = writer.stage(things(1), "one")
        commit = Commit(NAME, "one", None, (), added, {})
        first = lake.commit(commit)
        writer.commit(things(2), "two")
        assert lake.commit(commit) == first
        assert writer.ids() == [1, 2]

    def test_a_commit_on_a_stale_base_is_a_conflict_and_changes_nothing(self, lake):
        writer = Writer(lake)
        base = writer.commit(things(1), "one")
        winner = writer.commit(things(2), "two")
        for stale, commit_id in ((base, "three"), (None, "four")):
            with pytest.raises(CommitConflictError, match=NAME):
                writer.commit(things(3), commit_id, base=stale)
        assert lake.state(NAME) == winner
        assert writer.ids() == [1, 2]

    @pytest.mark.case("A18")
    def test_of_eight_writers_on_one_base_one_lands_and_the_others_are_refused(self, lake):
        writer = Writer(lake)
        base = writer.commit(things(0), "base")
        staged = [writer.stage(things(n), f"w{n}") for n in range(1, 9)]
        barrier, outcomes = threading.Barrier(8), []

        def write(number):
            commit = Commit(NAME, f"w{number}", base, (), staged[number - 1], {})
            barrier.wait()
            try:
                outcomes.append(lake.commit(commit).commit_id)
            except CommitConflictError:
                outcomes.append(None)

        threads = [threading.Thread(target=write, args=(n,)) for n in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        landed = [outcome for outcome in outcomes if outcome]
        assert len(outcomes) == 8
        assert len(landed) == 1
        assert writer.ids() == [0, int(landed[0][1:])]
        assert [state.commit_id for state in lake.history(NAME)] == ["base", *landed]

    def test_a_commit_without_files_is_one(self, lake):
        writer = Writer(lake)
        empty = writer.commit([], "empty", consumed="1")
        assert (lake.state(NAME), empty.number, writer.files()) == (empty, 1, [])
        writer.commit(things(1), "one")
        again = writer.commit([], "again", consumed="2")
        assert (lake.state(NAME).properties["consumed"], again.number, writer.ids()) == ("2", 3, [1])

    def test_files_are_replaced_in_one_commit(self, lake):
        writer = Writer(lake)
        writer.commit(things(1, 2), "one")
        old = writer.files()
        replaced = writer.commit(things(3), "two", remove=old)
        assert writer.ids() == [3]
        assert replaced.number == 2
        gone = writer.commit([], "three", remove=writer.files())
        assert writer.files(gone) == []
        with pytest.raises(LakeError, match="not in the table"):
            writer.commit(things(4), "four", remove=old)

    def test_held_rows_are_beside_the_table_until_they_are_released(self, lake):
        writer = Writer(lake)
        main = writer.commit(things(1), "one")
        held = writer.commit(things(2), "two", branch="held-2024-03-01", note="bad")
        assert lake.state(NAME) == main
        assert lake.held(NAME) == {"held-2024-03-01": held}
        assert (writer.ids(), writer.ids(held)) == ([1], [1, 2])
        assert [state.commit_id for state in lake.history(NAME)] == ["one"]
        again = writer.commit(things(3), "three", branch="held-2024-03-01")
        assert writer.ids(again) == [1, 3], "a branch starts over from the table"
        published = writer.commit(things(2), "four", release=["held-2024-03-01", "held-2024-03-02"])
        assert published.number == 2
        assert (lake.held(NAME), writer.ids()) == ({}, [1, 2])

    def test_rows_can_be_held_beside_a_table_that_has_none(self, lake):
        writer = Writer(lake)
        held = writer.commit(things(1), "one", branch="held")
        assert (lake.state(NAME), lake.history(NAME)) == (None, [])
        assert lake.held(NAME) == {"held": held}
        assert writer.ids(held) == [1]
        first = writer.commit(things(2), "two")
        assert (first.number, writer.ids(), [s.commit_id for s in lake.history(NAME)]) == (1, [2], ["two"])

    def test_a_table_gains_columns_and_wider_types(self, lake):
        narrow = ibis.schema({"id": "int32", "amount": "decimal(9, 2)", "place": "struct<city: string>"})
        writer = Writer(lake, narrow)
        writer.commit([{"id": 1, "amount": Decimal("1.50"), "place": {"city": "A"}}], "one")
        wide = ibis.schema(
            {
                "id": "int64",
                "amount": "decimal(18, 2)",
                "place": "struct<city: string>",
                "note": "string",
                "tags": "array<string>",
            }
        )
        lake.require_fit(TableLayout(NAME, wide, (), "Things."))
        assert lake.schema(NAME) == narrow
        writer.evolve(wide)
        writer.commit(
            [{"id": 2**40, "amount": Decimal("9999999999.99"), "place": None, "note": "n", "tags": ["t"]}], "two"
        )
        assert lake.schema(NAME).names == wide.names
        assert lake.schema(NAME)["id"] == ibis.dtype("int64")
        assert rows_in([file.path for file in writer.files()], "id, amount, note, tags") == [
            (1, Decimal("1.50"), None, None),
            (2**40, Decimal("9999999999.99"), "n", ["t"]),
        ]

    @pytest.mark.parametrize(
        ("schema", "words"),
        [
            ({"id": "int64"}, ["no longer has name", "Keep the column"]),
            ({"id": "string", "name": "string"}, ["types no longer fit", "new name"]),
            ({"id": "int32", "name": "string"}, ["types no longer fit"]),
            ({"id": "int64", "name": "struct<a: string>"}, ["types no longer fit"]),
        ],
        ids=["a column is gone", "another type", "a narrower type", "a nested type"],
    )
    def test_any_other_change_of_columns_is_refused(self, lake, schema, words):
        writer = Writer(lake)
        writer.commit(things(1), "one")
        with pytest.raises(LakeError) as error:
            writer.evolve(ibis.schema(schema))
        with pytest.raises(LakeError) as foretold:
            lake.require_fit(TableLayout(writer.name, ibis.schema(schema), (), "Things."))
        assert str(foretold.value) == str(error.value)
        assert all(word in str(error.value) for word in [NAME, *words])
        writer.evolve(PLAIN)
        assert writer.ids() == [1]

    def test_other_partitions_are_refused(self, lake):
        writer = Writer(lake)
        writer.partitions = ("name",)
        with pytest.raises(LakeError, match="partitioned by nothing, and the table declares name"):
            writer.evolve(PLAIN)

    def test_rows_of_every_type_and_partition_come_back_exactly(self, lake):
        writer = Writer(lake, WIDE, ("part",))
        writer.commit(WIDE_ROWS, "one")
        found = pa.concat_tables([pa.parquet.read_table(f.path, partitioning=None) for f in writer.files()])
        assert sorted(found.to_pylist(), key=repr) == sorted(WIDE_ROWS, key=repr)
        assert len(writer.files()) == len(WIDE_ROWS)
        (chosen,) = lake.files(NAME, snapshot_id=lake.state(NAME).snapshot_id, where={"part": "it's"})
        assert rows_in([chosen.path], "part") == [("it's",)]

    def test_a_snapshot_that_is_gone_is_named(self, lake):
        Writer(lake).commit(things(1), "one")
        with pytest.raises(LakeError, match="snapshot 42 is gone"):
            lake.files(NAME, snapshot_id=42)

    def test_staged_files_are_discarded_with_their_folder(self, lake):
        writer = Writer(lake)
        kept = writer.stage(things(1), "kept")
        staged = writer.stage(things(2), "lost")
        folder = lake.staging(NAME, attempt="lost")
        assert all(path.startswith(folder) for path in staged)
        lake.discard([folder])
        lake.discard([folder, *staged])
        lake.commit(Commit(NAME, "kept", None, (), kept, {}))
        assert writer.ids() == [1]

    @pytest.mark.case("A16")
    def test_a_reader_in_a_loop_sees_whole_commits_only(self, lake):
        """Each commit replaces all rows by ten of the next number: a reader that sees fewer, or two numbers, saw a
        commit in the middle."""
        writer = Writer(lake)
        writer.commit([{"id": 0, "name": str(n)} for n in range(10)], "c0")
        stop, seen, problems = threading.Event(), [], []

        def read():
            while not stop.is_set():
                try:
                    ids = writer.ids()
                except Exception as error:  # noqa: BLE001 - any error is a finding
                    problems.append(error)
                    return
                seen.append(ids[0])
                if len(ids) != 10 or len(set(ids)) != 1:
                    problems.append(ids)

        reader = threading.Thread(target=read)
        reader.start()
        try:
            for number in range(1, 11):
                writer.commit([{"id": number, "name": str(n)} for n in range(10)], f"c{number}", remove=writer.files())
        finally:
            stop.set()
            reader.join()
        assert problems == []
        assert seen == sorted(seen)

    def test_a_base_of_the_same_number_and_another_snapshot_is_stale(self, lake):
        writer = Writer(lake)
        base = writer.commit(things(1), "one")
        with pytest.raises(CommitConflictError):
            writer.commit(things(2), "two", base=replace(base, snapshot_id=7))

    # --- maintenance

    def test_files_are_rewritten_within_the_commit_they_are_of(self, lake):
        writer = Writer(lake)
        writer.commit(things(1), "one")
        base = writer.commit(things(2), "two", **{"snowpipe.note": "hello"})
        rewritten = writer.rewrite(things(1, 2), remove=writer.files())
        assert lake.state(NAME) == rewritten
        assert (rewritten.number, rewritten.commit_id, rewritten.committed_at) == (2, "two", base.committed_at)
        assert (rewritten.content_id, rewritten.properties["snowpipe.note"]) == (base.content_id, "hello")
        assert rewritten.snapshot_id != base.snapshot_id
        assert (writer.ids(), len(writer.files())) == ([1, 2], 1)
        assert writer.ids(base) == [1, 2], "the state before is there to read"
        assert [(s.commit_id, s.snapshot_id) for s in lake.history(NAME)][1:] == [("two", rewritten.snapshot_id)]
        assert [state.number for state in lake.history(NAME)] == [1, 2]
        assert writer.commit(things(3), "three").number == 3
        assert writer.ids() == [1, 2, 3]

    @pytest.mark.case("A52")
    def test_a_commit_seen_before_is_returned_with_its_rewritten_files(self, lake):
        writer = Writer(lake)
        added = writer.stage(things(1), "one")
        commit = Commit(NAME, "one", None, (), added, {})
        lake.commit(commit)
        rewritten = writer.rewrite(things(1), remove=writer.files())
        assert lake.commit(commit) == rewritten
        assert writer.ids() == [1]

    def test_no_file_is_rewritten_on_a_stale_base(self, lake):
        writer = Writer(lake)
        base = writer.commit(things(1), "one")
        old = writer.files()
        winner = writer.commit(things(2), "two")
        with pytest.raises(CommitConflictError, match=NAME):
            writer.rewrite(things(1), base=base, remove=old)
        assert (lake.state(NAME), writer.ids()) == (winner, [1, 2])

    def test_a_rewrite_that_would_lose_or_add_a_row_is_refused(self, lake):
        writer = Writer(lake)
        state = writer.commit(things(1, 2), "one")
        for rows in (things(1), things(1, 2, 3)):
            with pytest.raises(LakeError, match=f"{NAME}: 2 rows would become {len(rows)}"):
                writer.rewrite(rows, remove=writer.files(), attempt=f"{len(rows)} rows")
        assert (lake.state(NAME), writer.ids()) == (state, [1, 2])

    def test_a_table_lies_on_disk_as_it_was_made(self, lake):
        writer = Writer(lake, WIDE, ("part",))
        layout = lake.rewritable(NAME)
        assert (layout.name, layout.partition_columns) == (NAME, ("part",))
        assert layout.schema == lake.schema(NAME)
        writer.commit(WIDE_ROWS, "one")
        assert {file.partition for file in writer.files()} == {(("part", row["part"]),) for row in WIDE_ROWS}

    def test_a_snapshot_is_left_when_the_table_moves_on_from_it(self, lake):
        writer = Writer(lake)
        first = writer.commit(things(1), "one")
        second = writer.commit(things(2), "two")
        held = writer.commit(things(3), "three", branch="held")
        assert [(s.snapshot_id, s.content_id, s.left_at) for s in lake.snapshots(NAME)] == [
            (first.snapshot_id, "one", second.committed_at),
            (second.snapshot_id, "two", None),
            (held.snapshot_id, "three", None),
        ]
        rewritten = writer.rewrite(things(1, 2), remove=writer.files())
        writer.commit([], "four", release=["held"])
        found = {s.snapshot_id: s for s in lake.snapshots(NAME)}
        assert found[second.snapshot_id].left_at >= rewritten.committed_at
        assert found[rewritten.snapshot_id].content_id == "two"
        assert found[held.snapshot_id].left_at == held.committed_at

    def test_expired_snapshots_are_gone_and_the_others_are_as_they_were(self, lake):
        writer = Writer(lake)
        first, second, third = (writer.commit(things(number), str(number)) for number in (1, 2, 3))
        lake.expire(NAME, [first.snapshot_id])
        with pytest.raises(LakeError, match="is gone"):
            writer.files(first)
        assert (writer.ids(second), writer.ids(third)) == ([1, 2], [1, 2, 3])
        assert lake.state(NAME) == third
        lake.expire(NAME, [first.snapshot_id])
        lake.expire(NAME, [])
        assert [state.commit_id for state in lake.history(NAME)] == ["2", "3"]
        assert writer.commit(things(4), "4").number == 4

    def test_a_snapshot_that_something_shows_is_not_expired(self, lake):
        writer = Writer(lake)
        first = writer.commit(things(1), "one")
        held = writer.commit(things(2), "two", branch="held")
        current = writer.commit(things(3), "three")
        for needed in (held, current):
            with pytest.raises(CommitConflictError):
                lake.expire(NAME, [first.snapshot_id, needed.snapshot_id])
        assert (writer.ids(first), writer.ids(held), writer.ids()) == ([1], [1, 2], [1, 3])

    def test_leftovers_are_what_no_snapshot_has(self, lake):
        writer = Writer(lake)
        first = writer.commit(things(1), "one")
        kept = writer.commit(things(2), "two", remove=writer.files(first))
        writer.commit(things(3), "three", branch="held")
        lost = writer.stage(things(4), "lost")
        found = lake.leftovers(NAME, before=LATER)
        assert [(left.path, left.is_orphan) for left in found] == [(lost[0], True)]
        assert found[0].size_bytes == Path(lost[0]).stat().st_size
        assert lake.leftovers(NAME, before=EARLIER) == []
        (old,) = writer.files(first)
        going = lake.leftovers(NAME, before=LATER, without=[first.snapshot_id])
        assert {left.path: left.is_orphan for left in going if left.path.endswith(".parquet")} == {
            old.path: False,
            lost[0]: True,
        }
        lake.expire(NAME, [first.snapshot_id])
        lake.discard([left.path for left in going])
        assert lake.leftovers(NAME, before=LATER) == []
        assert (writer.ids(kept), writer.ids(lake.held(NAME)["held"])) == ([2], [2, 3])
        assert not Path(lake.staging(NAME, attempt="lost")).exists()

    def test_nothing_is_left_over_while_a_file_is_missing(self, lake):
        writer = Writer(lake)
        writer.commit(things(1), "one")
        writer.stage(things(2), "lost")
        (file,) = writer.files()
        Path(file.path).unlink()
        with pytest.raises(LakeError, match=f"{file.path} is missing, so nothing is removed"):
            lake.leftovers(NAME, before=LATER)

    def test_a_tagged_snapshot_keeps_its_rows_and_the_name_its_snapshot(self, lake):
        assert lake.tags(NAME) == {}
        writer = Writer(lake)
        first = writer.commit(things(1), "one")
        lake.tag(NAME, "set-1", snapshot_id=first.snapshot_id)
        second = writer.commit(things(2), "two", remove=writer.files(first))
        lake.tag(NAME, "set-1", snapshot_id=second.snapshot_id)
        writer.commit(things(3), "three", branch="held")
        assert lake.tags(NAME) == {"set-1": first.snapshot_id}
        assert [one.left_at for one in lake.snapshots(NAME) if one.snapshot_id == first.snapshot_id] == [None]
        with pytest.raises(CommitConflictError):
            lake.expire(NAME, [first.snapshot_id])
        assert (writer.ids(first), writer.ids(second), lake.state(NAME)) == ([1], [2], second)
        with pytest.raises(LakeError, match="snapshot 7 cannot be tagged 'set-2': it is gone"):
            lake.tag(NAME, "set-2", snapshot_id=7)

    def test_a_file_says_which_date_its_rows_are_of(self, lake):
        day = date(2024, 3, 1)
        writer = Writer(lake, ibis.schema({"id": "int64", "day": "date"}), partitions=("day",))
        writer.commit([{"id": 1, "day": day}, {"id": 2, "day": None}], "one")
        assert sorted(str(file.partition) for file in writer.files()) == sorted(
            str((("day", value),)) for value in (day, None)
        )

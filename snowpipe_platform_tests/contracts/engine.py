"""What every `Engine` does. A backend's test file subclasses `EngineContract` and gives an `engine` fixture."""

import re
from collections import Counter
from dataclasses import replace
from hashlib import md5
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snowpipe_platform.errors import ConfigurationError, LakeError
from snowpipe_platform.records import ChangedRows, FileLayout, LakeRows
from snowpipe_platform.spec.cleaning import single_spaced, stable_key
from snowpipe_platform_tests.contracts.lake import WIDE, WIDE_ROWS
from snowpipe_platform_tests.ledger import rows_in

SCHEMA = ibis.schema({"k": "int64", "v": "float64", "s": "struct<a: string>", "l": "array<string>"})
VALUES = st.fixed_dictionaries(
    {
        "k": st.sampled_from([1, 2, None]),
        "v": st.sampled_from([0.0, 1.5, float("nan"), None]),
        "s": st.sampled_from([{"a": "x"}, {"a": None}, None]),
        "l": st.sampled_from([["x"], [], None]),
    }
)


def bag(rows) -> Counter:
    return Counter(repr({name: row[name] for name in SCHEMA.names}) for row in rows)


def write_file(path, rows, schema=SCHEMA) -> tuple[str, ...]:
    pq.write_table(pa.Table.from_pylist(rows, schema.to_pyarrow()), path)
    return (str(path),)


def overwrite_the_middle(path):
    data = bytearray(path.read_bytes())
    middle = slice(len(data) // 4, len(data) // 2)
    data[middle] = b"\xff" * (middle.stop - middle.start)
    path.write_bytes(data)


DAMAGES = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:1000]),
    "overwritten": overwrite_the_middle,
}
READS = {
    "bind a difference": lambda *_: None,
    "materialize": lambda session, table, _: session.materialize("m", table),
    "fetch": lambda session, table, _: session.fetch(table),
    "write": lambda session, table, folder: session.write(table, FileLayout(folder, "p", (), {"k": 1})),
    "files_with": lambda session, *_: session.files_with("t", ibis.table({"k": "int64"}, name="wanted")),
}


class EngineContract:
    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        before=st.lists(VALUES, max_size=8),
        after=st.lists(VALUES, max_size=8),
        without=st.sampled_from(["", "before", "after"]),
    )
    def test_changed_rows_are_the_difference_of_two_bags(self, engine, tmp_path, before, after, without):
        sides = {"before": before, "after": after}
        sides |= {without: []} if without else {}
        bound = {
            side: LakeRows(() if side == without else write_file(tmp_path / f"{side}.parquet", rows), SCHEMA)
            for side, rows in sides.items()
        }
        with engine.session() as session:
            session.bind("t#changed", ChangedRows(**bound))
            table = ibis.table(dict(SCHEMA.items()) | {"change_side": "string"}, name="t#changed")
            found = session.fetch(table).to_pylist()
        by_side = {side: bag(row for row in found if row["change_side"] == side) for side in sides}
        assert by_side["after"] == bag(sides["after"]) - bag(sides["before"])
        assert by_side["before"] == bag(sides["before"]) - bag(sides["after"])

    def test_a_name_can_be_bound_again(self, engine):
        with engine.session() as session:
            table = ibis.table({"n": "int64"}, name="n")
            for numbers in ([1], [2, 3]):
                session.bind("n", pa.table({"n": numbers}))
                assert sorted(session.fetch(table)["n"].to_pylist()) == numbers
                assert session.materialize("kept", table) == len(numbers)
                kept = session.fetch(ibis.table({"n": "int64"}, name="kept"))
                assert sorted(kept["n"].to_pylist()) == numbers

    def test_nothing_of_a_session_is_left_in_the_next(self, engine):
        with engine.session() as session:
            session.bind("n", pa.table({"n": [1]}))
        with engine.session() as session, pytest.raises(Exception, match="n"):
            session.fetch(ibis.table({"n": "int64"}, name="n"))

    def test_files_of_a_session_go_with_it(self, engine):
        with engine.session() as session:
            session.bind("n", pa.table({"n": [1, 2]}))
            staged = session.write(ibis.table({"n": "int64"}, name="n"), FileLayout(session.scratch, "p"))
            paths = [Path(file.path) for file in staged]
            assert all(path.exists() and path.is_relative_to(session.scratch) for path in paths)
            assert rows_in([file.path for file in staged]) == [(1,), (2,)]
        assert not any(path.exists() for path in [*paths, Path(session.scratch)])

    def test_files_have_the_declared_types_and_every_row_once(self, engine, tmp_path):
        layout = FileLayout(str(tmp_path / "out"), "p", ("part",), ids(WIDE))
        with engine.session() as session:
            session.bind("w", pa.Table.from_pylist(WIDE_ROWS, WIDE.to_pyarrow()))
            staged = session.write(ibis.table(WIDE, name="w"), layout)
        assert sum(file.rows for file in staged) == len(WIDE_ROWS)
        assert sorted(file.path for file in staged) == sorted(
            str(path) for path in (tmp_path / "out").rglob("*.parquet")
        )
        for file in staged:
            schema = pq.read_schema(file.path)
            assert {n: schema.field(n).type for n in schema.names} == {
                n: WIDE.to_pyarrow().field(n).type for n in WIDE.names
            }
            assert schema.field("small").metadata == {b"PARQUET:field_id": b"2"}

    def test_an_expression_is_written_in_the_types_it_claims(self, engine, tmp_path):
        """Ibis leaves out casts it believes redundant: `year()` is int32 to it, and wider to an engine."""
        rows = ibis.table({"at": "timestamp(6)"}, name="w")
        expression = rows.select(year=rows.at.year(), n=rows.count().cast("int32"))
        with engine.session() as session:
            session.bind("w", pa.table({"at": pa.array([0], pa.timestamp("us"))}))
            (file,) = session.write(expression, FileLayout(str(tmp_path / "out"), "p", (), {"year": 1, "n": 2}))
        assert [field.type for field in pq.read_schema(file.path)] == [pa.int32(), pa.int32()]

    @pytest.mark.parametrize("partitions", [(), ("part",)], ids=["plain", "partitioned"])
    def test_no_row_makes_no_file(self, engine, tmp_path, partitions):
        with engine.session() as session:
            session.bind("w", pa.Table.from_pylist([], WIDE.to_pyarrow()))
            layout = FileLayout(str(tmp_path / "out"), "p", partitions, ids(WIDE))
            assert session.write(ibis.table(WIDE, name="w"), layout) == []
        assert list((tmp_path / "out").rglob("*.parquet")) == []

    def test_files_of_one_prefix_and_folder_do_not_collide(self, engine, tmp_path):
        found = set()
        for folder in ("a", "b"):
            with engine.session() as session:
                session.bind("w", pa.table({"n": [1]}))
                layout = FileLayout(str(tmp_path / folder), folder, (), {"n": 1})
                found |= {file.path for file in session.write(ibis.table({"n": "int64"}, name="w"), layout)}
        assert len(found) == 2
        assert rows_in(sorted(found), "n") == [(1,), (1,)]

    @pytest.mark.parametrize("partitions", [(), ("k",)], ids=["plain", "partitioned"])
    def test_rows_for_one_file_go_into_one_for_each_partition_beside_those_there_are(
        self, engine, tmp_path, partitions
    ):
        schema = ibis.schema({"k": "int64", "w": "string"})
        paths = [write_file(tmp_path / f"{n}.parquet", [{"k": n % 2, "w": str(n)}], schema)[0] for n in range(100)]
        rows = ibis.table(schema, name="t")
        with engine.session() as session:
            session.bind("t", LakeRows(tuple(paths), schema))
            for prefix in ("a", "b"):
                layout = FileLayout(str(tmp_path / "out"), prefix, partitions, {"k": 1, "w": 2}, one_file=True)
                assert len(session.write(rows, layout)) == (2 if partitions else 1)
            assert session.write(rows.filter(rows.k == 9), replace(layout, prefix="c")) == []
        found = sorted(str(path) for path in (tmp_path / "out").rglob("*.parquet"))
        assert len(found) == (4 if partitions else 2)
        assert rows_in(found, "count(*), count(DISTINCT w)") == [(200, 100)]

    def test_files_with_finds_the_files_that_hold_a_value_nulls_included(self, engine, tmp_path):
        schema = ibis.schema({"k": "int64", "w": "string"})
        paths = {
            name: write_file(tmp_path / f"it's {name}.parquet", [{"k": k, "w": name} for k in keys], schema)[0]
            for name, keys in {"one": [1, 2], "null": [None], "three": [3]}.items()
        }
        with engine.session() as session:
            session.bind("t", LakeRows(tuple(paths.values()), schema))
            session.bind("wanted", pa.table({"k": pa.array([2, None, 9], pa.int64())}))
            found = session.files_with("t", ibis.table({"k": "int64"}, name="wanted"))
        assert found == sorted([paths["one"], paths["null"]])

    def test_files_of_an_older_schema_are_read_with_the_new_one(self, engine, tmp_path):
        old = write_file(tmp_path / "old.parquet", [{"k": 1}], ibis.schema({"k": "int32"}))
        new_schema = ibis.schema({"k": "int64", "w": "string"})
        new = write_file(tmp_path / "new.parquet", [{"k": 2**40, "w": "x"}], new_schema)
        with engine.session() as session:
            for name, paths in {"both": (*old, *new), "old": old, "none": ()}.items():
                session.bind(name, LakeRows(paths, new_schema))
            read = {n: session.fetch(ibis.table(new_schema, name=n)) for n in ("both", "old", "none")}
        assert sorted(read["both"].to_pylist(), key=lambda r: r["k"]) == [{"k": 1, "w": None}, {"k": 2**40, "w": "x"}]
        assert [table.schema for table in read.values()] == [new_schema.to_pyarrow()] * 3
        assert (read["old"].to_pylist(), read["none"].to_pylist()) == ([{"k": 1, "w": None}], [])

    def test_a_stable_key_is_the_sixty_bits_of_the_md5(self, engine):

        texts = ["", "a", "ß", "C000000001", None]
        rows = ibis.table({"t": "string"}, name="t")
        with engine.session() as session:
            session.bind("t", pa.table({"t": [*texts, " a \n b\t"]}))
            found = session.fetch(rows.select("t", key=stable_key(rows.t), clean=single_spaced(rows.t))).to_pylist()
        keys = {row["t"]: row["key"] for row in found}
        assert {t: keys[t] for t in texts} == {
            t: None if t is None else int(md5(t.encode()).hexdigest()[:15], 16) for t in texts
        }
        assert {row["t"]: row["clean"] for row in found}[" a \n b\t"] == "a b"
        assert {row["t"]: row["clean"] for row in found}[""] is None

    @pytest.mark.parametrize("damage", sorted(DAMAGES))
    @pytest.mark.parametrize("call", sorted(READS))
    def test_a_missing_or_damaged_file_is_named_in_one_line(self, engine, tmp_path, call, damage):
        schema = ibis.schema({"k": "int64"})
        rows, table = [{"k": k * 7919 % 50_021} for k in range(50_000)], ibis.table(schema, name="t")
        path = Path(*write_file(tmp_path / "it's t.parquet", rows, schema))
        DAMAGES[damage](path)
        bound = LakeRows((str(path),), schema)

        def read(session):
            session.bind("wanted", pa.table({"k": [1, 2]}))
            session.bind("t", ChangedRows(LakeRows((), schema), bound) if call == "bind a difference" else bound)
            READS[call](session, table, str(tmp_path / "out"))

        with engine.session() as session, pytest.raises(LakeError) as told:
            read(session)
        assert re.fullmatch(rf"{path} is (missing|damaged \([^\n]+\))\. Restore it from a backup\.", str(told.value))

    def test_conditions_are_judged_row_by_row_in_order_and_null_is_no(self, engine):
        rows = pa.table({"n": pa.array([3, None, -1, 0] * 40_000), "Text": ["a", "b", None, "ab"] * 40_000})
        conditions = {"positive": "n > 0", "odd name": "NOT (TEXT LIKE 'a%') -- why", "both": "n >= 0 AND text = 'a'"}
        with engine.session() as session:
            met = session.met(rows, conditions, dialect="duckdb")
            none = session.met(rows.slice(0, 0), conditions, dialect="duckdb")
        assert met.column_names == ["positive", "odd name", "both"]
        assert met["positive"].to_pylist() == [True, False, False, False] * 40_000
        assert met["odd name"].to_pylist() == [False, True, False, False] * 40_000
        assert met["both"].to_pylist() == [True, False, False, False] * 40_000
        assert none.num_rows == 0

    def test_conditions_are_taken_from_another_systems_sql(self, engine):
        rows = pa.table({"text": ["x1", "y", None]})
        with engine.session() as session:
            met = session.met(rows, {"digits": "REGEXP_LIKE(text, '.*[0-9]')"}, dialect="snowflake")
        assert met["digits"].to_pylist() == [True, False, False]

    @pytest.mark.parametrize("condition", ["no_such > 1", "n >", "no_such_function(n)", "CAST(text AS INT) > 0"])
    def test_a_condition_that_cannot_be_judged_is_named(self, engine, condition):
        rows = pa.table({"n": [1], "text": ["x"]})
        with (
            engine.session() as session,
            pytest.raises(ConfigurationError, match=r"rule: |is no SQL condition of duckdb"),
        ):
            session.met(rows, {"rule": condition}, dialect="duckdb")


def ids(schema):
    """Field ids as a lake gives them: columns first, then what is inside."""
    own = dict(zip(schema.names, range(1, 99), strict=False))
    nested = {"place": {"__duckdb_field_id": own["place"], "city": 20, "zip": 21}} if "place" in own else {}
    tags = {"tags": {"__duckdb_field_id": own["tags"], "element": 22}} if "tags" in own else {}
    return own | nested | tags

"""Building and advancing: the same rows every time, whatever the threads and whenever it was killed."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest

from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.pipeline.source.generator import advance_day, build_warehouse, warehouse


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    """Rows of every table of both files, and the sum of their hashes."""
    found = {}
    for name in ("warehouse", "truth"):
        with duckdb.connect(str(folder / f"{name}.duckdb"), read_only=True) as connection:
            for (table,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
                totals = f"SELECT count(*), sum(hash(t)::HUGEINT) FROM {table} AS t"
                found[f"{name}.{table}"] = connection.execute(totals).fetchone()
    return found


def test_the_same_seed_gives_equal_rows_on_one_thread_and_on_four(tmp_path: Path) -> None:
    # 250,000 lines are more than the 122,880 rows that DuckDB gives one thread.
    for threads in (1, 4):
        folder = tmp_path / str(threads)
        days = [build_warehouse(folder, customers=10_000, threads=threads), advance_day(folder, threads=threads)]
        assert [day.day for day in days] == [date(2024, 3, 1), date(2024, 3, 2)]
    assert contents(tmp_path / "1") == contents(tmp_path / "4")


def test_another_seed_gives_other_rows(tmp_path: Path) -> None:
    for seed in (7, 8):
        build_warehouse(tmp_path / str(seed), seed=seed)
    seven, eight = contents(tmp_path / "7"), contents(tmp_path / "8")
    assert {table for table in seven if seven[table] == eight[table]} == {"warehouse.source_clock", "truth.current_day"}


def failing_at(script: str) -> Callable[..., None]:
    original = warehouse.run_script

    def run(connection: duckdb.DuckDBPyConnection, name: str) -> None:
        if name == script:
            message = f"killed before {script}"
            raise KeyboardInterrupt(message)
        original(connection, name)

    return run


@pytest.mark.parametrize("script", ["write_truth", "write_warehouse"])
def test_a_day_that_died_between_its_two_commits_is_repaired_by_the_next_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    for name in ("smooth", "killed"):
        build_warehouse(tmp_path / name)
    advance_day(tmp_path / "smooth")
    with monkeypatch.context() as patched:
        patched.setattr(warehouse, "run_script", failing_at(script))
        with pytest.raises(KeyboardInterrupt, match=script):
            advance_day(tmp_path / "killed")
    assert advance_day(tmp_path / "killed").day == date(2024, 3, 2)
    assert contents(tmp_path / "killed") == contents(tmp_path / "smooth")


def test_a_killed_build_leaves_no_warehouse_and_the_next_one_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(warehouse, "run_script", failing_at("write_warehouse"))
        with pytest.raises(KeyboardInterrupt):
            build_warehouse(tmp_path)
    assert not (tmp_path / "warehouse.duckdb").exists()
    build_warehouse(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["truth.duckdb", "warehouse.duckdb"]


@pytest.mark.parametrize("customers", [0, 999, 10_000_001])
def test_a_size_out_of_range_is_refused_with_the_range(tmp_path: Path, customers: int) -> None:
    with pytest.raises(ConfigurationError, match="1,000 to 10,000,000 customers"):
        build_warehouse(tmp_path, customers=customers)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_warehouse_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "warehouse.duckdb").write_text("somebody's")
    with pytest.raises(ConfigurationError, match=r"warehouse\.duckdb already exists\. Advance it with advance_day"):
        build_warehouse(tmp_path)
    assert (tmp_path / "warehouse.duckdb").read_text() == "somebody's"


def test_a_day_cannot_be_added_where_no_shop_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"warehouse\.duckdb is missing\. Build the shop"):
        advance_day(tmp_path)


def test_a_truth_of_another_day_is_refused(tmp_path: Path) -> None:
    build_warehouse(tmp_path / "a")
    build_warehouse(tmp_path / "b", first_day=date(2024, 4, 1))
    (tmp_path / "b" / "truth.duckdb").replace(tmp_path / "a" / "truth.duckdb")
    with pytest.raises(ConfigurationError, match="not of one shop"):
        advance_day(tmp_path / "a")

"""Whatever happens at the source, and in whichever order it is extracted and compared: after one more of each the open
keys of the log are the keys of the source."""

from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from snowpipe_platform_tests.comparing import compared, open_keys
from snowpipe_platform_tests.kit import World, query

NOON = datetime(2024, 3, 1, 12)
KEYS = st.integers(0, 3)
steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["put", "delete", "restore", "mark", "unmark"]), KEYS),
        st.tuples(st.sampled_from(["extract", "compare", "wait"]), st.just(0)),
    ),
    min_size=4,
    max_size=9,
)


class Shop:
    """Orders of a source that marks some deletes and makes others, as it is and as it was."""

    def __init__(self, world: World) -> None:
        self.world, self.now = world, NOON
        self.rows: dict[int, tuple[int, bool, datetime]] = {}
        self.before: dict[int, tuple[int, bool, datetime]] = {}
        self.landed: set[int] = set()

    def do(self, step: str, key: int) -> None:
        """What was never landed is no comparison's to land, so that only keys which were come back as they had been."""
        row = self.rows.get(key)
        if step == "put":
            self.rows[key] = (key, False, self.now)
        elif step == "delete" and row is not None:
            self.before[key] = self.rows.pop(key)
        elif step == "restore" and row is None and key in self.before and key in self.landed:
            self.rows[key] = self.before[key]
        elif step in {"mark", "unmark"} and row is not None and key in self.landed:
            self.rows[key] = (key, step == "mark", row[2])
        elif step == "wait":
            self.now += timedelta(hours=13)
        elif step in {"extract", "compare"}:
            self.now += timedelta(hours=1)
            getattr(self, step)()

    def extract(self) -> None:
        self._write()
        self.world.run(f"{self.now:%Y-%m-%d}", at=self.now)
        self.landed.update(key for key, (_, _, changed_at) in self.rows.items() if changed_at < self.now)

    def compare(self) -> None:
        self._write()
        compared(self.world, self.now)

    def _write(self) -> None:
        self.world.source.run("DELETE FROM orders")
        self.world.source.insert("orders", list(self.rows.values()))


@pytest.mark.slow
@pytest.mark.case("A57")
@settings(max_examples=10, deadline=None)
@given(steps=steps, lookback=st.sampled_from(["0s", "1d"]), file_format=st.sampled_from(["parquet", "json"]))
def test_the_open_keys_are_the_keys_of_the_source(steps, lookback, file_format):
    with TemporaryDirectory() as folder:
        declared = {
            "primary_key": "id",
            "soft_delete_column": "gone",
            "lookback": lookback,
            "output_format": file_format,
        }
        shop = Shop(World(Path(folder), query(**declared)))
        shop.world.source.run("CREATE TABLE orders (id INTEGER, gone BOOLEAN, updated_at TIMESTAMP)")
        for step, key in [*steps, ("extract", 0), ("compare", 0)]:
            shop.do(step, key)
        live = sorted(key for key, gone, _ in shop.rows.values() if not gone)
        assert open_keys(shop.world) == live
        entries = len(shop.world.manifests())
        shop.do("compare", 0)
        assert len(shop.world.manifests()) == entries

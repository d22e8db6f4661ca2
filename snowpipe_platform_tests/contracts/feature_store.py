"""What every FeatureStore promises. A backend's test gives the fixture `store`, new and empty."""

import threading
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snowpipe_platform.records import FeatureRow
from snowpipe_platform.spec.consumption import UpstreamCommit

GROUP = "features/items"
T1, T2 = datetime(2024, 3, 1), datetime(2024, 3, 2)
LARGE_KEY = 2**60 - 1


def row(key=1, event_time=T1, created_time=T1, **values):
    return FeatureRow(key, event_time, created_time, values)


ROWS = st.builds(
    lambda key, event, created, value: row(
        key, T1 + timedelta(days=event), T1 + timedelta(microseconds=created), n=value
    ),
    st.integers(1, 2),
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, 2),
)


class FeatureStoreContract:
    def test_a_row_comes_back_as_it_was_with_the_types_of_its_values(self, store):
        values = {
            "count": 2**53 + 1,
            "share": 0.1,
            "amount": Decimal("12.50"),
            "is_new": True,
            "name": 'ß "x"',
            "seen_on": date(2024, 3, 1),
            "seen_at": datetime(2024, 3, 1, 10, 0, 0, 7),
            "nothing": None,
        }
        kept = row(LARGE_KEY, datetime(9999, 12, 31, 23, 59, 59, 999_999), datetime(1900, 1, 1, 0, 0, 0, 1), **values)
        store.put(GROUP, [kept])
        found = store.get(GROUP, [LARGE_KEY])[LARGE_KEY]
        assert found == kept
        assert [type(value) for value in found.values.values()] == [type(kept.values[name]) for name in found.values]
        assert str(found.values["amount"]) == "12.50"

    def test_keys_that_have_no_row_are_left_out_and_a_number_is_no_text(self, store):
        assert store.get(GROUP, [1]) == {}
        store.put(GROUP, [row(1), row("1", n=1)])
        assert store.get(GROUP, [1, "1", 2]) == {1: row(1), "1": row("1", n=1)}
        assert store.get(GROUP, []) == {}

    def test_many_keys_are_read_at_once(self, store):
        store.put(GROUP, [row(key, n=key) for key in range(2_000)])
        found = store.get(GROUP, range(1_000, 3_000))
        assert sorted(found) == list(range(1_000, 2_000))
        assert store.count(GROUP) == 2_000

    def test_groups_do_not_see_each_other(self, store):
        store.put(GROUP, [row(1, n=1)])
        store.put("features/others", [row(1, T2, n=2)])
        assert store.get(GROUP, [1])[1].values == {"n": 1}
        assert (store.count(GROUP), store.count("features/none")) == (1, 0)

    @pytest.mark.case("A40")
    def test_an_earlier_event_time_does_not_replace_a_later_one(self, store):
        store.put(GROUP, [row(1, T2, n=2)])
        store.put(GROUP, [row(1, T1, datetime(2030, 1, 1), n=1)])
        assert store.get(GROUP, [1])[1].values == {"n": 2}

    @pytest.mark.case("A60")
    def test_of_one_event_time_the_later_created_time_stays(self, store):
        later = row(1, T1, T1 + timedelta(microseconds=1), n=2)
        for _ in range(2):
            store.put(GROUP, [row(1, T1, T1, n=1), later, row(1, T1, T1, n=0)])
            assert store.get(GROUP, [1]) == {1: later}

    @pytest.mark.case("A40")
    @pytest.mark.case("A60")
    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_any_order_repetition_and_split_of_puts_ends_alike(self, make_store, data):
        rows = data.draw(st.lists(ROWS, min_size=1, max_size=8))
        order = data.draw(st.permutations(rows * 2))
        cut = data.draw(st.integers(0, len(order)))
        store = make_store()
        store.put(GROUP, order[:cut])
        store.put(GROUP, order[cut:])
        latest = {}
        for one in sorted(rows, key=lambda one: (one.event_time, one.created_time, one.values["n"])):
            latest[one.key] = one
        assert store.get(GROUP, [1, 2]) == latest

    def test_after_an_error_none_of_the_rows_is_there(self, store):
        with pytest.raises(TypeError):
            store.put(GROUP, [row(1), row(2, n=object())])
        assert store.count(GROUP) == 0

    def test_how_far_it_is_comes_back_as_it_was_said(self, store):
        assert store.reached(GROUP) is None
        for number in (1, 2):
            commit = UpstreamCommit(2**62 + number, number, f"content {number}")
            store.set_reached(GROUP, commit)
            assert store.reached(GROUP) == commit
        assert store.reached("features/others") is None

    def test_writers_at_once_end_with_the_latest_row(self, store):
        def write(number):
            for day in range(10):
                store.put(GROUP, [row(1, T1 + timedelta(days=day * 4 + number), n=day * 4 + number)])

        writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert store.get(GROUP, [1])[1].values == {"n": 39}

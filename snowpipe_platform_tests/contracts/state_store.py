"""What every StateStore and DeadLetters promises. A backend's test gives the fixture `store`."""

import threading
from dataclasses import replace
from datetime import datetime

import pytest

from snowpipe_platform.errors import LeaseHeldError
from snowpipe_platform.records import ClosedLetter, Closing, DeadLetter


class StateStoreContract:
    def test_a_watermark_is_none_until_it_is_set(self, store):
        assert store.watermark("orders") is None

    def test_a_watermark_moves_by_compare_and_set(self, store):
        assert store.advance_watermark("orders", expected=None, new="1")
        assert not store.advance_watermark("orders", expected=None, new="9")
        assert not store.advance_watermark("orders", expected="7", new="9")
        assert store.advance_watermark("orders", expected="1", new="2")
        assert store.watermark("orders") == "2"
        assert store.watermark("customers") is None

    def test_a_watermark_is_forgotten_by_compare_and_set(self, store):
        store.advance_watermark("orders", expected=None, new="1")
        assert not store.advance_watermark("orders", expected="7", new=None)
        assert store.watermark("orders") == "1"
        assert store.advance_watermark("orders", expected="1", new=None)
        assert store.watermark("orders") is None
        assert store.advance_watermark("orders", expected=None, new="2")

    def test_of_many_that_move_a_watermark_at_once_one_does(self, store):
        store.advance_watermark("orders", expected=None, new="0")
        moved = []
        move = lambda n: moved.append(store.advance_watermark("orders", expected="0", new=str(n)))  # noqa: E731
        writers = [threading.Thread(target=move, args=(n,)) for n in range(1, 7)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert sorted(moved) == [False] * 5 + [True]

    def test_a_lease_is_held_by_one_and_free_afterwards(self, store):
        with (
            store.lease("silver/orders", holder="run-1"),
            pytest.raises(LeaseHeldError, match=r"silver/orders: run run-1 .* Try again"),
            store.lease("silver/orders", holder="run-2"),
        ):
            pass
        with store.lease("silver/orders", holder="run-2") as lease:
            assert lease.holder == "run-2"

    def test_a_lease_is_free_after_an_error(self, store):
        with pytest.raises(ValueError, match="bug"), store.lease("x", holder="a"):
            raise ValueError("bug")
        with store.lease("x", holder="b") as lease:
            assert lease.holder == "b"

    def test_leases_of_other_resources_do_not_wait(self, store):
        with store.lease("x", holder="a"), store.lease("y", holder="b") as other:
            assert (other.resource, other.holder) == ("y", "b")

    def test_the_token_grows_with_every_holder(self, store):
        tokens = []
        for holder in "abc":
            with store.lease("x", holder=holder) as lease:
                tokens.append(lease.token)
        assert tokens == sorted(set(tokens))

    def test_a_lease_that_went_to_the_next_holder_does_not_verify(self, store):
        with store.lease("x", holder="a") as first:
            store.verify(first)
        with store.lease("x", holder="b") as second:
            store.verify(second)
            with pytest.raises(LeaseHeldError, match="x: another run took the lease over"):
                store.verify(first)

    def test_one_who_lost_the_lease_does_not_free_the_next_holders(self, store):
        with store.lease("x", holder="a") as lost:
            pass
        with store.lease("x", holder="b"):
            store._free(lost)
            with pytest.raises(LeaseHeldError), store.lease("x", holder="c"):
                pass

    def test_leases_are_told_while_they_are_held(self, store):
        with store.lease("y", holder="b"), store.lease("x", holder="a"):
            held = store.leases()
        assert [(lease.resource, lease.holder, lease.is_alive) for lease in held] == [
            ("x", "a", True),
            ("y", "b", True),
        ]
        assert store.leases() == []

    def test_a_store_that_can_be_read_is_not_set_aside(self, store):
        assert store.set_aside() is None
        store.advance_watermark("orders", expected=None, new="1")
        assert store.set_aside() is None
        assert store.watermark("orders") == "1"


LETTER = DeadLetter(
    id="1",
    kind="rows",
    subject="orders",
    error="the row breaks a rule",
    failed_at=datetime(2024, 3, 2, 10, 0, 0, 1),
    request={"load_day": "2024-03-01"},
    rows=('{"id": "ß"}',),
)


CLOSED = Closing("discarded", by="ann", reason="a test order", closed_at=datetime(2024, 3, 3, 9, 0, 0, 7))


class DeadLettersContract:
    def test_a_letter_comes_back_as_it_was(self, store):
        store.put(LETTER)
        assert store.all() == [LETTER]

    def test_many_letters_come_back_oldest_first_and_none_is_no_error(self, store):
        older = replace(LETTER, id="2", failed_at=datetime(2024, 3, 1))
        store.put()
        store.put(LETTER, older)
        assert store.all() == [older, LETTER]

    def test_a_letter_with_the_same_id_replaces_the_first(self, store):
        store.put(LETTER)
        store.put(replace(LETTER, error="again"))
        assert [letter.error for letter in store.all()] == ["again"]

    def test_a_closed_letter_waits_no_more_and_is_kept_with_who_and_why(self, store):
        other = replace(LETTER, id="2")
        store.put(LETTER, other)
        store.close(["1", "never seen"], CLOSED)
        assert store.all() == [other]
        assert store.closed() == [ClosedLetter(LETTER, CLOSED)]

    def test_letters_are_closed_in_order_and_none_is_no_error(self, store):
        letters = [replace(LETTER, id=str(n)) for n in range(3)]
        store.put(*letters)
        store.close([], CLOSED)
        store.close(["2", "0"], CLOSED)
        store.close(["1"], replace(CLOSED, outcome="done", closed_at=datetime(2024, 3, 1)))
        assert [closed.letter.id for closed in store.closed()] == ["1", "2", "0"]

    def test_discarded_rows_that_are_read_again_stay_discarded(self, store):
        store.put(LETTER)
        store.close(["1"], CLOSED)
        store.put(LETTER, replace(LETTER, id="2"))
        assert [letter.id for letter in store.all()] == ["2"]

    @pytest.mark.parametrize(
        ("kind", "outcome"), [("extraction", "discarded"), ("extraction", "done"), ("rows", "landed")]
    )
    def test_what_fails_again_waits_again(self, store, kind, outcome):
        letter = replace(LETTER, kind=kind)
        for _ in range(2):
            store.put(letter)
            assert store.all() == [letter]
            store.close(["1"], replace(CLOSED, outcome=outcome))
        assert [closed.letter for closed in store.closed()] == [letter, letter]

"""Versions, latest states and as-of joins against plain Python."""

import random
from datetime import datetime, timedelta

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snowpipe_platform.spec.history import as_of, latest, moved, versions
from snowpipe_platform_tests.ledger import Ledger, change

START = datetime(2024, 1, 1)
CHANGES = pa.schema(
    {
        "id": pa.string(),
        "name": pa.string(),
        "amount": pa.int64(),
        "created_at": pa.timestamp("us"),
        "changed_at": pa.timestamp("us"),
        "change_type": pa.string(),
        "change_status": pa.string(),
        "manifest_number": pa.int64(),
        "source_row": pa.int64(),
        "changed_nanoseconds": pa.int16(),
    }
)


def at(days: float) -> datetime:
    return START + timedelta(days=days)


def row(key: str, day: float, name: str | None, *, op: str = "upsert", manifest: int = 1, position: int = 0, **more):
    known = {"id": key, "changed_at": at(day), "name": name, "change_type": op, "change_status": "valid"}
    return {"amount": None, "created_at": None, **known, "manifest_number": manifest, "source_row": position, **more}


def table(rows, schema=CHANGES):
    return ibis.memtable(pa.Table.from_pylist(rows, schema))


def computed(expression, *columns: str):
    found = ibis.duckdb.connect().to_pyarrow(expression.select(*columns)).to_pylist()
    return sorted((tuple(r.values()) for r in found), key=repr)


def versions_of(rows, **options):
    expression = versions(table(rows), key=["id"], attributes=["name", "amount"], **options)
    return computed(expression, "id", "name", "amount", "effective_at", "expires_at", "exists_now")


def oracle(rows):
    """Versions by walking each key's winning changes in the order of their instants."""
    won: dict[str, dict[datetime, dict]] = {}
    for r in sorted(rows, key=lambda r: (r["manifest_number"], r["source_row"])):
        won.setdefault(r["id"], {})[r["changed_at"]] = r
    found = []
    for key, by_instant in won.items():
        state, line = None, [by_instant[instant] for instant in sorted(by_instant)]
        own: list[list] = []
        for r in line:
            seen = None if r["change_type"] == "delete" else (r["name"], r["amount"])
            if seen != state and own and own[-1][4] is None:
                own[-1][4] = r["changed_at"]
            if seen is not None and seen != state:
                own.append([key, *seen, r["changed_at"], None])
            state = seen
        found += [(*version, line[-1]["change_type"] != "delete") for version in own]
    return sorted(found, key=repr)


def latest_oracle(rows):
    """Without the history between: what stands after the last change."""
    last: dict[str, dict] = {}
    for r in sorted(rows, key=lambda r: (r["changed_at"], r["manifest_number"], r["source_row"])):
        last[r["id"]] = r
    return sorted([(r["id"], r["name"], r["amount"]) for r in last.values() if r["change_type"] != "delete"], key=repr)


@pytest.mark.case("A21")
def test_a_late_change_between_two_versions_splits_the_first():
    rows = [row("a", 1, "one"), row("a", 3, "three"), row("a", 2, "two", manifest=2)]
    assert versions_of(rows) == [
        ("a", "one", None, at(1), at(2), True),
        ("a", "three", None, at(3), None, True),
        ("a", "two", None, at(2), at(3), True),
    ]


@pytest.mark.case("A24")
def test_a_delete_closes_the_version_and_more_deletes_change_nothing():
    once = [row("a", 1, "one"), row("a", 2, None, op="delete")]
    thrice = [*once, *(row("a", day, None, op="delete", manifest=day) for day in (3, 4))]
    assert versions_of(once) == versions_of(thrice) == [("a", "one", None, at(1), at(2), False)]
    assert computed(latest(table(thrice), key=["id"]), "id") == []


def test_a_row_inserted_again_opens_a_version_even_with_its_old_values():
    rows = [row("a", 1, "one"), row("a", 2, None, op="delete"), row("a", 3, "one")]
    assert versions_of(rows) == [("a", "one", None, at(1), at(2), True), ("a", "one", None, at(3), None, True)]


@pytest.mark.case("A23")
def test_of_two_changes_at_one_instant_the_later_in_the_log_wins():
    rows = [row("a", 1, "later", manifest=2, position=0), row("a", 1, "first", manifest=1, position=9)]
    assert versions_of(rows) == [("a", "later", None, at(1), None, True)]
    rows = [row("a", 1, "second row", position=1), row("a", 1, "first row", position=0)]
    assert computed(latest(table(rows), key=["id"]), "name") == [("second row",)]


def test_within_a_microsecond_the_later_nanosecond_wins_whenever_it_arrives():
    rows = [
        row("a", 1, "at 999", changed_nanoseconds=999),
        row("a", 1, "at 1, late", manifest=2, changed_nanoseconds=1),
    ]
    rows.append(row("a", 1, "on the microsecond, later still", manifest=3))
    assert versions_of(rows) == [("a", "at 999", None, at(1), None, True)]
    assert computed(latest(table(rows), key=["id"]), "name") == [("at 999",)]


def test_a_value_that_becomes_null_and_comes_back_makes_three_versions():
    rows = [row("a", 1, "one"), row("a", 2, None), row("a", 3, "one")]
    assert [(name, start) for _, name, _, start, _, _ in versions_of(rows)] == [
        ("one", at(1)), ("one", at(3)), (None, at(2)),
    ]  # fmt: skip


def test_the_first_version_begins_when_the_entity_was_created_if_that_is_earlier():
    rows = [
        row("a", 5, "one", created_at=at(1)),
        row("a", 7, "two", created_at=at(1)),
        row("b", 5, "x", created_at=at(9)),
    ]
    found = versions_of(rows, created_at="created_at")
    assert [(key, start) for key, _, _, start, _, _ in found] == [("a", at(1)), ("a", at(7)), ("b", at(5))]


def test_quarantined_changes_are_no_history():
    rows = [row("a", 1, "one"), row("a", 2, "bad", change_status="quarantined")]
    assert versions_of(rows) == [("a", "one", None, at(1), None, True)]
    assert computed(latest(table(rows), key=["id"]), "name") == [("one",)]


@pytest.mark.slow
@pytest.mark.case("A22")
@pytest.mark.parametrize("seed", [1, 2])
def test_any_split_and_order_of_days_gives_the_same_tables_incrementally(tmp_path, seed: int):
    chance = random.Random(seed)
    rows = [
        change(f"k{chance.randrange(60)}", chance.randrange(8), "delete" if chance.random() < 0.15 else "upsert")
        for _ in range(500)
    ]
    for r in rows:
        if r["_operation"] == "upsert":
            r |= {"name": chance.choice(["x", "y", "ß", "", None]), "amount": chance.choice(["1", "2", None])}
    ledger = Ledger(tmp_path)
    days = [f"2024-03-0{n}" for n in range(1, 6)]
    expected = []
    for start in range(0, 500, 100):
        batch = rows[start : start + 100] + chance.sample(rows[:start], 20 if start else 0)
        number = ledger.land(days[start // 100], *batch)
        expected += [
            row(r["id"], 0, r.get("name"), op=r["_operation"], manifest=number, position=position)
            | {"changed_at": r["_instant"], "amount": None if r.get("amount") is None else int(r["amount"])}
            for position, r in enumerate(batch)
        ]
    for day in chance.sample(days, 5):
        ledger.run("silver/item_changes", day)
        ledger.run("silver/dim_items")
        ledger.run("silver/fct_items")
    found = {name: ledger.rows(name) for name in ("silver/dim_items", "silver/fct_items")}
    assert sorted(found["silver/fct_items"], key=repr) == latest_oracle(expected)
    columns = [(i, n, a, e, x, now) for i, n, a, e, x, now in found["silver/dim_items"]]
    assert sorted(columns, key=repr) == oracle(expected)
    for name, kept_up in found.items():
        assert ledger.run(name, rebuild=True).plan.operation == "replace_all"
        assert ledger.rows(name) == kept_up


VERSIONS = pa.schema(
    {
        "k": pa.int64(),
        "effective_at": pa.timestamp("us"),
        "expires_at": pa.timestamp("us"),
        "region": pa.string(),
        "change_side": pa.string(),
    }
)
EVENTS = pa.schema({"n": pa.int64(), "k": pa.int64(), "t": pa.timestamp("us")})


@st.composite
def version_lines(draw):
    """Versions of three keys that do not overlap: cuts, with holes, and a value each."""
    rows = []
    for key in range(3):
        cuts = sorted(draw(st.sets(st.integers(0, 8), max_size=5)))
        for position, start in enumerate(cuts):
            end = cuts[position + 1] if position + 1 < len(cuts) else None
            if draw(st.integers(0, 3)):
                region = draw(st.sampled_from(["N", "S", None]))
                rows.append({"k": key, "effective_at": at(start), "expires_at": end and at(end), "region": region})
    return rows


EVENT_ROWS = [{"n": n, "k": n % 4, "t": at(n / 4)} for n in range(40)] + [{"n": 99, "k": None, "t": at(1)}]


def valid_at(lines, event):
    for line in lines:
        is_begun = line["k"] == event["k"] and line["effective_at"] <= event["t"]
        if is_begun and (line["expires_at"] is None or event["t"] < line["expires_at"]):
            return line["region"]
    return None


@settings(max_examples=25, deadline=None)
@given(lines=version_lines())
def test_as_of_finds_the_one_version_valid_at_the_instant(lines):
    joined = as_of(table(EVENT_ROWS, EVENTS), table(lines, VERSIONS), key="k", at="t", take=("region",))
    assert computed(joined, "n", "region") == sorted([(e["n"], valid_at(lines, e)) for e in EVENT_ROWS], key=repr)


def test_as_of_refuses_to_take_a_column_the_events_have():
    events = table([{"k": 1, "effective_at": at(1), "expires_at": None, "region": "N"}], VERSIONS)
    with pytest.raises(ibis.common.exceptions.IbisError, match="region"):
        as_of(events, events, key="k", at="effective_at", take=("region",))


@settings(max_examples=40, deadline=None)
@given(before=version_lines(), after=version_lines())
def test_moved_finds_exactly_the_events_whose_value_is_another(before, after):
    """Only rows that one side has are given, as the difference of two commits gives them."""
    changed = [{**r, "change_side": "before"} for r in before if r not in after]
    changed += [{**r, "change_side": "after"} for r in after if r not in before]
    found = moved(table(EVENT_ROWS, EVENTS), table(changed, VERSIONS), key="k", at="t", attribute="region")
    expected = [(e["n"],) for e in EVENT_ROWS if valid_at(before, e) != valid_at(after, e)]
    assert computed(found, "n") == sorted(expected, key=repr)


def test_adding_a_column_that_is_no_attribute_makes_no_version():
    rows = [row("a", 1, "one"), row("a", 2, "one", created_at=at(1))]
    assert versions_of(rows) == [("a", "one", None, at(1), None, True)]

"""Training sets: what was true by each label and nothing later, in a file that the same inputs make again."""

import hashlib
import json
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from snowpipe_platform.errors import LakeError, LeaseHeldError
from snowpipe_platform.execution.training_set import encoded, make_training_set, remade
from snowpipe_platform_tests.grouped import D1, GROUP, STATES, TRAINING, group, make, training_ledger
from snowpipe_platform_tests.kit import Faulty, Killed
from snowpipe_platform_tests.ledger import CHANGES, IDENTITY, START, change
from snowpipe_platform_tests.upkeep import maintained

DAYS = [D1 + timedelta(days=n) for n in range(5)]


@pytest.fixture
def ledger(tmp_path):
    return training_ledger(tmp_path)


@pytest.fixture(scope="module")
def settled(tmp_path_factory):
    """Five days that no test changes."""
    ledger = training_ledger(tmp_path_factory.mktemp("settled"))
    land(ledger)
    make(ledger, *DAYS)
    return ledger


def made(ledger):
    return make_training_set(TRAINING, ledger.pipeline, ledger.ground, IDENTITY)


def rows_of(ledger, record):
    """(id, label_at in days since START, name, amount, called, silent), as in the file."""
    with pq.ParquetFile(ledger.ground.training_sets.locate(record)) as file:
        rows = file.read().to_pylist()
    return [(row["id"], (row["label_at"] - START) / timedelta(days=1), *list(row.values())[2:]) for row in rows]


def land(ledger):
    ledger.land("2024-01-05", change("a", 0.5, name="A", amount="1"), change("b", 1.2, name="B"))
    ledger.land("2024-01-05", change("a", 2.6, name="AA", amount="2"))


def three_days(ledger):
    """The fewest with a label."""
    land(ledger)
    make(ledger, *DAYS[:3])


def test_a_row_has_what_was_true_by_its_label_and_what_came_after(settled):
    found = made(settled)
    assert rows_of(settled, found.record) == [
        ("a", 1.0, "A", 1, "A", True),
        ("a", 1.5, "A", 1, "A", False),
        ("a", 2.0, "A", 1, "A", False),
        ("b", 2.0, "B", 0, "B", True),
        ("a", 2.5, "A", 1, "A", False),
        ("b", 2.5, "B", 0, "B", True),
        ("a", 3.0, "AA", 2, "AA", True),
        ("b", 3.0, "B", 0, "B", True),
        ("a", 3.5, "AA", 2, "AA", True),
        ("b", 3.5, "B", 0, "B", True),
    ]
    assert (found.record.rows, found.positive) == (10, 7)


@pytest.mark.case("A59")
def test_a_label_inside_a_day_does_not_see_what_changed_later_that_day(settled):
    """b exists at 1.5, and its features are known from the end of its day on."""
    rows = rows_of(settled, made(settled).record)
    assert [row[:3] for row in rows if row[1] == 1.5] == [("a", 1.5, "A")]
    assert [row[:3] for row in rows if row[1] == 2.5 and row[0] == "a"] == [("a", 2.5, "A")]


def test_the_file_is_named_by_its_content_and_the_record_says_what_it_is_made_of(settled):
    record = made(settled).record
    folder = settled.folder / "training" / "silence"
    assert sorted(path.name for path in folder.iterdir()) == [f"{record.hash}.json", f"{record.hash}.parquet"]
    assert hashlib.sha256((folder / f"{record.hash}.parquet").read_bytes()).hexdigest() == record.hash
    told = json.loads((folder / f"{record.hash}.json").read_text())
    state = settled.ground.lake.state(GROUP)
    assert told["inputs"][GROUP] == {
        "snapshot_id": state.snapshot_id,
        "content_id": state.content_id,
        "number": state.number,
    }
    assert told["features"] == [{"name": "name", "default": None}, {"name": "amount", "default": 0}]
    assert set(told["inputs"]) == {GROUP, CHANGES.name}
    assert (told["rows"], told["feature_group"], told["feature_group_version"]) == (10, GROUP, 1)
    assert (told["first_label"], told["last_label"]) == ("2024-01-02T00:00:00", "2024-01-04T12:00:00")
    assert told["code_version"] == TRAINING.code_version


def test_its_columns_and_types_are_those_declared_and_no_time_of_knowledge_is_among_them(settled):
    schema = pq.read_schema(settled.ground.training_sets.locate(made(settled).record))
    assert {field.name: field.type for field in schema} == {
        "id": pa.string(),
        "label_at": pa.timestamp("us"),
        "name": pa.string(),
        "amount": pa.int64(),
        "called": pa.string(),
        "silent": pa.bool_(),
    }
    assert schema.metadata == {b"feature_group_version": b"1"}


def test_making_it_again_keeps_file_and_record_as_they_are(settled):
    first = made(settled)
    path = Path(settled.ground.training_sets.locate(first.record))
    before = path.stat()
    again = made(settled)
    assert (again.is_new, again.record) == (False, first.record)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert settled.ground.training_sets.all("silence") == [first.record]


@pytest.mark.slow
@pytest.mark.case("A43")
def test_next_month_after_maintenance_its_inputs_make_the_same_hash(ledger):
    three_days(ledger)
    record = made(ledger).record
    ledger.land("2024-01-06", change("a", 0.6, name="late"), change("b", 1.3, "delete"))
    make(ledger, *DAYS[:3])
    other = made(ledger).record
    assert other.hash != record.hash
    for done in maintained(ledger.ground, CHANGES.name, STATES, GROUP).values():
        assert done.status in {"ok", "unchanged"}, done.note
    assert remade(record, ledger.pipeline, ledger.ground) == record.hash
    assert remade(other, ledger.pipeline, ledger.ground) == other.hash


def test_without_its_tags_maintenance_takes_the_inputs_away_and_that_is_said(ledger):
    three_days(ledger)
    record = made(ledger).record
    tag, snapshot_id = next(iter(ledger.ground.lake.tags(GROUP).items()))
    assert (tag, snapshot_id) == (f"training-set-silence-{record.hash[:16]}", record.inputs[GROUP].snapshot_id)
    ledger.opened(GROUP).manage_snapshots().remove_tag(tag).commit()
    ledger.land("2024-01-06", change("a", 0.6, name="late"))
    make(ledger, *DAYS[:3])
    maintained(ledger.ground, GROUP)
    with pytest.raises(LakeError, match="features/items: the rows of commit 3 are gone"):
        remade(record, ledger.pipeline, ledger.ground)


@pytest.mark.case("A43")
def test_a_rebuild_of_everything_from_bronze_makes_the_same_hash(ledger, tmp_path_factory):
    three_days(ledger)
    ledger.land("2024-01-06", change("a", 0.6, name="late"))
    make(ledger, *DAYS[:3])
    record = made(ledger).record
    other = training_ledger(tmp_path_factory.mktemp("rebuilt"))
    shutil.copytree(ledger.folder / "bronze", other.folder / "bronze")
    make(other, *reversed(DAYS[:3]))
    found = made(other)
    rebuilt = found.record
    assert (rebuilt.hash, found.is_new) == (record.hash, True)
    assert rebuilt.inputs[GROUP].content_id != record.inputs[GROUP].content_id
    created = [{row[0] for row in one.rows(GROUP, "created_time")} for one in (ledger, other)]
    assert not created[0] & created[1], "each knew its rows at another time"


def test_the_same_rows_are_the_same_bytes_however_many_threads_made_them(settled):
    record = made(settled).record
    table = pq.read_table(settled.ground.training_sets.locate(record))
    chunked = pa.concat_tables([table.slice(0, 3), table.slice(3)]).replace_schema_metadata({"b": "1"})
    assert hashlib.sha256(encoded(chunked.combine_chunks(), group_version=1)).hexdigest() == record.hash


def test_it_waits_for_labels_and_says_what_there_is(ledger):
    with pytest.raises(LakeError, match=f"no commit yet of {GROUP} {CHANGES.name}. Run: snowpipe run"):
        made(ledger)
    ledger.land("2024-01-05", change("a", 0.5))
    make(ledger, D1)
    told = "no label yet. features/items: its dates end between 2024-01-02 00:00:00 and 2024-01-02 00:00:00"
    with pytest.raises(LakeError, match=told):
        made(ledger)


@pytest.mark.parametrize(("adapter", "after"), [("lake", True), ("training_sets", False), ("training_sets", True)])
def test_a_killed_run_leaves_what_the_next_one_completes(ledger, adapter, after):
    three_days(ledger)
    inner = getattr(ledger.ground, adapter)
    fault = {"tag": [2]} if adapter == "lake" else {"put": [1]}
    faulty = ledger.swap(**{adapter: Faulty(inner, Killed(), fault, after=after)})
    with pytest.raises(Killed):
        make_training_set(TRAINING, ledger.pipeline, faulty, IDENTITY)
    record = made(ledger).record
    assert ledger.ground.training_sets.all("silence") == [record]
    assert all(ledger.ground.lake.tags(name) for name in record.inputs)


def test_a_table_that_another_run_writes_is_not_tagged_under_it(settled):
    told = pytest.raises(LeaseHeldError, match=r"a run .* is writing")
    with settled.ground.state.lease(CHANGES.name, holder="a run"), told:
        made(settled)


def test_features_that_would_be_others_if_made_now_are_refused_with_the_command_that_makes_them(ledger):
    three_days(ledger)
    ledger.land("2024-01-06", change("a", 0.6, name="late"))
    ledger.run(CHANGES.name)
    told = "gold/item_states of 2024-01-01 is stale: changes came for it since. Make it anew: snowpipe run "
    with pytest.raises(LakeError, match=f"{told}gold/item_states features/items --rebuild"):
        made(ledger)
    make(ledger, *DAYS[:3])
    newer = group(features=(*group().features[:1], replace(group().features[1], default=7)))
    ledger.use(*ledger.tables[:2], newer)
    with pytest.raises(LakeError, match="features/items of 2024-01-01 was made by other code"):
        make_training_set(TRAINING, ledger.pipeline, ledger.ground, IDENTITY)


def test_the_same_rows_of_another_version_of_the_group_are_another_set(ledger):
    three_days(ledger)
    first = made(ledger).record
    ledger.use(*ledger.tables[:2], group(version=2))
    for on in DAYS[:3]:
        ledger.run(GROUP, on.isoformat(), rebuild=True)
    second = make_training_set(TRAINING, ledger.pipeline, ledger.ground, IDENTITY).record
    assert (second.feature_group_version, second.rows) == (2, first.rows)
    assert second.hash != first.hash
    assert remade(first, ledger.pipeline, ledger.ground) == first.hash

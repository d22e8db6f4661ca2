"""Batch scores: of which features, by which version, and when a date is scored again."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from snowpipe_platform.backends.local_scorer import LocalScorer
from snowpipe_platform.errors import ModelError, ServingError
from snowpipe_platform.execution.as_of_plan import analysis_dates
from snowpipe_platform.execution.inputs import read_inputs
from snowpipe_platform.execution.lineage import lineage_of
from snowpipe_platform.orchestration.pending import due_dates
from snowpipe_platform.serving.loaded import load_model
from snowpipe_platform.spec.column_graph import TableColumn
from snowpipe_platform_tests.grouped import D1, D2, D3, GROUP, make
from snowpipe_platform_tests.kit import Faulty, Killed
from snowpipe_platform_tests.ledger import change
from snowpipe_platform_tests.scored import (
    JUDGED,
    JUDGED_TABLE,
    SCORES,
    register,
    score,
    scored_ledger,
    scores,
    serve,
)

LATER = datetime(2024, 2, 1)


@pytest.fixture
def ledger(tmp_path):
    made = scored_ledger(tmp_path)
    made.land("2024-01-03", change("a", 0.5, amount="1"), change("b", 0.5, amount="8"), change("c", 1.5))
    return made


def answers(ledger, version, *amounts):
    """As the model says when it is asked directly."""
    model = load_model(ledger.ground.models.registry.artefact(version), version=version.number)
    return [float(found) for found in model.probabilities(model.matrix([[float(one)] for one in amounts]))]


def rows(ledger, on):
    return [row[:3] for row in ledger.rows(SCORES) if row[3] == on]


def stale(ledger, name=SCORES):
    return analysis_dates(read_inputs(ledger.pipeline, ledger.pipeline.table(name), ledger.ground)).stale


def due(ledger, name=SCORES, **coming):
    return due_dates(ledger.pipeline, ledger.pipeline.table(name), ledger.ground, now=LATER, **coming).due


def test_every_entity_of_the_date_has_the_answer_of_the_version_that_serves(ledger):
    version = register(ledger)
    serve(ledger, version)
    score(ledger, D1, D2)
    one, eight, nothing = answers(ledger, version, 1, 8, 0)
    assert rows(ledger, D1) == [("a", one, 1), ("b", eight, 1)]
    assert rows(ledger, D2) == [("a", one, 1), ("b", eight, 1), ("c", nothing, 1)]


def test_before_a_version_is_approved_nothing_is_scored_and_nothing_fails(ledger):
    register(ledger)
    (result,) = score(ledger, D1)
    told = ("nothing", "no version of model 'churn' is approved yet")
    assert (result.plan.operation, result.plan.reason) == told
    assert (ledger.ground.lake.state(SCORES), due(ledger)) == (None, ())


def test_a_date_waits_for_its_features(ledger):
    serve(ledger, register(ledger))
    make(ledger, D1)
    result = ledger.run(SCORES, D2.isoformat())
    assert (result.plan.operation, result.plan.reason) == ("nothing", "waits for features/items of 2024-01-02")


def test_a_date_is_scored_once_and_again_when_its_features_were_made_anew(ledger):
    version = register(ledger)
    serve(ledger, version)
    score(ledger, D1, D2)
    again = ledger.run(SCORES, D1.isoformat())
    told = "features/items of 2024-01-01 has not changed, nor the version that serves"
    assert (again.plan.operation, again.plan.reason) == ("nothing", told)

    ledger.land("2024-01-04", change("a", 0.6, amount="9"))
    make(ledger, D1, D2)
    assert stale(ledger) == {D1, D2}
    result = ledger.run(SCORES, D1.isoformat())
    assert result.plan.reason == "features/items of 2024-01-01 was made anew"
    assert rows(ledger, D1)[0] == ("a", answers(ledger, version, 9)[0], 1)
    assert stale(ledger) == {D2}


def test_another_version_scores_new_dates_and_old_ones_when_somebody_asks(ledger):
    first, second = register(ledger), register(ledger, seed=4)
    serve(ledger, first)
    score(ledger, D1, D2)
    serve(ledger, second)
    score(ledger, D3)
    assert [{row[2] for row in rows(ledger, on)} for on in (D1, D2, D3)] == [{1}, {1}, {2}]
    assert (stale(ledger), due(ledger)) == (frozenset(), ())

    result = ledger.run(SCORES, D2.isoformat())
    assert result.plan.reason == "version 2 of churn serves now"
    assert [row[1] for row in rows(ledger, D2)] == answers(ledger, second, 1, 8, 0)
    assert {row[2] for row in rows(ledger, D1)} == {1}
    serve(ledger, first)
    assert ledger.run(SCORES, D2.isoformat()).plan.reason == "version 1 of churn serves now"


def test_scores_are_due_from_the_newest_date_on_that_had_features_when_there_was_a_model(ledger):
    make(ledger, D1, D2)
    serve(ledger, register(ledger))
    assert due(ledger) == (D2,)
    score(ledger, D2)
    make(ledger, D3)
    assert due(ledger) == (D3,)
    coming = {GROUP: frozenset({D3 + timedelta(days=1)})}
    assert due(ledger, coming=coming) == (D3, D3 + timedelta(days=1))


def test_what_reads_scores_does_not_wait_for_them_and_is_stale_once_they_come(ledger):
    make(ledger, D1, D2)
    ledger.run(JUDGED, D1.isoformat())
    assert ledger.rows(JUDGED) == [("a", None, D1), ("b", None, D1)]
    version = register(ledger)
    serve(ledger, version)
    score(ledger, D1)
    assert (stale(ledger, JUDGED), due(ledger, JUDGED)) == ({D1}, (D1, D3))  # D3 is the day that landed
    ledger.run(JUDGED, D1.isoformat())
    assert [row[1] for row in ledger.rows(JUDGED)] == answers(ledger, version, 1, 8)
    assert stale(ledger, JUDGED) == frozenset()
    score(ledger, D2)
    assert stale(ledger, JUDGED) == frozenset()


def test_a_model_that_wants_other_features_scores_nothing_and_the_table_stays(ledger):
    serve(ledger, register(ledger))
    score(ledger, D1)
    before = ledger.rows(SCORES)
    wanted = {"name": "colours", "type": "int64", "default": 0, "min": 0, "max": 9}
    serve(ledger, register(ledger, seed=2, features=[wanted]))
    with pytest.raises(ServingError, match="does not fit churn version 2: colours is missing"):
        score(ledger, D2)
    assert ledger.rows(SCORES) == before


def test_a_version_whose_files_were_changed_scores_nothing(ledger):
    version = register(ledger)
    serve(ledger, version)
    (ledger.ground.models.registry.artefact(version) / "model.joblib").write_bytes(b"other")
    with pytest.raises(ModelError, match=r"churn version 1: .* has other files than were registered"):
        score(ledger, D1)


@pytest.mark.parametrize("after", [False, True])
def test_a_killed_run_leaves_what_the_next_one_completes(ledger, after):
    version = register(ledger)
    serve(ledger, version)
    make(ledger, D1)
    ground = ledger.ground
    scorer = Faulty(ground.models.scorer, Killed(), {"score": [1]}, after=after)
    ledger.ground = ledger.swap(models=replace(ground.models, scorer=scorer))
    with pytest.raises(Killed):
        ledger.run(SCORES, D1.isoformat())
    ledger.ground = ground
    assert ledger.ground.lake.state(SCORES) is None or not ledger.rows(SCORES)
    score(ledger, D1)
    assert [row[1] for row in rows(ledger, D1)] == answers(ledger, version, 1, 8)


@pytest.mark.slow
def test_a_process_of_its_own_gives_the_same_scores(ledger):
    version = register(ledger)
    serve(ledger, version)
    make(ledger, D1)
    scorer = LocalScorer("snowpipe_platform.pipeline")
    ledger.ground = ledger.swap(models=replace(ledger.ground.models, scorer=scorer))
    score(ledger, D1)
    assert [row[1] for row in rows(ledger, D1)] == answers(ledger, version, 1, 8)


def test_its_columns_come_from_every_feature(ledger):
    found = lineage_of(SCORES, ledger.pipeline, ledger.ground).columns["gone"]
    assert found.value == {TableColumn(GROUP, "name"), TableColumn(GROUP, "amount")}


def test_to_whom_the_model_does_not_apply_it_gives_no_score(ledger):
    ledger.use(*ledger.tables[:3], scores(applies=lambda items: items.amount.fill_null(0) > 0), JUDGED_TABLE)
    version = register(ledger)
    serve(ledger, version)
    score(ledger, D2)
    assert [row[0] for row in rows(ledger, D2)] == ["a", "b"]
    ledger.run(JUDGED, D2.isoformat())
    assert [row[:2] for row in ledger.rows(JUDGED)][2] == ("c", None)

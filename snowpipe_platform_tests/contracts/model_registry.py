"""What every ModelRegistry promises. A backend's test gives the fixtures `registry` and `artefact`, a folder."""

import threading
from dataclasses import replace
from datetime import datetime

import pytest

from snowpipe_platform.errors import CommitConflictError, ModelError
from snowpipe_platform.spec.gates import GateResult
from snowpipe_platform.spec.model_version import Decision, Served
from snowpipe_platform_tests.evaluating import candidate, evaluation, group

AT = datetime(2024, 3, 2, 9, 0, 0, 1)
GATES = (
    GateResult(gate="roc_auc at least 0.6", passed=False, measured=0.5, threshold=0.6, why="0.500 of 0.6 asked for"),
    GateResult(gate="brier within 0.01 of the champion", passed=True, measured=0.1, threshold=None, why="no champion"),
)
APPROVED = Decision(stage="approved", by="ann", at=AT, reason="looks well", gates=GATES, override="a holiday, ß")
REJECTED = Decision(stage="rejected", by="bob", at=AT, reason="too old", gates=())


class ModelRegistryContract:
    def test_an_empty_registry_has_no_model(self, registry):
        assert (registry.models(), registry.versions("churn"), registry.served("churn")) == ([], [], [])

    def test_a_version_comes_back_as_it_was_registered(self, registry, artefact):
        wanted = candidate(evaluation=evaluation(champion=(3, {"roc_auc": 0.7}), groups=(group("North", None),)))
        found = registry.register(wanted, artefact=artefact)
        assert (found.number, found.stage, found.decisions) == (1, "registered", ())
        assert found.candidate == wanted
        assert found.candidate.evaluation.document == wanted.evaluation.document
        assert registry.versions("churn") == [found]
        assert registry.models() == ["churn"]

    def test_numbers_are_a_models_own(self, registry, artefact):
        numbers = [
            registry.register(candidate(model=model, training_set=made_of), artefact=artefact).number
            for model, made_of in (("churn", "a"), ("churn", "b"), ("value", "a"), ("churn", "c"))
        ]
        assert numbers == [1, 2, 1, 3]
        assert registry.models() == ["churn", "value"]
        assert [version.candidate.training_set for version in registry.versions("churn")] == ["a", "b", "c"]

    def test_the_same_again_is_the_same_version_and_keeps_its_decisions(self, registry, artefact):
        first = registry.decide(registry.register(candidate(), artefact=artefact), REJECTED)
        assert registry.register(candidate(run_id="run-2"), artefact=artefact) == first

    @pytest.mark.parametrize(
        "changed", [{"training_set": "other"}, {"code_version": "other"}, {"parameters": {"seed": 8}}, {}]
    )
    def test_what_differs_in_anything_is_another_version(self, registry, artefact, changed):
        registry.register(candidate(), artefact=artefact)
        if not changed:
            (artefact / "model.joblib").write_bytes(b"other")
        assert registry.register(candidate(**changed), artefact=artefact).number == 2

    def test_the_files_are_a_copy_that_nobody_changes(self, registry, artefact):
        found = registry.register(candidate(), artefact=artefact)
        (artefact / "model.joblib").unlink()
        kept = registry.artefact(found)
        assert {path.name: path.read_bytes() for path in kept.iterdir()} == {
            "model.joblib": b"a model",
            "card.md": b"# card",
        }

    @pytest.mark.parametrize(
        ("damage", "message"),
        [
            (lambda folder: (folder / "model.joblib").write_bytes(b"other"), "has other files than were registered"),
            (lambda folder: (folder / "more").touch(), "has other files than were registered"),
            (lambda folder: folder.rename(folder.with_name("moved")), "is gone"),
        ],
        ids=["changed", "added", "moved"],
    )
    def test_files_that_are_not_what_was_registered_are_refused(self, registry, artefact, damage, message):
        found = registry.register(candidate(), artefact=artefact)
        damage(registry.artefact(found))
        with pytest.raises(ModelError, match=rf"^churn version 1: .* {message}\. Restore it"):
            registry.artefact(found)

    def test_decisions_are_added_with_who_when_why_and_the_gates_as_they_stood(self, registry, artefact):
        registered = registry.register(candidate(), artefact=artefact)
        approved = registry.decide(registered, APPROVED)
        rejected = registry.decide(approved, REJECTED)
        assert (approved.stage, approved.decisions) == ("approved", (APPROVED,))
        assert (rejected.stage, rejected.decisions) == ("rejected", (APPROVED, REJECTED))
        assert registry.versions("churn") == [rejected]

    def test_who_decides_on_what_is_no_more_so_is_told(self, registry, artefact):
        seen = registry.register(candidate(), artefact=artefact)
        decided = registry.decide(seen, REJECTED)
        with pytest.raises(CommitConflictError, match=r"^churn version 1: somebody else decided about it meanwhile"):
            registry.decide(seen, APPROVED)
        assert registry.versions("churn") == [decided]

    def test_of_many_that_decide_at_once_one_does(self, registry, artefact):
        seen = registry.register(candidate(), artefact=artefact)
        outcomes = []

        def decide(by):
            try:
                registry.decide(seen, replace(APPROVED, by=by))
                outcomes.append(by)
            except CommitConflictError:
                outcomes.append("")

        threads = [threading.Thread(target=decide, args=(str(n),)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [decision.by for decision in registry.versions("churn")[0].decisions] == [by for by in outcomes if by]
        assert outcomes.count("") == 3

    def test_many_register_at_once_and_each_has_a_number(self, registry, artefact):
        def register(made_of):
            registry.register(candidate(training_set=made_of), artefact=artefact)

        threads = [threading.Thread(target=register, args=(str(n),)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = registry.versions("churn")
        assert [version.number for version in found] == [1, 2, 3, 4]
        assert {version.candidate.training_set for version in found} == set("0123")
        assert all(registry.artefact(version) for version in found)

    def test_what_served_is_kept_in_order_and_by_model(self, registry):
        first = Served(version=1, action="deploy", by="ann", at=AT, reason="the first")
        back = Served(version=1, action="rollback", by="bob", at=AT, reason="2 was worse")
        for served in (first, replace(first, version=2), back):
            registry.record_served("churn", served)
        registry.record_served("value", replace(first, version=9))
        assert registry.served("churn") == [first, replace(first, version=2), back]

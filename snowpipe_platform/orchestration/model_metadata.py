"""What a person sees of a model in Dagster: how good a version is, its gates and card, and who let it serve."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from snowpipe_platform.orchestration.charts import svg_image
from snowpipe_platform.orchestration.metadata import Metadata
from snowpipe_platform.orchestration.names import asset_key, gate_check_name, model_name
from snowpipe_platform.records import Deployment
from snowpipe_platform.spec.evaluation import BASELINE, CHAMPION, HIGHER_IS_BETTER, LOGISTIC, MODEL, Evaluation, Metrics
from snowpipe_platform.spec.gates import GateResult
from snowpipe_platform.spec.model_version import ModelVersion

CARD, CARD_PAGE = "card.md", "card.html"
IMAGE_LINK = re.compile(r"^!\[[^\n]*\]\([^\n]*\)\n*", re.MULTILINE)
DIGITS = 4

_int, _float, _text, _md = dg.MetadataValue.int, dg.MetadataValue.float, dg.MetadataValue.text, dg.MetadataValue.md


def version_metadata(
    version: ModelVersion, gates: Sequence[GateResult], artefact: Path, *, run_id: str, training_set: str
) -> Metadata:
    """Of one training. run_id: its own, which tells a new version from an earlier one that came out again.
    training_set: where its file is."""
    candidate = version.candidate
    evaluation = candidate.evaluation
    measured = {name: evaluation.measured(MODEL, name) for name in HIGHER_IS_BETTER}
    found: Metadata = {
        "summary": _text(version_summary(version, gates, is_new=candidate.run_id == run_id)),
        "version": _int(version.number),
        **{name: _float(value) for name, value in measured.items() if value is not None},
        "contenders": _contenders(evaluation),
        "gates": gates_table(gates),
    }
    if evaluation.groups:
        found["groups"] = _groups(evaluation)
    return found | {
        **_card(artefact),
        "dagster/uri": _text(str(artefact)),
        "training_set": _text(candidate.training_set),
        "training_set_file": dg.MetadataValue.path(training_set),
        "code_version": _text(candidate.code_version),
        "parameters": dg.MetadataValue.json(dict(candidate.parameters)),
    }


def version_summary(version: ModelVersion, gates: Sequence[GateResult], *, is_new: bool) -> str:
    """One sentence for a person."""
    failed = [gate.gate for gate in gates if not gate.passed]
    told = f"failed {', '.join(failed)}" if failed else f"passed {len(gates)} of {len(gates)} gates"
    roc_auc = version.candidate.evaluation.measured(MODEL, "roc_auc")
    good = "" if roc_auc is None else f"ROC AUC {roc_auc:.3f}, "
    again = "" if is_new else f"; nothing has changed since it was registered on {version.registered_at:%Y-%m-%d %H:%M}"
    return f"version {version.number}: {good}{told}{again}"


def gate_outcomes(model: str, gates: Sequence[GateResult]) -> list[dg.AssetCheckResult]:
    """A check for each gate. A failed one is red and stops nothing: it is the approval that is refused."""
    return [
        dg.AssetCheckResult(
            passed=gate.passed,
            asset_key=asset_key(model_name(model)),
            check_name=gate_check_name(gate.gate),
            severity=dg.AssetCheckSeverity.ERROR,
            description=gate.why,
            metadata={
                "gate": _text(gate.gate),
                **({} if gate.measured is None else {"measured": _float(gate.measured)}),
                **({} if gate.threshold is None else {"threshold": _float(gate.threshold)}),
            },
        )
        for gate in gates
    ]


def approval_metadata(version: ModelVersion) -> Metadata:
    """Of the version approved last: who let it serve, and why."""
    decision = version.decisions[-1]
    return {
        "summary": _text(f"version {version.number}, approved by {decision.by}: {decision.reason}"),
        "version": _int(version.number),
        "approved_by": _text(decision.by),
        "approved_at": _text(f"{decision.at.isoformat()}Z"),
        "reason": _text(decision.reason),
        **({"override": _text(decision.override)} if decision.override else {}),
        "gates": gates_table(decision.gates),
    }


def deployment_metadata(now: Deployment, was: Deployment | None, *, url: str | None) -> Metadata:
    """Of one deployment or rollback. was: what served before it. url: of the server that runs, None when none does."""
    before = "nothing" if was is None else f"{was.model} version {was.version}"
    is_same = was is not None and was.number == now.number
    told = "serves already" if is_same else f"serves, in place of {before}"
    return {
        "summary": _text(f"{now.model} version {now.version} {told}"),
        "version": _int(now.version),
        "action": _text(now.action),
        **({} if is_same else {"in_place_of": _text(before)}),
        "deployed_at": _text(f"{now.deployed_at.isoformat()}Z"),
        "answers_at": _text("no server runs: snowpipe serve") if url is None else dg.MetadataValue.url(url),
    }


def gates_table(gates: Sequence[GateResult]) -> dg.TableMetadataValue:
    """A row for each gate, with what it measured and why it passed or did not."""
    rows = [
        {
            "gate": gate.gate,
            "passed": gate.passed,
            "measured": _shown(gate.measured),
            "threshold": _shown(gate.threshold),
            "why": gate.why,
        }
        for gate in gates
    ]
    return _table(
        {"gate": "string", "passed": "bool", "measured": "float", "threshold": "float", "why": "string"}, rows
    )


def _contenders(evaluation: Evaluation) -> dg.TableMetadataValue:
    names = {
        MODEL: "this version",
        CHAMPION: f"champion, version {evaluation.champion}",
        LOGISTIC: "logistic regression",
        BASELINE: "baseline",
    }
    rows = [{"contender": names.get(one, one), **_measured(metrics)} for one, metrics in evaluation.metrics.items()]
    return _table({"contender": "string", **dict.fromkeys(HIGHER_IS_BETTER, "float")}, rows)


def _groups(evaluation: Evaluation) -> dg.TableMetadataValue:
    rows = [
        {
            "by": one.dimension,
            "group": one.name,
            "rows": one.rows,
            "positives": one.positives,
            **_measured(one.metrics),
        }
        for one in evaluation.groups
    ]
    counts = {"by": "string", "group": "string", "rows": "int", "positives": "int"}
    return _table({**counts, **dict.fromkeys(HIGHER_IS_BETTER, "float")}, rows)


def _card(artefact: Path) -> Metadata:
    """The plots and the card, where the training script wrote any. The value holds the images: Dagster's page has no
    file of ours."""
    found: Metadata = {}
    plots = sorted(artefact.glob("*.svg"))
    if plots:
        images = [svg_image(path.stem.replace("_", " "), path.read_text(encoding="utf-8")) for path in plots]
        found["plots"] = _md("\n\n".join(images))
    if (artefact / CARD).is_file():
        found["card"] = _md(IMAGE_LINK.sub("", (artefact / CARD).read_text(encoding="utf-8")))
    if (artefact / CARD_PAGE).is_file():
        found["card_page"] = dg.MetadataValue.path(str((artefact / CARD_PAGE).resolve()))
    return found


def _measured(metrics: Metrics) -> dict[str, float | None]:
    return {name: _shown(metrics.get(name)) for name in HIGHER_IS_BETTER}


def _shown(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def _table(columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    schema = dg.TableSchema([dg.TableColumn(name, kind) for name, kind in columns.items()])
    return dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in rows], schema=schema)

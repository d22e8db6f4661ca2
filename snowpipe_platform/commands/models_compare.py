"""`snowpipe models compare`: two versions side by side."""

from collections.abc import Iterator
from typing import Any

from snowpipe_platform.commands.models_project import ModelProject, figure, gates_of
from snowpipe_platform.commands.terminal import Line, print_heading, print_json, print_lines, print_text, print_wrapped
from snowpipe_platform.spec.evaluation import HIGHER_IS_BETTER, MODEL
from snowpipe_platform.spec.model_version import ModelVersion

SAME, BETTER, WORSE = "same", "better", "worse"
SAME_WITHIN = 0.0005
"""Half of the last digit that is shown."""


def compare(project: ModelProject, name: str, one: int, other: int, *, as_json: bool) -> int:
    """The second version against the first, by every metric, gate and input."""
    model = project.find(name)
    versions = project.version(model, one), project.version(model, other)
    metrics = list(_metrics(*versions))
    differs = dict(_inputs(*versions))
    same_rows = _holdout(versions[0]) == _holdout(versions[1])
    gates = [{each.gate: each.passed for each in gates_of(project, model, version)} for version in versions]
    if as_json:
        told = {"model": name, "versions": [one, other], "same_holdout": same_rows, "metrics": metrics}
        print_json(
            {
                **told,
                "differs": differs,
                "gates": [{"version": v.number, "gates": g} for v, g in zip(versions, gates, strict=True)],
            }
        )
        return 0
    print_heading(f"{name} {other} against {one}")
    lines = [
        Line((each["metric"], *(figure(each[key]) for key in ("first", "second", "change"))), each["is"])
        for each in metrics
    ]
    print_lines(("metric", f"version {one}", f"version {other}", "change"), lines)
    if not same_rows:
        print_wrapped("measured on different rows: the change is of the rows too, not of the model alone")
    for what, (first, second) in differs.items():
        print_text(f"{what}: {first}")
        print_text(f"{' ' * len(what)}  {second}")
    for number, found in zip((one, other), gates, strict=True):
        failed = [gate for gate, passed in found.items() if not passed]
        print_text(f"gates of version {number}: {'failed ' + ', '.join(failed) if failed else 'all passed'}")
    return 0


def _metrics(one: ModelVersion, other: ModelVersion) -> Iterator[dict[str, Any]]:
    for metric, higher in HIGHER_IS_BETTER.items():
        first, second = (version.candidate.evaluation.measured(MODEL, metric) for version in (one, other))
        change = None if first is None or second is None else round(second - first, 6)
        if change is None or abs(change) < SAME_WITHIN:
            word = SAME if change is not None else ""
        else:
            word = BETTER if (change > 0) == higher else WORSE
        yield {"metric": metric, "first": first, "second": second, "change": change, "is": word}


def _inputs(one: ModelVersion, other: ModelVersion) -> Iterator[tuple[str, tuple[object, object]]]:
    first, second = one.candidate, other.candidate
    pairs: dict[str, tuple[object, object]] = {
        "training set": (first.training_set, second.training_set),
        "code": (first.code_version, second.code_version),
    }
    for name in sorted({*first.parameters, *second.parameters}):
        pairs[name] = first.parameters.get(name), second.parameters.get(name)
    yield from ((what, pair) for what, pair in pairs.items() if pair[0] != pair[1])


def _holdout(version: ModelVersion) -> object:
    split = version.candidate.evaluation.document.get("split", {})
    return version.candidate.training_set, split.get("holdout")

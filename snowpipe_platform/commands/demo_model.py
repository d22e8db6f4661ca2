"""The end of `snowpipe demo`: a model learns from the shop's history, is approved, scores the customers and answers."""

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any
from urllib.request import Request, urlopen

import ibis

from snowpipe_platform.commands.models import print_metrics
from snowpipe_platform.commands.models_decide import tell_decision
from snowpipe_platform.commands.models_deploy import tell_deployment
from snowpipe_platform.commands.models_project import ModelProject, open_models, print_gates
from snowpipe_platform.commands.models_train import Training, run_training
from snowpipe_platform.commands.project import Project
from snowpipe_platform.commands.run import carry_out
from snowpipe_platform.commands.run_report import exit_code, print_outcomes
from snowpipe_platform.commands.terminal import print_heading, print_next, print_text
from snowpipe_platform.errors import ServingError
from snowpipe_platform.execution.decisions import Author
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.model_versions import approve, deploy
from snowpipe_platform.execution.outcome import Outcome, Step
from snowpipe_platform.records import LakeRows
from snowpipe_platform.serving.deployed import read_standing
from snowpipe_platform.spec.as_of import AsOfTable
from snowpipe_platform.spec.model_version import ModelVersion
from snowpipe_platform.spec.scores import ScoreTable

MODEL = "churn"
FIRST_SUNDAY, EVERY_DAYS = date(2023, 6, 4), 14
"""Dates to learn from: three months into the history, so that there is something to know, and one in two weeks, which
is enough for a demo."""
WHO, WHY = "snowpipe demo", "the demo approves what passes every gate"
MOST_SHOWN = 3
WAIT_SECONDS = 60
ASK_SECONDS = 20

SERVE = "from snowpipe_platform.cli import main; main()"


@dataclass(frozen=True)
class Answered:
    """One prediction over HTTP. asked: the request's body; answer: the line that came back."""

    url: str
    asked: Mapping[str, Any]
    answer: Mapping[str, Any]


@dataclass(frozen=True)
class Ending:
    """How the demo ended. told: the stable keys of the model's part."""

    exit_code: int
    told: Mapping[str, Any]


def make_model(project: Project, *, last: date, is_quiet: bool) -> Ending:
    """Learn, train, approve, deploy, score and ask, each shown as it is done unless `is_quiet`. A version that a gate
    stops is not approved, and the demo ends there. last: the newest analysis date."""
    models = open_models()
    learned = learn(project, last=last)
    if exit_code(learned):
        print_outcomes(learned)
        return Ending(1, {"version": None, "prediction": None})
    training = train(project, models)
    if not is_quiet:
        _print_training(training, learned)
    told = {"version": training.version.number, "gates": [asdict(gate) for gate in training.gates]}
    if training.failed:
        print_next(f"snowpipe models show {MODEL} {training.version.number}")
        return Ending(1, {**told, "prediction": None})
    let_serve(models, training.version)
    scored = score(project, last=last)
    answered = ask(project)
    if not is_quiet:
        print_outcomes(scored)
        _print_answer(answered)
    return Ending(exit_code(scored), {**told, "prediction": asdict(answered)})


def _print_training(training: Training, learned: Sequence[Outcome]) -> None:
    days = [outcome.step.day for outcome in learned if outcome.step.day is not None]
    rows = f"{training.made.record.rows:,} labels of {len(set(days))} dates, {min(days)} to {max(days)}"
    print_heading(f"model {MODEL}: {rows}")
    print_metrics(training.version)
    print_text()
    print_gates(training.gates)
    print_text()


def _print_answer(answered: Answered) -> None:
    """The prediction, and the features that move it most."""
    answer = answered.answer
    print_text()
    print_heading(f"{MODEL} version {answer['version']} serves; asked over HTTP about one customer:")
    print_text(f"POST /invocations {json.dumps(answered.asked)}")
    print_text(f"churn probability {answer['probability']:.3f}, features as of {answer['features_as_of']}")
    moved = sorted(answer["contributions"].items(), key=lambda one: -abs(one[1]))[:MOST_SHOWN]
    print_text("log-odds: " + ", ".join(f"{name} {value:+.2f}" for name, value in moved))
    print_text()


def learn(project: Project, *, last: date) -> list[Outcome]:
    """Features of earlier dates, as many as have a label by the end of the `last` one."""
    training = project.pipeline.training_set(MODEL)
    group = project.pipeline.feature_group(MODEL)
    span = (last - training.label.horizon - FIRST_SUNDAY).days
    dates = [FIRST_SUNDAY + timedelta(days=n) for n in range(0, span + 1, EVERY_DAYS)]
    steps = [Step(name, on) for name in (group.source, group.name) for on in dates]
    return carry_out(project, steps, _identity())


def train(project: Project, models: ModelProject) -> Training:
    """A version made of them."""
    return run_training(project, models, models.find(MODEL))


def let_serve(models: ModelProject, version: ModelVersion) -> None:
    """Approve and deploy it, as `snowpipe models approve` and `deploy` do. Raises GatesFailedError."""
    author, model = Author(by=WHO, reason=WHY, identity=_identity()), models.find(MODEL)
    approved = approve(model, version, models.registry, author)
    tell_decision(models, model, approved)
    was = models.endpoint.current()
    now = deploy(approved, models.registry, models.endpoint, author, group=models.feature_group(model))
    tell_deployment(models, model, approved, now, was)


def score(project: Project, *, last: date) -> list[Outcome]:
    """The customers of the last date, and the tables that show their scores."""
    return carry_out(project, [Step(name, last) for name in _scored(project)], _identity())


def _scored(project: Project) -> list[str]:
    tables = project.pipeline.tables
    scores = [table.name for table in tables if isinstance(table, ScoreTable) and table.model == MODEL]
    readers = [table.name for table in tables if isinstance(table, AsOfTable) and set(table.scores) & set(scores)]
    return [*scores, *readers]


def ask(project: Project) -> Answered:
    """Ask the home's server about the customer who is likeliest to go; where none runs, one that ends then."""
    body = {"customer_id": likeliest(project)}
    running = read_standing(project.settings.endpoint_folder)
    with _serving() if running is None else nullcontext(running.url) as url:
        request = Request(f"{url}/invocations", json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310 - the server that was started
        with urlopen(request, timeout=ASK_SECONDS) as answer:  # noqa: S310 - as above
            return Answered(url, body, json.loads(answer.read()))


def likeliest(project: Project) -> str:
    """The id of the customer with the highest score; of equal ones the first by id."""
    names = ("gold/customer_churn", "silver/dim_customers")
    with project.ground.engine.session() as session:
        for name in names:
            state, schema = project.ground.lake.state(name), project.pipeline.table(name).schema
            files = () if state is None else project.ground.lake.files(name, snapshot_id=state.snapshot_id)
            session.bind(name, LakeRows(tuple(file.path for file in files), schema))
        churn, customers = (ibis.table(project.pipeline.table(name).schema, name=name) for name in names)
        rows = churn.inner_join(customers.filter(customers.is_current), "customer_key")
        order = [ibis.desc("analysis_date"), ibis.desc("churn_probability"), "customer_id"]
        return str(session.fetch(rows.order_by(order).limit(1).select("customer_id"))["customer_id"][0])


@contextmanager
def _serving() -> Iterator[str]:
    """`snowpipe serve` on any free port of this machine; its address."""
    command = [sys.executable, "-c", SERVE, "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 - the platform's own server
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                said = process.communicate(timeout=WAIT_SECONDS)[1].strip()
                raise ServingError(f"the server did not start: {said}. Look with: snowpipe serve")
            yield str(json.loads(line)["url"])
        finally:
            process.terminate()
            process.communicate(timeout=WAIT_SECONDS)


def _identity() -> RunIdentity:
    return RunIdentity(run_id=f"demo-{uuid.uuid4()}", job=WHO)

"""`snowpipe models`: versions of models, and what is decided about them."""

from typing import TYPE_CHECKING, Annotated

import typer

from snowpipe_platform.cli.words import Json, Reason, Traceback, Yes, complete_model, complete_version
from snowpipe_platform.commands.invocation import guard

if TYPE_CHECKING:
    from collections.abc import Callable

    from snowpipe_platform.commands.models_project import ModelProject

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Versions of models: how good they are, which gates they pass, and who approved them.

    A training registers a version. Only what was approved serves, and only what passes its gates is approved, unless a
    person says why it should be all the same.
    """,
)

OneModel = Annotated[str, typer.Argument(metavar="MODEL", help="such as churn", autocompletion=complete_model)]
OneVersion = Annotated[
    int, typer.Argument(metavar="VERSION", min=1, help="its number", autocompletion=complete_version)
]


def _answer(work: "Callable[[ModelProject], int]", command: str, *, as_json: bool, traceback: bool) -> None:
    """Open the models, do the work, and exit with its code."""

    def opened() -> int:
        from snowpipe_platform.commands.models_project import open_models  # noqa: PLC0415 - help answers without it

        return work(open_models())

    guard(opened, command, as_json=as_json, traceback=traceback)


@app.command("list")
def list_(
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="all if none", autocompletion=complete_model)
    ] = None,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Every version, with its stage, its metrics and the gates it passes.

    - `snowpipe models list`
    - `snowpipe models list churn --json`
    """

    def work(project: "ModelProject") -> int:
        from snowpipe_platform.commands import models as command  # noqa: PLC0415

        return command.list_versions(project, model, as_json=json)

    _answer(work, "models list", as_json=json, traceback=traceback)


@app.command()
def show(
    model: OneModel,
    version: Annotated[
        int | None, typer.Argument(metavar="VERSION", min=1, help="the newest if none", autocompletion=complete_version)
    ] = None,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """One version: what it was made from, how good it is and for whom, its gates, who decided what, and its model card.

    - `snowpipe models show churn`
    - `snowpipe models show churn 2 --json`
    """

    def work(project: "ModelProject") -> int:
        from snowpipe_platform.commands import models as command  # noqa: PLC0415

        return command.show(project, model, version, as_json=json)

    _answer(work, "models show", as_json=json, traceback=traceback)


@app.command()
def compare(
    model: OneModel,
    version: OneVersion,
    with_: Annotated[
        int,
        typer.Argument(metavar="OTHER", min=1, help="the version to compare it with", autocompletion=complete_version),
    ],
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Two versions side by side: the second against the first.

    By every metric and gate, and by what they were made from. Says whether they were measured on the same rows.

    - `snowpipe models compare churn 1 2`
    """

    def work(project: "ModelProject") -> int:
        from snowpipe_platform.commands import models_compare as command  # noqa: PLC0415

        return command.compare(project, model, version, with_, as_json=json)

    _answer(work, "models compare", as_json=json, traceback=traceback)


@app.command()
def train(
    model: OneModel,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say which labels there are and what it is compared with; write nothing.")
    ] = False,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Make a training set of the tables as they are, train on it, and register a version.

    It is compared on the same rows with the champion, which is the version that serves. The same tables, code and
    parameters give the version there is. Exit code 1 says that it fails a gate; it is registered all the same.

    - `snowpipe models train churn --dry-run`
    - `snowpipe models train churn`
    """

    def work(project: "ModelProject") -> int:
        from snowpipe_platform.commands import models_train as command  # noqa: PLC0415
        from snowpipe_platform.commands.project import open_project  # noqa: PLC0415

        return command.train(open_project(), project, command.Typed(model, is_dry=dry_run, as_json=json))

    _answer(work, "models train", as_json=json, traceback=traceback)


@app.command()
def approve(  # noqa: PLR0913, PLR0917 - an option each
    model: OneModel,
    version: OneVersion,
    reason: Reason,
    override: Annotated[
        str, typer.Option("--override", metavar="WHY", help="Approve it though a gate failed; why is kept.")
    ] = "",
    yes: Yes = False,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Let a version serve.

    Its gates are judged against the version that serves now. One that fails any is not approved, and exit code 1 says
    so, unless --override says why it should be: that is kept with the gates as they stood.

    - `snowpipe models approve churn 2 --reason "better in every segment"`
    - `snowpipe models approve churn 2 --reason "first of the year" --override "too few rows in West yet" --yes`
    """

    def work(project: "ModelProject") -> int:
        from snowpipe_platform.commands import models_decide as command  # noqa: PLC0415

        typed = command.Typed(model, version, reason, override=override, confirmed=yes, as_json=json)
        return command.approve(project, typed)

    _answer(work, "models approve", as_json=json, traceback=traceback)


@app.command()
def reject(  # noqa: PLR0913, PLR0917 - an option each
    model: OneModel,
    version: OneVersion,
    reason: Reason,
    yes: Yes = False,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Keep a version from serving; what was approved before, too.

    The version that serves cannot be rejected: deploy another first.

    - `snowpipe models reject churn 2 --reason "worse for new customers" --yes`
    """

    def work(project: "ModelProject") -> int:
        from snowpipe_platform.commands import models_decide as command  # noqa: PLC0415

        return command.reject(project, command.Typed(model, version, reason, confirmed=yes, as_json=json))

    _answer(work, "models reject", as_json=json, traceback=traceback)


@app.command()
def deploy(  # noqa: PLR0913, PLR0917 - an option each
    model: OneModel,
    version: OneVersion,
    reason: Reason,
    yes: Yes = False,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Let an approved version serve, in place of the one that does.

    It is loaded and asked before anything changes, and a running `snowpipe serve` takes it up between two requests.

    - `snowpipe models deploy churn 2 --reason "better in every segment"`
    """

    def work(project: "ModelProject") -> int:
        from snowpipe_platform.commands import models_deploy as command  # noqa: PLC0415

        typed = command.Typed(model, reason, version, confirmed=yes, as_json=json)
        return command.deploy(project, project.endpoint, typed)

    _answer(work, "models deploy", as_json=json, traceback=traceback)


@app.command()
def rollback(
    model: OneModel,
    reason: Reason,
    yes: Yes = False,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Let the version serve that served before; again, the one before that.

    - `snowpipe models rollback churn --reason "too many false alarms" --yes`
    """

    def work(project: "ModelProject") -> int:
        from snowpipe_platform.commands import models_deploy as command  # noqa: PLC0415

        return command.rollback(project, project.endpoint, command.Typed(model, reason, confirmed=yes, as_json=json))

    _answer(work, "models rollback", as_json=json, traceback=traceback)

"""`snowpipe doctor`: everything a run needs, checked one by one."""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import ibis
from packaging.requirements import Requirement

from snowpipe_platform.assembly import build_ground
from snowpipe_platform.commands.instance import has_instance
from snowpipe_platform.commands.project import Project
from snowpipe_platform.commands.stored import WrongError, bronze_files, dropped_files, lake_tables, leases
from snowpipe_platform.commands.terminal import Line, print_json, print_lines
from snowpipe_platform.errors import ConfigurationError, SnowpipeError
from snowpipe_platform.execution.draft import table_layout
from snowpipe_platform.execution.extraction_plan import Window, plan_extraction
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.trial import try_table
from snowpipe_platform.settings import SETTINGS_FILE, Settings, allow_local_packages, read_settings, settings_file
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.pipeline import load_pipeline
from snowpipe_platform.spec.table import Table

DISTRIBUTION = "snowpipe-platform"
OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
_NOBODY = RunIdentity(run_id="doctor", job="snowpipe doctor")


@dataclass(frozen=True)
class Finding:
    """One check. detail: what was found; mend: what to do, for a failure. is_declared: what failed is a setting or a
    declaration. is_warning: what was found is no failure, and somebody should look."""

    name: str
    ok: bool
    detail: str
    mend: str = ""
    is_declared: bool = False
    is_warning: bool = False


Check = Callable[[], str]
"""What is found, as a sentence; raises what is wrong."""


def doctor(*, as_json: bool) -> int:
    """1 when a check failed, 2 when all that failed is what was set or declared."""
    findings = list(_findings())
    failed = [finding for finding in findings if not finding.ok]
    if as_json:
        print_json({"ok": not failed, "checks": [asdict(finding) for finding in findings]})
    else:
        print_lines(("check",), [_line(finding) for finding in findings])
    if not failed:
        return 0
    return 2 if all(finding.is_declared for finding in failed) else 1


def _line(finding: Finding) -> Line:
    mend = f". {finding.mend}" if finding.mend else ""
    status = "warned" if finding.is_warning else "ok" if finding.ok else "FAILED"
    return Line((finding.name,), status, f"{finding.detail.rstrip('.')}{mend}")


def _findings() -> Iterator[Finding]:
    """Later checks need what earlier ones open; they are left out when it does not."""
    yield _check("python", _python)
    yield _check("libraries", _libraries)
    yield (settings_found := _check("settings", _settings))
    if not settings_found.ok:
        return
    settings = read_settings()
    yield _check("home folder", lambda: _writable(settings.home))
    allow_local_packages()
    yield (loaded := _check("pipeline", lambda: _pipeline(settings)))
    if loaded.ok:
        project = Project(settings, load_pipeline(settings.pipeline), build_ground(settings))
        yield from _source_findings(project)
        yield from _undeclared_tables(project)
        yield _check("dropped files", lambda: dropped_files(project))
    yield _check("bronze files", lambda: bronze_files(settings))
    yield _check("lake", lambda: lake_tables(settings))
    yield _check("leases", lambda: leases(settings))
    yield _check("dagster", lambda: _dagster(settings))


def _source_findings(project: Project) -> Iterator[Finding]:
    yield (
        reached := _check("warehouse", lambda: f"its clock says {project.ground.warehouse.clock():%Y-%m-%d %H:%M} UTC")
    )
    schemas = {name: table.schema for name, table in project.pipeline.by_name.items()}
    if reached.ok:
        for query in project.pipeline.queries.queries:
            yield _check(f"query {query.name}", lambda query=query: _query(query, project, schemas))  # type: ignore[misc]
    yield from _table_findings(project, schemas)


def _table_findings(project: Project, schemas: Mapping[str, ibis.Schema]) -> Iterator[Finding]:
    """A line for each table whose code does not fit. What a query would return is known only where it was reached."""
    tried = [table for table in project.pipeline.tables if set(table.upstream) <= set(schemas)]
    found = [_check(f"table {table.name}", lambda table=table: _table(table, schemas, project)) for table in tried]  # type: ignore[misc]
    failed = [finding for finding in found if not finding.ok]
    yield from failed or [Finding("tables", ok=True, detail=f"{len(tried)} fit what they read and their contracts")]


def _undeclared_tables(project: Project) -> Iterator[Finding]:
    """Tables in the lake whose file is gone or has another name: no run brings them up to date any more."""
    if not project.settings.lake_folder.exists():
        return
    lake = project.ground.lake
    for name in (found for found in lake.tables() if found not in project.pipeline.by_name):
        found = _check(f"table {name}", lambda name=name: f"no file declares it; its rows lie in {lake.location(name)}")  # type: ignore[misc]
        yield replace(found, is_warning=found.ok)


def _check(name: str, check: Check) -> Finding:
    try:
        return Finding(name, ok=True, detail=check())
    except WrongError as error:
        return Finding(name, ok=False, detail=str(error), mend=error.mend)
    except SnowpipeError as error:
        return Finding(
            name, ok=False, detail=" ".join(str(error).split()), is_declared=isinstance(error, ConfigurationError)
        )
    except Exception as error:  # noqa: BLE001 - whatever is wrong is what a doctor is asked for
        detail = f"{type(error).__name__}: {error}"
        return Finding(name, ok=False, detail=detail, mend="See where with: snowpipe status --traceback")


def _python() -> str:
    found = sys.version_info[:2]
    if not OLDEST_PYTHON <= found <= NEWEST_PYTHON:
        raise WrongError(
            f"{found[0]}.{found[1]} is not supported", "Make the environment with Python 3.11, 3.12 or 3.13."
        )
    return sys.version.split()[0]


def _libraries() -> str:
    """Installed versions against those the package declares."""
    declared = [Requirement(text) for text in requires(DISTRIBUTION) or ()]
    needed = [requirement for requirement in declared if requirement.marker is None or requirement.marker.evaluate()]
    wrong = [problem for requirement in needed if (problem := _problem(requirement))]
    if wrong:
        raise WrongError("; ".join(wrong), "Install them: pip install --constraint requirements.lock --editable .")
    return f"{len(needed)} as declared"


def _problem(requirement: Requirement) -> str | None:
    try:
        found = version(requirement.name)
    except PackageNotFoundError:
        return f"{requirement.name} is not installed"
    fits = requirement.specifier.contains(found, prereleases=True)
    return None if fits else f"{requirement.name} is {found}, wanted {requirement.specifier}"


def _settings() -> str:
    """The home, and where it may be set."""
    read = settings_file()
    source = f"from {read}" if read is not None else f"no {SETTINGS_FILE} in this folder"
    return f"home {read_settings().home.resolve()}, {source}"


def _writable(home: Path) -> str:
    """The home, or the nearest folder above that exists; a home is made by what writes to it first."""
    nearest = next(folder for folder in (home.resolve(), *home.resolve().parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=nearest):
            return "writable" if nearest == home.resolve() else "not there yet, can be made"
    except OSError as error:
        detail = f"{nearest} is not writable ({error.strerror})"
        raise WrongError(detail, "Set SNOWPIPE_HOME to a folder of your own.") from error


def _pipeline(settings: Settings) -> str:
    pipeline = load_pipeline(settings.pipeline)
    return f"{settings.pipeline}: {len(pipeline.queries.queries)} queries, {len(pipeline.tables)} tables"


def _query(query: Query, project: Project, schemas: dict[str, ibis.Schema]) -> str:
    """Planned for the day that has just ended, which reads its columns, added to `schemas`, and no row."""
    clock = project.ground.warehouse.clock()
    plan = plan_extraction(
        query,
        Window((clock - timedelta(microseconds=1)).date()),
        log=project.ground.bronze.log(query.entity),
        warehouse=project.ground.warehouse,
        identity=_NOBODY,
        source_system=project.pipeline.queries.source_system,
    )
    schemas[f"bronze/{query.entity}"] = ibis.schema(plan.schema)
    changes = f"; changed: {'; '.join(plan.schema_changes)}" if plan.schema_changes else ""
    return f"{len(plan.schema.names)} columns{changes}"


def _table(table: Table, schemas: Mapping[str, ibis.Schema], project: Project) -> str:
    """Its code fits what it reads and its contract, and its contract the table in the lake."""
    try_table(table, schemas)
    project.ground.lake.require_fit(table_layout(table))
    return table.name


def _dagster(settings: Settings) -> str:
    if not has_instance(settings):
        return "no instance yet; made by snowpipe demo or snowpipe dev"
    import dagster as dg  # noqa: PLC0415 - only where there is an instance

    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        return f"instance in {settings.dagster_home}, {instance.get_runs_count():,} runs"

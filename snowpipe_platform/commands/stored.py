"""What the home folder keeps, checked for `snowpipe doctor`: bronze files, lake tables, leases."""

from datetime import UTC, datetime
from pathlib import Path

from snowpipe_platform.assembly import build_ground
from snowpipe_platform.commands.project import Project
from snowpipe_platform.errors import did_you_mean
from snowpipe_platform.execution.arrivals import look
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.settings import Settings


class WrongError(Exception):
    """A check that failed with a known mend."""

    def __init__(self, detail: str, mend: str) -> None:
        super().__init__(detail)
        self.mend = mend


def bronze_files(settings: Settings) -> str:
    """Every file of every manifest, with the size its manifest recorded."""
    bronze = build_ground(settings).bronze
    checked = 0
    for entity in bronze.entities():
        for manifest in bronze.log(entity):
            for file in manifest.files:
                kept = f"manifest {manifest.number} of bronze/{entity}"
                _require_file(bronze.locate(file), file.size_bytes, kept, "Restore it from a backup.")
                checked += 1
    return f"{checked:,} as their manifests recorded them" if checked else "none yet; landed by the first run"


def dropped_files(project: Project) -> str:
    """Files are dropped for an entity that some query writes."""
    bronze, known = project.ground.bronze, list(project.pipeline.queries_by_entity)
    for entity in bronze.arrival_entities():
        if entity not in known and (files := bronze.arrivals(entity)):
            detail = f"bronze/{entity}/arrivals has files ({len(files):,}), and no query writes {entity!r}"
            raise WrongError(detail, f"{did_you_mean(entity, known)} Move them below the entity's own folder.")
    now = datetime.now(UTC).replace(tzinfo=None)
    found = [look(entity, project.ground, now=now) for entity in known]
    waiting = sum(len(one.ready) + len(one.unsettled) for one in found)
    failed = sum(len(one.failed) for one in found)
    told = f"{waiting:,} wait; adopt them with: snowpipe adopt" if waiting else "none wait"
    return f"{told}; {failed:,} in the dead letters" if failed else told


def lake_tables(settings: Settings) -> str:
    """Every table loads, and has the files of its current commit and of its held branches."""
    if not settings.lake_folder.exists():
        return "none yet; made by the first run"
    ground = build_ground(settings)
    names = ground.lake.tables()
    files = sum(_table_files(name, ground) for name in names)
    return f"{len(names)} tables, {files:,} files"


def _table_files(name: str, ground: Ground) -> int:
    try:
        current, held = ground.lake.state(name), ground.lake.held(name).values()
        states = [*([current] if current is not None else []), *held]
        found = {f.path: f for state in states for f in ground.lake.files(name, snapshot_id=state.snapshot_id)}
    except Exception as error:
        cause = " ".join(str(error).split())
        raise WrongError(f"{name} cannot be read: {cause}", "Restore its folder from a backup.") from error
    mend = f"Restore it from a backup, or make the table anew: snowpipe run {name} --rebuild"
    for path, file in found.items():
        _require_file(path, file.size_bytes, name, mend)
    return len(found)


def _require_file(path: str, size_bytes: int, kept: str, mend: str) -> None:
    try:
        found = Path(path).stat().st_size
    except FileNotFoundError as error:
        raise WrongError(f"{kept}: {path} is missing", mend) from error
    if found != size_bytes:
        raise WrongError(f"{kept}: {path} has {found:,} bytes, recorded are {size_bytes:,}", mend)


def leases(settings: Settings) -> str:
    """A dead process's lease stops nobody: the next run of the table takes it over."""
    held = build_ground(settings).state.leases()
    told = [
        f"{lease.resource} by {'a running' if lease.is_alive else 'a dead'} process ({lease.pid} on {lease.host})"
        for lease in held
    ]
    dead = "" if all(lease.is_alive for lease in held) else " ; the next run takes a dead one's over"
    return ", ".join(told) + dead if told else "none held"

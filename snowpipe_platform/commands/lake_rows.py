"""Rows of any table by name, as the engine binds them."""

from collections.abc import Mapping

import ibis

from snowpipe_platform.commands.project import Project
from snowpipe_platform.execution.run import BRONZE
from snowpipe_platform.records import BronzeRows, LakeRows
from snowpipe_platform.spec.bronze_log import all_columns, landings
from snowpipe_platform.spec.manifest import PLATFORM_COLUMNS


def bronze_rows(entity: str, project: Project) -> BronzeRows:
    """Rows as they were extracted or arrived, but those withdrawn; a column has the widest type it ever had."""
    log = project.ground.bronze.log(entity)
    schema = ibis.schema(dict(all_columns(log).items()) | PLATFORM_COLUMNS)
    landed = landings(log)
    locations = {file.path: project.ground.bronze.locate(file) for manifest in landed for file in manifest.files}
    return BronzeRows(tuple(landed), locations, schema)


def lake_rows(
    name: str, project: Project, *, where: Mapping[str, object] | None = None, snapshot_id: int | None = None
) -> LakeRows:
    """Rows of the table as it is, or of one snapshot; none, with the declared columns, before its first commit."""
    lake = project.ground.lake
    state = lake.state(name)
    chosen = snapshot_id if snapshot_id is not None else state.snapshot_id if state else None
    if chosen is None:
        return LakeRows((), project.pipeline.table(name).schema)
    files = lake.files(name, snapshot_id=chosen, where=where)
    return LakeRows(tuple(file.path for file in files), lake.schema(name))


def held_rows(name: str, project: Project) -> dict[str, LakeRows]:
    """Rows kept beside the table, by branch: the files that only the branch has."""
    lake, published = project.ground.lake, set(lake_rows(name, project).paths)
    found = {
        branch: lake_rows(name, project, snapshot_id=state.snapshot_id) for branch, state in lake.held(name).items()
    }
    return {
        branch: LakeRows(tuple(path for path in rows.paths if path not in published), rows.schema)
        for branch, rows in found.items()
    }


def any_rows(name: str, project: Project) -> BronzeRows | LakeRows:
    """Of a table of any layer."""
    is_bronze = name.startswith(BRONZE)
    return bronze_rows(name.removeprefix(BRONZE), project) if is_bronze else lake_rows(name, project)

"""`snowpipe features list|show`: feature groups, and the latest of each entity as the online store has it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from snowpipe_platform.commands.project import Project
from snowpipe_platform.commands.terminal import (
    NOTHING,
    Line,
    count,
    print_heading,
    print_json,
    print_lines,
    print_next,
    print_rows,
    print_text,
    print_wrapped,
    shown,
)
from snowpipe_platform.errors import ConfigurationError, did_you_mean
from snowpipe_platform.execution.as_of_plan import made_dates
from snowpipe_platform.execution.execute import ROWS_PROPERTY
from snowpipe_platform.execution.online import is_level
from snowpipe_platform.records import EntityKey, FeatureRow
from snowpipe_platform.spec.analysis_dates import end_of
from snowpipe_platform.spec.feature import CREATED_TIME, EVENT_TIME, Feature, FeatureGroup

NEVER_RUN, BEHIND, LEVEL = "never run", "behind", "ok"
FEATURES = "features/"
TITLES = ("group", "version", "rows", "entities", "newest (UTC)")


@dataclass(frozen=True)
class GroupStanding:
    """One group. rows: of its history; newest: event_time of its newest date; entities: that are online. status: behind
    where the online store lacks something of the history."""

    group: str
    status: str
    version: int
    entity: str
    features: int
    rows: int
    entities: int
    newest: datetime | None


def list_groups(project: Project, *, as_json: bool) -> int:
    """0, also where a group never ran."""
    found = [_standing(group, project) for group in groups(project).values()]
    if as_json:
        print_json({"groups": [asdict(each) for each in found]})
        return 0
    if not found:
        print_text("the pipeline has no feature group: a file in features/ declares one")
        return 0
    print_lines(TITLES, [_line(each) for each in found])
    behind = [each.group for each in found if each.status != LEVEL]
    if behind:
        print_text()
        print_next("snowpipe run")
    return 0


def show(project: Project, name: str, typed: Sequence[str], *, as_json: bool) -> int:
    """1 where the online store has no row of a key. Raises ConfigurationError for a group or a key that is none."""
    group = find_group(name, project)
    if not typed:
        return _show_features(group, as_json=as_json)
    keys = [_key(group, text) for text in typed]
    rows = project.ground.online.get(group.name, keys)
    missing = [key for key in dict.fromkeys(keys) if key not in rows]
    if as_json:
        told = [_row_json(group, rows[key]) for key in dict.fromkeys(keys) if key in rows]
        print_json({"group": group.name, "version": group.version, "rows": told, "missing": missing})
        return 1 if missing else 0
    for number, key in enumerate(key for key in dict.fromkeys(keys) if key in rows):
        if number:
            print_text()
        _print_row(group, rows[key])
    if missing:
        print_wrapped(f"{group.name} has nothing online for {group.entity} {', '.join(map(str, missing))}")
        print_next("snowpipe features list")
    return 1 if missing else 0


def groups(project: Project) -> dict[str, FeatureGroup]:
    """All of the pipeline, by name."""
    return {table.name: table for table in project.pipeline.tables if isinstance(table, FeatureGroup)}


def find_group(name: str, project: Project) -> FeatureGroup:
    """By its full or its short name. Raises ConfigurationError with the nearest."""
    known = groups(project)
    wanted = name if name.startswith(FEATURES) else f"{FEATURES}{name}"
    if wanted not in known:
        hint = did_you_mean(name, [full.removeprefix(FEATURES) for full in known])
        raise ConfigurationError(f"there is no feature group {name!r}. {hint}")
    return known[wanted]


def _key(group: FeatureGroup, text: str) -> EntityKey:
    if group.entity_type == "string":
        return text
    try:
        return int(text)
    except ValueError as error:
        msg = f"{group.entity} is a whole number, and {text!r} is none. Find one: snowpipe show {group.name}"
        raise ConfigurationError(msg) from error


def _standing(group: FeatureGroup, project: Project) -> GroupStanding:
    state = project.ground.lake.state(group.name)
    dates = made_dates(state).all
    word = NEVER_RUN if state is None else LEVEL if is_level(group, state, project.ground) else BEHIND
    return GroupStanding(
        group.name,
        word,
        group.version,
        group.entity,
        len(group.features),
        0 if state is None else int(state.properties.get(ROWS_PROPERTY, 0)),
        project.ground.online.count(group.name),
        end_of(max(dates)) if dates else None,
    )


def _line(each: GroupStanding) -> Line:
    newest = NOTHING if each.newest is None else f"{each.newest:%Y-%m-%d}"
    cells = (each.group, str(each.version), count(each.rows), count(each.entities), newest)
    note = "online lacks rows of the history; the next run brings them" if each.status == BEHIND else ""
    return Line(cells, each.status, note)


def _show_features(group: FeatureGroup, *, as_json: bool) -> int:
    if as_json:
        told = [{**asdict(each), "window": _window(each)} for each in group.features]
        print_json({"group": group.name, "version": group.version, "entity": group.entity, "features": told})
        return 0
    print_heading(f"{group.name}, version {group.version}")
    print_wrapped(group.description)
    print_wrapped(f"of {group.entity}, from {group.source}")
    print_text()
    columns = ("feature", "type", "window", "default", "about")
    rows = [(one.name, one.type, _window(one) or NOTHING, _default(one), one.description) for one in group.features]
    print_rows(columns, rows)
    print_text()
    print_next(f"snowpipe features show {group.name.removeprefix(FEATURES)} KEY")
    return 0


def _window(feature: Feature) -> str | None:
    """`30 d`, `1 d 12:00:00`."""
    if feature.window is None:
        return None
    rest = feature.window - timedelta(days=feature.window.days)
    return f"{feature.window.days} d {rest}" if rest else f"{feature.window.days} d"


def _default(feature: Feature) -> str:
    return NOTHING if feature.default is None else str(feature.default)


def _row_json(group: FeatureGroup, row: FeatureRow) -> dict[str, object]:
    times = {EVENT_TIME: row.event_time, CREATED_TIME: row.created_time}
    return {group.entity: row.key, **times, **{name: row.values.get(name) for name in group.feature_types}}


def _print_row(group: FeatureGroup, row: FeatureRow) -> None:
    found = _row_json(group, row)
    width = max(map(len, found))
    print_heading(f"{group.name}, as it is online")
    for name, value in found.items():
        print_text(f"{name:<{width}}  {shown(value)}")

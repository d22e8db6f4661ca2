"""How the share of rows that break a rule went: the points of a check's small chart, the one just judged among them."""

from collections.abc import Mapping, Sequence
from datetime import date

from snowpipe_platform.execution.execute import ROWS_PROPERTY
from snowpipe_platform.orchestration.charts import Point, percent_chart
from snowpipe_platform.orchestration.judged import Judged, quality_of
from snowpipe_platform.orchestration.metadata import CHART_POINTS, label
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.quality import Counts

JUST_NOW = "now"


def trend(rule_id: str, points: Sequence[Point]) -> str:
    """Markdown: a chart of percents, or a sentence where no row broke the rule."""
    if not any(share for _, share in points):
        return f"no row broke it: {len(points)} point{'s' if len(points) != 1 else ''}"
    return percent_chart(f"share that breaks {rule_id}", points)


def judged_points(judged: Judged, rule_id: str, days: Mapping[str, Counts]) -> list[Point]:
    """Percent of the rows, by load day for a table that has them, else by commit. days: of `counts_by_day`."""
    if judged.day is not None:
        return _window({day: counts.share(rule_id) for day, counts in days.items()}, judged.partition)
    recent = list(judged.history[-CHART_POINTS:])
    points = [(label(state), 100 * quality_of(state).total.share(rule_id)) for state in recent]
    if judged.state is not None and not (judged.is_recorded and judged.state in recent):
        own = label(judged.state) if judged.is_recorded or judged.is_held else JUST_NOW
        points.append((own, 100 * judged.counts.share(rule_id)))
    return points[-CHART_POINTS:]


def counts_by_day(judged: Judged) -> dict[str, Counts]:
    """Rows and what they break of every load day, as commits recorded them; of the judged day as it was judged."""
    days: dict[str, Counts] = {}
    for state in judged.history:
        quality = quality_of(state)
        judged_all = quality.total.rows == int(state.properties[ROWS_PROPERTY])
        days = ({} if judged_all else days) | dict(quality.by_partition)
    return days | {judged.partition: judged.counts}


def landed_points(log: Sequence[Manifest], rule: str, day: date) -> list[Point]:
    """Percent of the rows read that break a query's rule, by load day."""
    read: dict[str, int] = {}
    broken: dict[str, int] = {}
    for manifest in log:
        key = manifest.load_day.isoformat()
        read[key] = read.get(key, 0) + manifest.rows_read
        broken[key] = broken.get(key, 0) + manifest.rule_failures.get(rule, 0)
    shares = {key: broken[key] / rows if rows else 0.0 for key, rows in read.items()}
    return _window({day.isoformat(): 0.0} | shares, day.isoformat())


def _window(shares: Mapping[str, float], wanted: str) -> list[Point]:
    """The last days, or those from the wanted one on when it is older, in percent."""
    days = sorted(shares)
    first = min(max(0, len(days) - CHART_POINTS), days.index(wanted))
    return [(day, 100 * shares[day]) for day in days[first : first + CHART_POINTS]]

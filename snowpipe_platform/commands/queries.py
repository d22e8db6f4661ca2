"""Queries and entities by the names people type."""

from datetime import timedelta
from decimal import Decimal

from snowpipe_platform.commands.terminal import NOTHING
from snowpipe_platform.errors import ConfigurationError, did_you_mean
from snowpipe_platform.execution.run import BRONZE
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.pipeline import Pipeline

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60))


def find_query(name: str, pipeline: Pipeline) -> Query:
    """By its name, or by its entity's, as `orders` or `bronze/orders`. Raises ConfigurationError with the nearest."""
    queries = {query.name: query for query in pipeline.queries.queries}
    entities = {f"{BRONZE}{entity}": query for entity, query in pipeline.queries_by_entity.items()}
    found = queries.get(name) or entities.get(name.replace(".", "/")) or entities.get(f"{BRONZE}{name}")
    if found is None:
        raise ConfigurationError(f"there is no query {name!r}. {did_you_mean(name, list(queries))}")
    return found


def find_entity(name: str, pipeline: Pipeline) -> str:
    """By its name, as `orders` or `bronze/orders`. Raises ConfigurationError with the nearest."""
    entity = name.replace(".", "/").removeprefix(BRONZE)
    if entity not in pipeline.queries_by_entity:
        raise ConfigurationError(
            f"there is no bronze/{entity}. {did_you_mean(entity, list(pipeline.queries_by_entity))}"
        )
    return entity


def span(value: timedelta | Decimal) -> str:
    """As it may be typed: `1d`, `1h 30m`, `100`; `none` for none."""
    if isinstance(value, Decimal):
        return format(value, "f")
    rest, parts = value.total_seconds(), []
    for unit, seconds in _UNITS:
        whole, rest = divmod(rest, seconds)
        parts += [f"{whole:.0f}{unit}"] if whole else []
    parts += [f"{rest:g}s"] if rest else []
    return " ".join(parts) or "none"


def short_watermark(text: str | None) -> str:
    """A stored watermark for a table: to the second, and to the minute where that is all there is."""
    if text is None:
        return NOTHING
    day, _, clock = text.partition("T")
    return f"{day} {clock[:8].removesuffix(':00')}" if clock else day

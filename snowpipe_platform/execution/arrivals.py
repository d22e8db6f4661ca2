"""What became of the files dropped for an entity. The log and the dead letters tell; nothing else is remembered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.records import Arrival
from snowpipe_platform.spec.manifest import Manifest

SETTLE_SECONDS = 5.0
"""A file written to less than this ago may be written to still: copying programs write every second or so."""


@dataclass(frozen=True)
class Arrivals:
    """The files dropped for one entity, oldest first.

    ready: to be adopted. unsettled: written to a moment ago. failed: tried, and not written again since; each has a
    dead letter. adopted: in the log as they are.
    """

    entity: str
    ready: tuple[Arrival, ...] = ()
    unsettled: tuple[Arrival, ...] = ()
    failed: tuple[Arrival, ...] = ()
    adopted: tuple[Arrival, ...] = ()

    def __len__(self) -> int:
        return len(self.ready) + len(self.unsettled) + len(self.failed) + len(self.adopted)


def look(entity: str, ground: Ground, *, now: datetime) -> Arrivals:
    """How the entity's files stand. now: of the clock that their modified times are of."""
    dropped = ground.bronze.arrivals(entity)
    if not dropped:
        return Arrivals(entity)
    adopted, failed = adopted_versions(ground.bronze.log(entity)), _failed_versions(entity, ground)
    found: dict[str, list[Arrival]] = {"ready": [], "unsettled": [], "failed": [], "adopted": []}
    for one in dropped:
        if adopted.get(one.path) == one.version:
            found["adopted"].append(one)
        elif failed.get(one.path) == one.version:
            found["failed"].append(one)
        else:
            found["ready" if is_settled(one, now) else "unsettled"].append(one)
    return Arrivals(entity, **{name: tuple(files) for name, files in found.items()})


def adopted_versions(log: Sequence[Manifest]) -> dict[str, str]:
    """The version of each path that was adopted last; a withdrawn one does not come back unless it is written again."""
    return {entry.arrived.path: entry.arrived.version for entry in log if entry.arrived is not None}


def arrival_name(entity: str, path: str) -> str:
    """As errors call the file."""
    return f"bronze/{entity}/arrivals/{path}"


def is_settled(arrival: Arrival, now: datetime) -> bool:
    """Whether nobody wrote to it a moment ago. A time well ahead of the clock is not of a moment ago."""
    return abs(now - arrival.modified_at) >= timedelta(seconds=SETTLE_SECONDS)


def current_load_day(ground: Ground) -> date:
    """The day that is current at the source: what is dropped now is loaded for it. At midnight, the day that ends."""
    return (ground.warehouse.clock() - timedelta(microseconds=1)).date()


def _failed_versions(entity: str, ground: Ground) -> dict[str, str]:
    """Those that wait in the dead letters, and those a person gave up: neither is tried again until it is rewritten."""
    given_up = [one.letter for one in ground.dead_letters.closed() if one.closing.outcome == "discarded"]
    letters = [*given_up, *ground.dead_letters.all()]
    requests = [letter.request for letter in letters if letter.kind == "arrival"]
    return {request["path"]: request["version"] for request in requests if request["entity"] == entity}

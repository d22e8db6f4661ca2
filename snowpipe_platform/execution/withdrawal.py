"""Take a bad extraction back: an entry of the log after which another does not count. Its files stay where they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.execution.decisions import Author, decision, record
from snowpipe_platform.execution.ground import Ground, RunIdentity
from snowpipe_platform.spec.bronze_log import incomplete_days, live_watermark, standing, withdrawn
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.watermark import Watermark

_NOBODY = Author(by="", reason="", identity=RunIdentity(run_id="plan", job="plan"))


@dataclass(frozen=True)
class Withdrawal:
    """What follows when `entry` does not count any more.

    before, after: the live watermark. incomplete: load days whose rows then wait to be read again. corrections: entries
    that replaced quarantined rows of it; they stay.
    """

    entry: Manifest
    before: Watermark | None
    after: Watermark | None
    incomplete: tuple[date, ...]
    corrections: tuple[int, ...]


def plan_withdrawal(entity: str, number: int, log: Sequence[Manifest]) -> Withdrawal:
    """Raises ConfigurationError for a number that is not there, an entry without rows, or one that is withdrawn."""
    entry = _withdrawable(entity, number, log)
    after = [*log, _entry(log, entry, _NOBODY)]
    return Withdrawal(
        entry,
        live_watermark([each for each in log if each.query == entry.query]),
        live_watermark([each for each in after if each.query == entry.query]),
        tuple(sorted(set(incomplete_days(after)) - set(incomplete_days(log)))),
        tuple(each.number for each in standing(log) if number in each.supersedes),
    )


def carry_out(entity: str, number: int, author: Author, ground: Ground) -> Manifest:
    """Write it into the log. Raises as `plan_withdrawal` does."""

    def decide(log: list[Manifest]) -> list[Manifest]:
        return [_entry(log, _withdrawable(entity, number, log), author)]

    return record(entity, ground, author, decide)[0]


def _withdrawable(entity: str, number: int, log: Sequence[Manifest]) -> Manifest:
    entry = next((each for each in log if each.number == number), None)
    look = f"Look: snowpipe bronze log {entity}"
    if entry is None:
        nearest = min((each.number for each in log), key=lambda each: abs(each - number), default=None)
        hint = f"The nearest is {nearest}. {look}" if nearest is not None else "Nothing was extracted yet."
        raise ConfigurationError(f"bronze/{entity} has no entry {number}. {hint}")
    if number in withdrawn(log):
        by = next(each for each in log if each.withdraws == number)
        told = f"entry {number} of bronze/{entity} is withdrawn already, in entry {by.number} by {by.by}: {by.reason}"
        raise ConfigurationError(told)
    if not entry.rows_landed:
        msg = f"entry {number} of bronze/{entity} ({entry.kind}) brought no rows; there is nothing to withdraw. {look}"
        raise ConfigurationError(msg)
    return entry


def _entry(log: Sequence[Manifest], gone: Manifest, author: Author) -> Manifest:
    """Of the query whose entry it is about, for what was read of that query."""
    about = {"query": gone.query, "query_fingerprint": gone.query_fingerprint, "mode": gone.mode}
    return decision(log, "withdrawal", author, load_day=gone.load_day, withdraws=gone.number, **about)

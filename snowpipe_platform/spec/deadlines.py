"""Until when a day has to be there."""

from datetime import date, datetime, timedelta

from snowpipe_platform.errors import PipelineError
from snowpipe_platform.spec.analysis_dates import end_of


def deadline_of(day: date, due: timedelta) -> datetime:
    """UTC. due: after the end of the day."""
    return end_of(day) + due


def last_due(due: timedelta, *, now: datetime) -> date:
    """The last day whose deadline has passed."""
    return last_over(now - due)


def last_over(now: datetime) -> date:
    """The last day that has ended."""
    return now.date() - timedelta(days=1)


def refuse_due(due: timedelta | None, *, defined_in: str) -> None:
    """Raises PipelineError for a deadline before the day is over, or of another type than a timedelta."""
    if due is not None and (not isinstance(due, timedelta) or due < timedelta(0)):
        raise PipelineError(
            f"{defined_in}: due is {due!r}. It is how long after the end of its day a table has to be there, "
            "such as timedelta(hours=8)."
        )

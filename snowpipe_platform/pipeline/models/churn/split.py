"""Which labels a model is fitted on, calibrated on and judged on: by time, as it will be used."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from snowpipe_platform.errors import TrainingFailedError

VALIDATION_SHARE, HOLDOUT_SHARE = 0.2, 0.2
"""Of the time that is left when the two gaps are taken off."""


@dataclass(frozen=True, kw_only=True)
class Period:
    """Labels with first <= label_at <= last."""

    first: datetime
    last: datetime


@dataclass(frozen=True, kw_only=True)
class Split:
    """Three periods in a row. Between two of them lies at least the horizon of a label: the outcomes one period learns
    from are all known before the next begins. Labels in the gaps are in no period."""

    train: Period
    validation: Period
    holdout: Period


def split_by_time(label_at: Sequence[datetime], *, horizon: timedelta) -> Split:
    """The split of labels at these instants. Raises TrainingFailedError where they span too little."""
    instants = sorted(set(label_at))
    spanned = instants[-1] - instants[0] if instants else timedelta(0)
    usable = spanned - 2 * horizon
    if usable <= timedelta(0):
        raise _too_short(spanned, horizon)
    train = _period(instants, instants[0], instants[0] + usable * (1 - VALIDATION_SHARE - HOLDOUT_SHARE))
    validation = train and _period(instants, train.last + horizon, train.last + horizon + usable * VALIDATION_SHARE)
    holdout = validation and _period(instants, validation.last + horizon, instants[-1])
    if train is None or validation is None or holdout is None:
        raise _too_short(spanned, horizon)
    return Split(train=train, validation=validation, holdout=holdout)


def _period(instants: Sequence[datetime], start: datetime, end: datetime) -> Period | None:
    """From the first instant not before `start`; to the last one not after `end`, or that first one."""
    inside = [instant for instant in instants if instant >= start]
    if not inside:
        return None
    return Period(first=inside[0], last=max((instant for instant in inside if instant <= end), default=inside[0]))


def _too_short(spanned: timedelta, horizon: timedelta) -> TrainingFailedError:
    return TrainingFailedError(
        f"the labels span {spanned.days} days. Fitting, calibrating and judging on labels {horizon.days} days apart "
        f"takes more than {2 * horizon.days}: add earlier labels."
    )

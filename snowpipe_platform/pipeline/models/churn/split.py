"""Which labels a model is fitted on, calibrated on and judged on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from snowpipe_platform.errors import TrainingFailedError

HOLDOUT_SHARE = 0.25
"""Of the time that is left when the gap is taken off."""
FOLDS = 5
"""Parts of the customers, each kept out once."""


@dataclass(frozen=True, kw_only=True)
class Period:
    """Labels with first <= label_at <= last."""

    first: datetime
    last: datetime


@dataclass(frozen=True, kw_only=True)
class Split:
    """Two periods, at least the horizon of a label apart: the outcomes a model learns from are all known before the
    labels it is judged by begin. Labels in the gap are in neither.

    Whatever is chosen is chosen within the first, by customers that were kept out. That takes no second gap, which a
    year of labels has no room for.
    """

    learning: Period
    holdout: Period


def split_by_time(label_at: Sequence[datetime], *, horizon: timedelta) -> Split:
    """The split of labels at these instants. Raises TrainingFailedError where they span too little."""
    instants = sorted(set(label_at))
    spanned = instants[-1] - instants[0] if instants else timedelta(0)
    usable = spanned - horizon
    if usable <= timedelta(0):
        raise _too_short(spanned, horizon)
    until = instants[0] + usable * (1 - HOLDOUT_SHARE)
    learning = Period(first=instants[0], last=max(instant for instant in instants if instant <= until))
    first = next(instant for instant in instants if instant >= learning.last + horizon)
    return Split(learning=learning, holdout=Period(first=first, last=instants[-1]))


def fold_of(keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The part a customer is in: by a hash of the key, so the same for all labels and in every training."""
    # Knuth's multiplicative hash: the golden ratio of 2**64, made odd; the highest bits are the well mixed ones.
    mixed = keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return ((mixed >> np.uint64(32)) % np.uint64(FOLDS)).astype(np.int64)


def _too_short(spanned: timedelta, horizon: timedelta) -> TrainingFailedError:
    return TrainingFailedError(
        f"the labels span {spanned.days} days. Learning and judging on labels {horizon.days} days apart takes more "
        f"than {horizon.days}: add earlier labels."
    )

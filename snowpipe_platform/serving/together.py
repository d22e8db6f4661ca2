"""Rows of requests that come at the same time, asked of the model in one question.

A question costs a model of boosted trees about the same for one row as for a hundred. Whoever finds the model free asks
for all who wait, so under load questions grow instead of the queue; alone, nobody waits for anybody.
"""

import threading
from collections.abc import Sequence

import numpy as np

from snowpipe_platform.serving.shapley import Matrix, Numbers, Predict

MOST_ROWS = 2_000
"""Of one question, unless a single request has more: the others take the next."""


class _Asked:
    def __init__(self, rows: Matrix) -> None:
        self.rows = rows
        self.answers: Numbers | None = None


class Together:
    """A model that any number of threads ask, each for its own rows; the answers are those each would get alone."""

    def __init__(self, predict: Predict) -> None:
        self._predict = predict
        self._guard, self._free = threading.Lock(), threading.Lock()
        self._waiting: list[_Asked] = []

    def probabilities(self, rows: Matrix) -> Numbers:
        """For each row. What the model raises of somebody's rows, only they hear."""
        mine = _Asked(rows)
        with self._guard:
            self._waiting.append(mine)
        with self._free:
            if mine.answers is None:
                return self._ask(self._taken(mine))
        return mine.answers

    def _taken(self, mine: _Asked) -> list[_Asked]:
        """The one's own rows first, then those of others, as many as fit."""
        taken, total = [mine], len(mine.rows)
        with self._guard:
            others = [one for one in self._waiting if one is not mine]
            for one in others:
                total += len(one.rows)
                if total > MOST_ROWS:
                    break
                taken.append(one)
            self._waiting = [one for one in others if one not in taken]
        return taken

    def _ask(self, asked: Sequence[_Asked]) -> Numbers:
        try:
            answers = self._predict(np.concatenate([one.rows for one in asked]))
        except Exception:
            if len(asked) == 1:
                raise
            return self._ask(asked[:1])  # the others find themselves not answered, and ask on their own
        parts = np.split(answers, np.cumsum([len(one.rows) for one in asked])[:-1])
        for one, part in zip(asked, parts, strict=True):
            one.answers = part
        return parts[0]

"""Requests at the same time share a question, and each hears what it would alone."""

import threading

import numpy as np
import pytest

from snowpipe_platform.serving import together
from snowpipe_platform.serving.together import Together


class Model:
    """Doubles; while it is held, whoever asks waits. asked: how many rows each question had."""

    def __init__(self, *, fails=()):
        self.asked, self.fails, self.free = [], set(fails), threading.Event()
        self.is_asked = threading.Event()

    def __call__(self, rows):
        self.asked.append(len(rows))
        self.is_asked.set()
        assert self.free.wait(20)
        if self.fails & set(rows[:, 0]):
            raise ArithmeticError
        return rows[:, 0] * 2


def ask_while_held(model, first, others):
    """The first is being asked when the others come; what each was answered."""
    shared, answers = Together(model), {}

    def ask(rows):
        try:
            answers[rows] = shared.probabilities(np.array(rows)[:, None]).tolist()
        except ArithmeticError:
            answers[rows] = "failed"

    threads = [threading.Thread(target=ask, args=(rows,)) for rows in (first, *others)]
    threads[0].start()
    assert model.is_asked.wait(20)
    for thread in threads[1:]:
        thread.start()
    while len(shared._waiting) < len(others):
        pass
    model.free.set()
    for thread in threads:
        thread.join()
    return answers


def test_alone_nobody_waits():
    model = Model()
    model.free.set()
    assert Together(model).probabilities(np.array([[1.0], [2.0]])).tolist() == [2.0, 4.0]
    assert model.asked == [2]


def test_those_who_come_while_the_model_is_asked_share_the_next_question():
    model = Model()
    answers = ask_while_held(model, (1.0,), [(2.0, 3.0), (4.0,), (5.0, 6.0, 7.0)])
    assert answers == {(1.0,): [2], (2.0, 3.0): [4, 6], (4.0,): [8], (5.0, 6.0, 7.0): [10, 12, 14]}
    assert model.asked == [1, 6]


def test_a_question_grows_to_a_bound(monkeypatch):
    monkeypatch.setattr(together, "MOST_ROWS", 3)
    model = Model()
    answers = ask_while_held(model, (1.0,), [(2.0, 3.0), (4.0, 5.0), (6.0, 7.0)])
    assert answers == {(1.0,): [2], (2.0, 3.0): [4, 6], (4.0, 5.0): [8, 10], (6.0, 7.0): [12, 14]}
    assert model.asked == [1, 2, 2, 2]


@pytest.mark.parametrize("failing", [2.0, 4.0])
def test_rows_the_model_fails_on_fail_nobody_else(failing):
    answers = ask_while_held(Model(fails=[failing]), (1.0,), [(2.0,), (4.0,)])
    assert answers == {(n,): "failed" if n == failing else [n * 2] for n in (1.0, 2.0, 4.0)}

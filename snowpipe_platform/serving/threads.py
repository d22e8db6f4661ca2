"""How many threads one prediction computes on."""

import os


def compute_on_one_thread() -> None:
    """Before scikit-learn is imported, which reads it once. Predictions are small and requests many: on two busy cores
    the threads of one prediction, waiting for each other, take four to twenty times as long as one thread alone."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")

"""The shop: the reference pipeline and the demo."""

from datetime import date

FIRST_DAY = date(2024, 3, 1)
FIRST_ANALYSIS_DATE = date(2023, 3, 1)
"""When the history begins that the first day brings: a model learns from it."""

"""The shop: the reference pipeline and the demo."""

from datetime import date

FIRST_DAY = date(2024, 3, 1)

"""What my_shop extracts, and the tables it makes of it: one file each."""

from datetime import date

FIRST_DAY = date(2024, 3, 1)
"""The first load day there is."""

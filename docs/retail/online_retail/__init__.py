"""A pipeline of one's own, over real invoice lines of a UK online gift shop. See docs/retail.md."""

from datetime import date

FIRST_DAY = date(2009, 12, 1)

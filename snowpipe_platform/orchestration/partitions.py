"""The two kinds of days that partition assets: load days of bronze and of changes tables, and analysis dates."""

from datetime import date

import dagster as dg


def load_days(first_day: date) -> dg.DailyPartitionsDefinition:
    """One partition per UTC day from `first_day`; today is one while it lasts, so it can be loaded several times.

    Tables by load day have no backfill policy, which is one run a day. With one, even of one partition a run, the
    daemon of Dagster 1.13 names the day as a range, and a check's result, which has no partition of its own, turns no
    day red.
    """
    return dg.DailyPartitionsDefinition(start_date=first_day.isoformat(), timezone="UTC", end_offset=1)


def analysis_dates(first_date: date) -> dg.DailyPartitionsDefinition:
    """One partition per UTC day that is over, from `first_date`: a state needs the whole day. Not the load days: what
    was loaded on a day is about any, and the first one brings what happened before it."""
    return dg.DailyPartitionsDefinition(start_date=first_date.isoformat(), timezone="UTC")


def load_day(partition_key: str) -> date:
    """The day a partition key names."""
    return date.fromisoformat(partition_key)

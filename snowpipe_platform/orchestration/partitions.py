"""The load day: the partition of bronze and of the changes tables."""

from datetime import date

import dagster as dg

ONE_RUN_A_DAY = dg.BackfillPolicy.multi_run(max_partitions_per_run=1)
"""A check result has no partition of its own, so a run over several days could turn only one of them red."""


def load_days(first_day: date) -> dg.DailyPartitionsDefinition:
    """One partition per UTC day from `first_day`; today is one while it lasts, so it can be loaded several times."""
    return dg.DailyPartitionsDefinition(start_date=first_day.isoformat(), timezone="UTC", end_offset=1)


def load_day(partition_key: str) -> date:
    """The day a partition key names."""
    return date.fromisoformat(partition_key)

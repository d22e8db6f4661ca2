"""Which days of an asset are there, by what Dagster recorded."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from snowpipe_platform.orchestration.names import EXTRACTED_AT, SOURCE_CLOCK
from snowpipe_platform.orchestration.partitions import load_day
from snowpipe_platform.spec.analysis_dates import end_of

CLOSER_LOOK_DAYS = 31
"""How far back a day that is there is asked whether it is there to its end."""
RECORDS_OF_A_DAY = 1_000
NO_LAG = timedelta(0)


def missing_days(
    instance: dg.DagsterInstance, key: dg.AssetKey, *, last: date, safety_lag: timedelta = NO_LAG
) -> list[date]:
    """Days up to `last`, from the first one there, that are not there; oldest first. Nothing while none is there.

    A day is there when it is materialized. The bronze log does not tell: a snapshot that brought nothing leaves no
    entry. A load day that was last extracted before its end is not: its rest is missing.
    safety_lag: how far behind the source's clock the extraction stops.
    """
    there = {load_day(partition) for partition in instance.get_materialized_partitions(key)}
    if not there:
        return []
    first = min(there)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    begun = _begun(instance, key, there.intersection(days[-CLOSER_LOOK_DAYS:]), safety_lag)
    return [day for day in days if day not in there or day in begun]


def arrived_at(
    instance: dg.DagsterInstance, key: dg.AssetKey, day: date, *, safety_lag: timedelta = NO_LAG
) -> datetime | None:
    """When the day was first there to its end, by the source's clock where that was recorded; None: it is not yet."""
    wanted = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[day.isoformat()])
    records = instance.fetch_materializations(wanted, limit=RECORDS_OF_A_DAY, ascending=True).records
    return next((_made_at(record) for record in records if _is_whole(record, day, safety_lag)), None)


def _begun(
    instance: dg.DagsterInstance, key: dg.AssetKey, days: Iterable[date], safety_lag: timedelta
) -> frozenset[date]:
    """Of days that are there, those whose end was not read the last time."""
    partitions = {day.isoformat() for day in days}
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    last = instance.get_latest_storage_id_by_partition(key, kind, partitions) if partitions else {}
    if not last:
        return frozenset()
    wanted = dg.AssetRecordsFilter(asset_key=key, storage_ids=list(last.values()))
    records = instance.fetch_materializations(wanted, limit=len(last)).records
    dated = ((load_day(str(record.partition_key)), record) for record in records)
    return frozenset(day for day, record in dated if not _is_whole(record, day, safety_lag))


def _is_whole(record: dg.EventLogRecord, day: date, safety_lag: timedelta) -> bool:
    """What is not extracted, or was reported by a person, is whole."""
    extracted_at = _recorded(record, EXTRACTED_AT)
    return extracted_at is None or extracted_at - safety_lag >= end_of(day)


def _made_at(record: dg.EventLogRecord) -> datetime:
    by_source = _recorded(record, EXTRACTED_AT) or _recorded(record, SOURCE_CLOCK)
    return by_source or datetime.fromtimestamp(record.timestamp, UTC).replace(tzinfo=None)


def _recorded(record: dg.EventLogRecord, name: str) -> datetime | None:
    materialization = record.asset_materialization
    value = None if materialization is None else materialization.metadata.get(name)
    return None if value is None else datetime.fromisoformat(str(value.value).removesuffix("Z"))

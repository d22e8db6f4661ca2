"""Which days of an asset are there, by what Dagster recorded."""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from snowpipe_platform.orchestration.names import EXTRACTED_AT, FILES_ADOPTED, KEYS_COMPARED, SOURCE_CLOCK
from snowpipe_platform.orchestration.partitions import load_day
from snowpipe_platform.spec.analysis_dates import end_of
from snowpipe_platform.spec.bronze_log import days_without_extraction, incomplete_days
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.read_days import read_at

CLOSER_LOOK_DAYS = 31
"""How far back a day that is there is asked whether it is there to its end."""
RECORDS_PER_PAGE = 1_000
NO_LAG = timedelta(0)


def missing_days(  # noqa: PLR0913 - a day may be there in many ways
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    *,
    last: date,
    since: date = date.min,
    safety_lag: timedelta = NO_LAG,
    log: Sequence[Manifest] = (),
) -> list[date] | None:
    """Days up to `last`, from the first one there, that are not there; oldest first. None while none is there. What is
    from before `since` does not count.

    A day is there when it is materialized by what read it: neither dropped files that were adopted for it nor a
    comparison of keys are its extraction. The bronze log alone does not tell: a snapshot that brought nothing leaves no
    entry. A load day that was last extracted before its end, or waits for rows that were withdrawn or cut off, is not
    there: its rest is missing. safety_lag: how far behind the source's clock the extraction stops. log: of a bronze
    asset's query.
    """
    materialized = {day for day in map(load_day, instance.get_materialized_partitions(key)) if day >= since}
    recent = {day for day in materialized if timedelta(0) <= last - day < timedelta(days=CLOSER_LOOK_DAYS)}
    looked_at = recent | (materialized & days_without_extraction(log))
    reads = _last_reads(instance, key, looked_at)
    there = materialized - (looked_at - reads.keys())
    if not there:
        return None
    begun = {day for day, record in reads.items() if not _is_whole(record, day, safety_lag)}
    first = min(there)
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    waiting = set(incomplete_days(log))
    return [day for day in days if day not in there or day in begun or day in waiting]


def arrived_at(
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    day: date,
    *,
    safety_lag: timedelta = NO_LAG,
    log: Sequence[Manifest] = (),
) -> datetime | None:
    """When the day was first there to its end, by the source's clock where that was recorded; None: it is not yet.

    log: of a bronze asset's query. Where it tells, the extraction that read the day's end counts, for whichever load
    day that was, and a day that waits for rows is not there.
    """
    if day in incomplete_days(log):
        return None
    if (by_log := read_at(log, day)) is not None:
        return by_log
    reads = _reads(instance, key, day, ascending=True)
    return next((_made_at(record) for record in reads if _is_whole(record, day, safety_lag)), None)


def was_read(instance: dg.DagsterInstance, key: dg.AssetKey, day: date) -> bool:
    """Whether something other than dropped files or compared keys materialized the day, be it before its end."""
    return any(True for _ in _reads(instance, key, day, ascending=False))


def _last_reads(
    instance: dg.DagsterInstance, key: dg.AssetKey, days: Collection[date]
) -> dict[date, dg.EventLogRecord]:
    """The last materialization of each day that read it, where there is one."""
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    partitions = {day.isoformat() for day in days}
    last = instance.get_latest_storage_id_by_partition(key, kind, partitions) if partitions else {}
    if not last:
        return {}
    wanted = dg.AssetRecordsFilter(asset_key=key, storage_ids=list(last.values()))
    records = instance.fetch_materializations(wanted, limit=len(last)).records
    found: dict[date, dg.EventLogRecord | None] = {load_day(str(one.partition_key)): one for one in records}
    for day in [day for day, record in found.items() if record is not None and _read_no_day(record)]:
        found[day] = next(_reads(instance, key, day, ascending=False), None)
    return {day: record for day, record in found.items() if record is not None}


def _reads(
    instance: dg.DagsterInstance, key: dg.AssetKey, day: date, *, ascending: bool
) -> Iterator[dg.EventLogRecord]:
    """The materializations of a day that read it, by when they were. Adoptions are many: one a minute, maybe."""
    wanted = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[day.isoformat()])
    cursor, has_more = None, True
    while has_more:
        page = instance.fetch_materializations(wanted, limit=RECORDS_PER_PAGE, cursor=cursor, ascending=ascending)
        cursor, has_more = page.cursor, page.has_more
        yield from (record for record in page.records if not _read_no_day(record))


def _read_no_day(record: dg.EventLogRecord) -> bool:
    materialization = record.asset_materialization
    return materialization is not None and bool({FILES_ADOPTED, KEYS_COMPARED} & materialization.metadata.keys())


def _is_whole(record: dg.EventLogRecord, day: date, safety_lag: timedelta) -> bool:
    """Of what read the day: what is not extracted, or was reported by a person, is whole."""
    extracted_at = _recorded(record, EXTRACTED_AT)
    return extracted_at is None or extracted_at - safety_lag >= end_of(day)


def _made_at(record: dg.EventLogRecord) -> datetime:
    by_source = _recorded(record, EXTRACTED_AT) or _recorded(record, SOURCE_CLOCK)
    return by_source or datetime.fromtimestamp(record.timestamp, UTC).replace(tzinfo=None)


def _recorded(record: dg.EventLogRecord, name: str) -> datetime | None:
    materialization = record.asset_materialization
    value = None if materialization is None else materialization.metadata.get(name)
    return None if value is None else datetime.fromisoformat(str(value.value).removesuffix("Z"))

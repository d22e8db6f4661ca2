"""What a replay does: rows that are in quarantine and pass under today's code take their own place, accepted."""

import ibis

from snowpipe_platform.execution.change_rows import bronze_table, change_rows
from snowpipe_platform.execution.inputs import TableInputs, bronze_source
from snowpipe_platform.execution.origin_rows import ORIGIN, bronze_among, origin_values, origins_table
from snowpipe_platform.execution.plan import NOTHING_TO_REPLAY, TARGET, Plan, Replay, TableRequest
from snowpipe_platform.spec.bronze_log import all_columns
from snowpipe_platform.spec.consumption import Consumption
from snowpipe_platform.spec.origins import decode_origins
from snowpipe_platform.spec.table import QUARANTINED, STATUS, VALID, ChangesTable

REPLAYED = "#replayed"


def replay_plan(
    request: TableRequest, replay: Replay, table: ChangesTable, inputs: TableInputs, consumed: Consumption
) -> Plan:
    """Nothing is consumed, and nothing happens to rows that still fail, or are not in quarantine any more."""
    entries = [entry for entry in inputs.log if entry.number in replay.origins]
    if inputs.base is None or not entries:
        return Plan(request, inputs.base, "nothing", NOTHING_TO_REPLAY, consumed)
    columns = all_columns(inputs.log)
    own = ibis.table(table.schema, name=TARGET)
    waiting = own.filter(own[STATUS] == QUARANTINED).semi_join(origins_table(table.name + REPLAYED), ORIGIN)
    judged = change_rows(table, bronze_among(bronze_table(table, columns), waiting))
    passing = judged.filter(judged[STATUS] == VALID)
    return Plan(
        request,
        inputs.base,
        "replace_touched",
        "replay of quarantined rows",
        consumed,
        expression=passing,
        touched=passing.select(*ORIGIN),
        days=frozenset(entry.load_day for entry in entries),
        sources={
            f"bronze/{table.source}": bronze_source(entries, columns, inputs),
            table.name + REPLAYED: origin_values(decode_origins(replay.origins)),
        },
    )

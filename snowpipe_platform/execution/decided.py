"""What a person decided about a commit, as the commit itself records it."""

import json

from snowpipe_platform.execution.execute import OVERRIDE_PROPERTY, REPLAY_PROPERTY
from snowpipe_platform.records import TableState


def decided(state: TableState) -> str | None:
    """`replayed 3 rows by ana: rule mended`, `published anyway, beyond amount.is_int64, by ana: known outage`; None
    when the rules alone decided."""
    told = []
    if replay := state.properties.get(REPLAY_PROPERTY):
        found = json.loads(replay)
        told.append(
            f"replayed {found['rows']:,} row{'s' if found['rows'] != 1 else ''} by {found['by']}: {found['reason']}"
        )
    if override := state.properties.get(OVERRIDE_PROPERTY):
        found = json.loads(override)
        told.append(f"published anyway, beyond {', '.join(found['rules'])}, by {found['by']}")
    return "; ".join(told) or None

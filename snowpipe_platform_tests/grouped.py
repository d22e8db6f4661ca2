"""A feature group over a ledger: items, as they were on each date.

shop = grouped_ledger(tmp_path)
shop.land("2024-01-01", change("a", 0.5, name="A"))
make(shop, D1)
"""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import ibis.expr.datatypes as dt
import pandera.ibis as pa

from snowpipe_platform.execution.execute import TableResult
from snowpipe_platform.spec.as_of import AsOfTable
from snowpipe_platform.spec.feature import Feature, FeatureGroup
from snowpipe_platform.spec.history import latest
from snowpipe_platform.spec.label import Context, Label, TrainingSet
from snowpipe_platform.spec.table import CHANGED_AT
from snowpipe_platform_tests.ledger import CHANGES, START, Ledger

STATES, GROUP = "gold/item_states", "features/items"
D1, D2, D3 = (START.date() + timedelta(days=n) for n in range(3))


class ItemStates(pa.DataFrameModel):
    id: str
    name: str = pa.Field(nullable=True)
    amount: dt.int64 = pa.Field(nullable=True)
    analysis_date: dt.date

    class Config:
        unique = ("id", "analysis_date")


STATES_TABLE = AsOfTable(
    name=STATES,
    contract=ItemStates,
    description="Items as they were.",
    inputs=(CHANGES.name,),
    build=lambda inputs, _on: latest(inputs[CHANGES.name], key=["id"]),
)


def group(**declared: Any) -> FeatureGroup:
    """`features/items`, unless `declared` says otherwise."""
    facts: dict[str, Any] = {
        "name": GROUP,
        "description": "What is known of an item.",
        "source": STATES,
        "entity": "id",
        "entity_type": "string",
        "version": 1,
        "features": (
            Feature(name="name", type="string", description="as it was"),
            Feature(name="amount", type="int64", description="as it was", default=0),
        ),
        "defined_in": "shop/items.py",
    }
    return FeatureGroup(**{**facts, **declared})


def grouped_ledger(folder: Path) -> Ledger:
    return Ledger(folder, (CHANGES, STATES_TABLE, group()))


def make(ledger: Ledger, *dates: date) -> list[TableResult]:
    """All of bronze is taken in, and the dates made, of the states and of the group; the group's results."""
    ledger.run(CHANGES.name)
    for on in dates:
        ledger.run(STATES, on.isoformat())
    return [ledger.run(GROUP, on.isoformat()) for on in dates]


def history(ledger: Ledger, on: date | None = None) -> list[tuple[Any, ...]]:
    """(analysis_date, id, name, amount), of each version, oldest first; of one date without it."""
    found = ledger.rows(GROUP, "analysis_date, id, created_time, name, amount")
    rows = [(day, key, name, amount) for day, key, _, name, amount in found]
    return rows if on is None else [row[1:] for row in rows if row[0] == on]


HORIZON, MAX_AGE = timedelta(days=1, hours=12), timedelta(days=2)


def silent(known: Any, later: Any, at: datetime, _until: datetime) -> Any:
    """Items that exist, and whether nothing changes about them until the end of the horizon."""
    items = latest(known[CHANGES.name], key=["id"])
    changed = later[CHANGES.name].filter(later[CHANGES.name][CHANGED_AT] >= at)
    return items.select("id", silent=items.id.notin(changed.id))


def called(known: Any, _at: datetime) -> Any:
    """The name of items that exist."""
    items = latest(known[CHANGES.name], key=["id"])
    return items.select("id", called=items.name)


def half_days(first: datetime, last: datetime) -> list[datetime]:
    """Every midnight and noon."""
    count = int((last - first) / timedelta(hours=12))
    return [first + n * timedelta(hours=12) for n in range(count + 1)]


TRAINING = TrainingSet(
    name="silence",
    description="Items, and whether they stay as they are.",
    owners=("team:items",),
    group=GROUP,
    label=Label(name="silent", inputs=(CHANGES.name,), horizon=HORIZON, build=silent),
    labels_at=half_days,
    max_age=MAX_AGE,
    context=(Context(name="called", inputs=(CHANGES.name,), build=called),),
    defined_in="shop/training_set.py",
)


def training_ledger(folder: Path) -> Ledger:
    return Ledger(folder, (CHANGES, STATES_TABLE, group()), training_sets=(TRAINING,))

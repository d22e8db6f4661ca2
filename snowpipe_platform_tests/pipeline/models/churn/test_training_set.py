"""Who the churn label is for, and whom it calls churned."""

from datetime import datetime, timedelta

import ibis
import pyarrow as pa
import pytest

from snowpipe_platform.backends.duckdb_engine import DuckDBEngine
from snowpipe_platform.pipeline.models.churn.training_set import CUSTOMERS, HORIZON, ORDERS, TRAINING_SET, churned
from snowpipe_platform.pipeline.silver.customer_changes import TABLE as CUSTOMER_CHANGES
from snowpipe_platform.pipeline.silver.order_changes import TABLE as ORDER_CHANGES
from snowpipe_platform.spec.label import _before

AT = datetime(2024, 3, 4)
DAY, INSTANT = timedelta(days=1), timedelta(microseconds=1)


def customer(key, *, changed_at=AT - 500 * DAY, change_type="upsert"):
    return {"customer_id": f"c{key}", "customer_key": key, "changed_at": changed_at, "change_type": change_type}


def order(key, ordered_at, *, number=0, status="placed", changed_at=None):
    known = {"changed_at": changed_at or ordered_at, "change_type": "upsert"}
    return {"order_id": f"o{key}.{number}", "customer_key": key, "ordered_at": ordered_at, "status": status, **known}


def labels(customers, orders):
    """Whether each customer the label is for churned, by key."""
    with DuckDBEngine(memory_limit="1GB").session() as session:
        inputs = {}
        for table, rows in ((CUSTOMER_CHANGES, customers), (ORDER_CHANGES, orders)):
            arrow = table.schema.to_pyarrow()
            common = {"change_status": "valid", "manifest_number": 1, "source_row": 1}
            full = [dict.fromkeys(arrow.names) | common | row for row in rows]
            session.bind(table.name, pa.Table.from_pylist(full, arrow))
            inputs[table.name] = ibis.table(table.schema, name=table.name)
        until = AT + HORIZON
        known, later = ({name: _before(rows, end) for name, rows in inputs.items()} for end in (AT, until))
        found = session.fetch(churned(known, later, AT, until)).to_pylist()
    return {row["customer_key"]: row["churned"] for row in found}


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        pytest.param([order(1, AT - DAY)], {1: True}, id="no order after"),
        pytest.param([order(1, AT - DAY), order(1, AT, number=1)], {1: False}, id="on the instant"),
        pytest.param([order(1, AT - DAY), order(1, AT + HORIZON - INSTANT, number=1)], {1: False}, id="just in time"),
        pytest.param([order(1, AT - DAY), order(1, AT + HORIZON, number=1)], {1: True}, id="too late"),
        pytest.param([order(1, AT - 365 * DAY)], {1: True}, id="a year ago"),
        pytest.param([order(1, AT - 365 * DAY - INSTANT)], {}, id="longer ago"),
        pytest.param([order(1, AT)], {}, id="never before"),
        pytest.param([order(1, AT - DAY, status="cancelled")], {}, id="cancelled before"),
        pytest.param(
            [order(1, AT - DAY), order(1, AT + DAY, number=1, status="cancelled")], {1: True}, id="cancelled after"
        ),
        pytest.param(
            [order(1, AT - DAY), order(1, AT - DAY, status="cancelled", changed_at=AT + DAY)],
            {1: True},
            id="cancelled after, known before",
        ),
        pytest.param([order(1, AT - DAY, changed_at=AT)], {}, id="known too late"),
        pytest.param(
            [order(1, AT - DAY), order(1, AT + DAY, number=1, changed_at=AT + HORIZON)], {1: True}, id="after the end"
        ),
        pytest.param([order(1, AT - DAY), order(None, AT + DAY)], {1: True}, id="an order of nobody"),
        pytest.param([order(2, AT - DAY)], {}, id="of nobody known"),
    ],
)
def test_an_active_customer_churns_without_an_order_in_the_horizon(orders, expected):
    assert labels([customer(1)], orders) == expected


def test_a_customer_who_was_deleted_by_then_has_no_label():
    gone = customer(1, changed_at=AT - DAY, change_type="delete")
    assert labels([customer(1), gone], [order(1, AT - 2 * DAY)]) == {}
    assert labels([customer(1), gone | {"changed_at": AT}], [order(1, AT - 2 * DAY)]) == {1: True}


def test_the_set_has_the_groups_features_a_region_and_a_segment():
    assert [one.name for one in TRAINING_SET.context] == ["region", "segment"]
    assert (TRAINING_SET.name, TRAINING_SET.label.name) == ("churn", "churned")
    assert TRAINING_SET.inputs == ("features/customer_activity", CUSTOMERS, ORDERS)

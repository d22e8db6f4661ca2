"""A mistake in a table's own code names the thing, what there is, and the nearest."""

import pytest

from snowpipe_platform.execution.table_code import code_error
from snowpipe_platform_tests.ledger import FCT


@pytest.mark.parametrize(
    "error",
    [
        AttributeError("'Table' object has no attribute 'amont'"),
        KeyError("amont"),
        ValueError("Column 'amont' is not found in table. Existing columns: 'id', 'amount'."),
    ],
    ids=["attribute", "key", "ibis"],
)
def test_a_missing_column_is_named_with_the_nearest(error):
    message = str(code_error(FCT, error, {"silver/item_changes": ["id", "amount"]}, mend="Mend build() in"))
    assert message == (
        "silver/fct_items: 'amont' is not there. Found in silver/item_changes: id, amount. "
        f"Did you mean 'amount'? Mend build() in {FCT.defined_in}."
    )


def test_another_mistake_is_told_as_it_is():
    message = str(code_error(FCT, ValueError("no aggregate"), {"silver/item_changes": ["id"]}, mend="Mend build() in"))
    assert message.startswith("silver/fct_items: no aggregate. Found in silver/item_changes: id. Mend build() in ")

"""A mistake in a table's own code names the thing, what there is, the nearest, and the line to mend."""

from dataclasses import replace

import ibis
import pytest

from snowpipe_platform.errors import LakeError, PipelineError, openable
from snowpipe_platform.execution.table_code import code_error, code_errors
from snowpipe_platform_tests.ledger import FCT

HERE = openable(__file__)
ORDERS = ibis.table({"id": "string", "amount": "int64"}, name="silver/orders")


def told(code) -> str:
    """What becomes of the error that table code raises."""
    with pytest.raises(PipelineError) as caught, code_errors(
        replace(FCT, defined_in=HERE), {"silver/orders": ORDERS}, mend="Mend build() in"
    ):  # fmt: skip
        code()
    return str(caught.value)


@pytest.mark.parametrize(
    "code",
    [
        lambda: ORDERS.amont,
        lambda: ORDERS["amont"],
        lambda: ORDERS.group_by("amont").aggregate(n=ORDERS.count()),
        lambda: ORDERS.mutate(double=ibis._.amont * 2),
        lambda: ORDERS.aggregate(total=lambda rows: rows.amont.sum()),
    ],
    ids=["attribute", "item", "group", "deferred", "function"],
)
def test_a_missing_column_is_named_with_the_nearest_and_its_line(code):
    line = code.__code__.co_firstlineno
    assert told(code) == (
        "silver/fct_items: there is no column 'amont'. Found: id, amount. "
        f"Did you mean 'amount'? Mend build() in {HERE}:{line}."
    )


def test_the_columns_are_those_of_the_table_that_was_asked():
    assert "Found: total. Did you mean 'total'?" in told(lambda: ORDERS.aggregate(total=ORDERS.amount.sum()).totl)


def test_without_a_table_that_was_asked_the_inputs_columns_are_listed():
    error = code_error(FCT, AttributeError("'Table' object has no attribute 'x'"), {"silver/a": ["id"]}, mend="See")
    assert f"there is no column 'x'. Found in silver/a: id. See {FCT.defined_in}." in str(error)


@pytest.mark.parametrize("name", ["silver/ordres", "orders"])
def test_a_table_that_is_no_input_is_named_with_those_that_are(name):
    message = told(lambda: {"silver/orders": ORDERS}[name])
    assert f"'{name}' is not among its inputs (silver/orders). Add it there, or mend build() in {HERE}:" in message


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (lambda: ORDERS.id.strp, "AttributeError: 'StringColumn' object has no attribute 'strp'. Mend build()"),
        (lambda: {"a": 1}["b"], "silver/fct_items: KeyError: 'b'. Mend build() in"),
        (lambda: 1 / 0, "ZeroDivisionError: division by zero. Mend build() in"),
    ],
    ids=["method", "own mapping", "anything"],
)
def test_another_mistake_is_told_as_it_is(code, words):
    assert words in told(code)


def test_what_the_platform_raises_stays_as_it_is():
    with pytest.raises(LakeError, match="gone"), code_errors(FCT, {}, mend="Mend build() in"):
        raise LakeError("gone")

"""What build() makes is written as the contract says, or refused with the cast to write; never changed in silence."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import ibis
import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pytest

from snowpipe_platform.errors import PipelineError
from snowpipe_platform.execution.contract_rows import contract_rows
from snowpipe_platform.spec.history import versions
from snowpipe_platform.testing import given
from snowpipe_platform_tests.ledger import CHANGES, FCT


def table(**types):
    """A table whose contract has these columns."""
    contract = type(
        "Contract",
        (pa.DataFrameModel,),
        {"__annotations__": types, **{name: pa.Field(nullable=True) for name in types}},
    )
    return replace(FCT, contract=contract, scope=tuple(types)[:1], defined_in="shop/fct_items.py")


@pytest.mark.parametrize(
    ("wanted", "made"),
    [
        ("int64", "int32"),
        ("int64", "uint8"),
        ("decimal(18, 2)", "int32"),
        ("decimal(18, 2)", "decimal(12, 2)"),
        ("float64", "float32"),
        ("timestamp(6)", "date"),
        ("timestamp(6)", "timestamp"),
        ("string", "string"),
        ("date", "null"),
    ],
)
def test_what_a_type_holds_passes(wanted, made):
    rows = contract_rows(table(x=ibis.dtype(wanted)), ibis.table({"x": made}, name="made"))
    assert rows.schema() == ibis.schema({"x": wanted})


@pytest.mark.parametrize(
    ("wanted", "made", "cast"),
    [
        ("int64", "string", '.cast("int64")'),
        ("int32", "int64", '.cast("int32")'),
        ("int64", "float64", '.round().cast("int64")'),
        ("int64", "decimal(18, 2)", '.round().cast("int64")'),
        ("date", "timestamp(6)", ".date()"),
        ("timestamp(6)", "timestamp('UTC', 6)", '.cast("timestamp(6)")'),
        ("timestamp(6)", "timestamp(9)", '.cast("timestamp(6)")'),
        ("decimal(18, 2)", "float64", '.cast("decimal(18, 2)")'),
        ("decimal(18, 2)", "decimal(38, 2)", '.cast("decimal(18, 2)")'),
        ("float64", "int64", '.cast("float64")'),
        ("boolean", "int8", '.cast("boolean")'),
        ("string", "int64", '.cast("string")'),
    ],
)
def test_what_a_type_does_not_hold_is_refused_with_the_cast_to_write(wanted, made, cast):
    with pytest.raises(PipelineError) as caught:
        contract_rows(table(x=ibis.dtype(wanted)), ibis.table({"x": made}, name="made"))
    assert str(caught.value) == (
        f"silver/fct_items: build() makes other types than the contract's. 'x' is {ibis.dtype(made)}, "
        f"wanted is {ibis.dtype(wanted)}: write {cast}. Mend it in shop/fct_items.py."
    )
    mended = eval(f"x{cast}", {"x": ibis.table({"x": made}, name="made").x})
    contract_rows(table(x=ibis.dtype(wanted)), mended.name("x").as_table())


def test_all_wrong_types_are_told_at_once():
    with pytest.raises(PipelineError, match=r"'x' is string, wanted is int64: .*; 'y' is int64, wanted is date: "):
        contract_rows(table(x=dt.int64, y=dt.date), ibis.table({"x": "string", "y": "int64"}, name="made"))


def test_what_passes_is_the_same_value():
    made = replace(
        table(id=dt.string, amount=dt.Decimal(22, 2), at=dt.Timestamp(scale=6)),
        build=lambda inputs: inputs[CHANGES.name].select("id", "amount", at="load_day"),
    )
    given(CHANGES, [{"id": "a", "amount": 2**62, "load_day": "2024-03-01"}]).when(made).then(
        [{"id": "a", "amount": Decimal(2**62), "at": datetime(2024, 3, 1)}]
    )


def test_a_column_that_the_contract_does_not_have_is_refused_with_the_nearest():
    """`nmae` would be lost, and `name` be what the input has."""
    made = ibis.table({"id": "string", "name": "string"}, name="input")
    made = made.mutate(nmae=made.name.upper(), longer=made.name.length())
    with pytest.raises(PipelineError) as caught:
        contract_rows(table(id=dt.string, name=dt.string), made)
    assert str(caught.value) == (
        "silver/fct_items: build() makes 'nmae', 'longer', which its contract does not have. Did you mean 'name'? "
        "Declare them there, or drop() them, in shop/fct_items.py."
    )


def test_what_is_only_taken_along_is_left_out():
    """Other columns of an input, whatever a join calls them, and what `versions` adds."""
    changes = ibis.table(CHANGES.schema, name=CHANGES.name)
    known = versions(changes, key=["id"], attributes=["name"])
    sums = known.group_by("id").aggregate(amount_sum=known.amount.sum()).rename(item="id")
    joined = known.left_join(sums, known.id == sums.item).left_join(changes, "id", rname="{name}_again")
    rows = contract_rows(table(id=dt.string, amount_sum=dt.int64), joined)
    assert rows.columns == ("id", "amount_sum")

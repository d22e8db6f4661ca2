import ibis
import pytest

from snowpipe_platform.errors import SchemaChangedError
from snowpipe_platform.spec.schema_change import compare_schemas, decide_schema, holds, widest


def types(**columns):
    return {name: ibis.dtype(dtype) for name, dtype in columns.items()}


BEFORE = types(id="int32", name="string")


def decide(found, policy="evolve", known=BEFORE):
    return decide_schema(known, found, policy=policy, query="orders")


@pytest.mark.parametrize("policy", ["evolve", "freeze", "discard"])
def test_the_first_extraction_and_an_unchanged_source_change_nothing(policy):
    assert decide(BEFORE, policy, known=None).columns == BEFORE
    turned = dict(reversed(BEFORE.items()))
    assert (decide(turned, policy).columns, decide(turned, policy).changes) == (turned, ())


@pytest.mark.parametrize(
    ("policy", "columns", "changes"),
    [
        ("evolve", ["id", "name", "note"], ("id widened to int64, was int32", "note is new (string)")),
        ("discard", ["id", "name"], ("id widened to int64, was int32", "note is new (string); left out")),
    ],
)
def test_new_and_wider_columns_pass_or_are_left_out(policy, columns, changes):
    decision = decide(types(id="int64", name="string", note="string"), policy)
    assert (list(decision.columns), decision.changes) == (columns, changes)
    assert decision.columns["id"] == ibis.dtype("int64")


@pytest.mark.parametrize(
    ("policy", "found", "reason"),
    [
        ("evolve", types(id="int32"), "name is gone"),
        ("evolve", types(id="int16", name="string"), "id became int16, was int32"),
        ("evolve", types(id="string", name="string"), "id became string, was int32"),
        ("discard", types(id="int32"), "name is gone"),
        ("freeze", types(id="int32", name="string", x="date"), "x is new"),
        ("freeze", types(id="int64", name="string"), "id widened to int64"),
    ],
)
def test_what_a_policy_stops_is_named_with_what_to_do(policy, found, reason):
    with pytest.raises(
        SchemaChangedError, match=f"query 'orders'.*{reason}.*on_schema_change: {policy}.*Nothing was landed"
    ):
        decide(found, policy)


@pytest.mark.parametrize(
    ("left", "right", "wider"),
    [
        ("int8", "int64", "int64"),
        ("int32", "decimal(38, 0)", "decimal(38, 0)"),
        ("int64", "decimal(18, 0)", "string"),
        ("decimal(10, 2)", "decimal(12, 4)", "decimal(12, 4)"),
        ("decimal(10, 2)", "decimal(10, 4)", "string"),
        ("float32", "float64", "float64"),
        ("int32", "float64", "string"),
        ("uint32", "int32", "string"),
        ("uint32", "int64", "int64"),
        ("int8", "uint64", "string"),
        ("date", "timestamp(6)", "timestamp(6)"),
        ("boolean", "int8", "string"),
        ("string", "string", "string"),
        ("timestamp(3)", "timestamp(6)", "timestamp(6)"),
        ("timestamp('UTC', 6)", "timestamp(6)", "string"),
        ("array<int8>", "array<int64>", "array<int64>"),
        ("struct<a: int8>", "struct<a: int64>", "struct<a: int64>"),
        ("struct<a: int8>", "struct<b: int8>", "string"),
        ("null", "int64", "int64"),
    ],
)
def test_the_wider_of_two_types_holds_every_value_of_both(left, right, wider):
    assert widest(ibis.dtype(left), ibis.dtype(right)) == ibis.dtype(wider)
    assert widest(ibis.dtype(right), ibis.dtype(left)) == ibis.dtype(wider)


def test_what_a_policy_stops_can_be_asked_for_without_an_error():
    found = compare_schemas(BEFORE, types(id="int32", name="string", new="string"), policy="freeze")
    assert (found.breaking, found.changes) == (("new is new (string)",), ())


def test_neither_nulls_nor_unsaid_microseconds_make_a_type_wider():
    assert holds(ibis.dtype("int64"), ibis.dtype("!int64"))
    assert holds(ibis.dtype("!int64"), ibis.dtype("int64"))
    assert holds(ibis.dtype("timestamp(6)"), ibis.dtype("timestamp"))
    assert holds(ibis.dtype("timestamp"), ibis.dtype("timestamp(6)"))
    assert not holds(ibis.dtype("timestamp(0)"), ibis.dtype("timestamp"))

import ibis
import pytest

from snowpipe_platform.errors import SchemaChangedError
from snowpipe_platform.spec.schema_change import (
    compare_schemas,
    decide_schema,
    holds,
    outcome_of,
    verdict_of,
    widest,
)


def types(**columns):
    return {name: ibis.dtype(dtype) for name, dtype in columns.items()}


BEFORE = types(id="int32", name="string")


def decide(found, policy="evolve", known=BEFORE):
    return decide_schema(known, found, policy=policy, query="orders")


@pytest.mark.parametrize("policy", ["evolve", "freeze", "discard"])
def test_the_first_extraction_and_an_unchanged_source_change_nothing(policy):
    assert decide(BEFORE, policy, known=None).columns == BEFORE
    turned = dict(reversed(BEFORE.items()))
    assert (decide(turned, policy).columns, decide(turned, policy).diff) == (turned, ())


@pytest.mark.parametrize(
    ("policy", "columns", "changes"),
    [
        ("evolve", ["id", "name", "note"], ("id widened to int64, was int32", "note is new (string)")),
        ("discard", ["id", "name"], ("id widened to int64, was int32", "note is new (string); left out")),
    ],
)
def test_new_and_wider_columns_pass_or_are_left_out(policy, columns, changes):
    decision = decide(types(id="int64", name="string", note="string"), policy)
    assert (list(decision.columns), tuple(map(str, decision.diff))) == (columns, changes)
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
    assert found.breaking == ("new is new (string)",)


def test_neither_nulls_nor_unsaid_microseconds_make_a_type_wider():
    assert holds(ibis.dtype("int64"), ibis.dtype("!int64"))
    assert holds(ibis.dtype("!int64"), ibis.dtype("int64"))
    assert holds(ibis.dtype("timestamp(6)"), ibis.dtype("timestamp"))
    assert holds(ibis.dtype("timestamp"), ibis.dtype("timestamp(6)"))
    assert not holds(ibis.dtype("timestamp(0)"), ibis.dtype("timestamp"))


@pytest.mark.case("A11")
def test_the_diff_says_what_became_of_each_column():
    known = types(a="int32", b="int64", c="string", d="date", e="boolean")
    found = types(a="int64", b="int32", c="int8", f="date", g="float64")
    diff = compare_schemas(known, found, policy="evolve").diff
    assert [(c.column, c.kind, c.before, c.after, c.is_breaking, c.outcome, c.renamed_to) for c in diff] == [
        ("d", "gone", "date", None, True, "refused", "f"),
        ("e", "gone", "boolean", None, True, "refused", None),
        ("b", "narrowed", "int64", "int32", True, "refused", None),
        ("c", "retyped", "string", "int8", True, "refused", None),
        ("a", "widened", "int32", "int64", False, "refused", None),
        ("f", "added", None, "date", False, "refused", None),
        ("g", "added", None, "float64", False, "refused", None),
    ]
    assert (verdict_of(diff), outcome_of(diff)) == ("breaking", "refused")
    assert str(diff[0]) == "d is gone (renamed to f?)"


def test_two_new_columns_of_a_type_leave_open_which_was_renamed():
    diff = compare_schemas(types(a="date"), types(b="date", c="date"), policy="evolve").diff
    assert diff[0].renamed_to is None


@pytest.mark.parametrize(
    ("policy", "found", "told"),
    [
        ("evolve", types(id="int64", name="string", x="date"), ("compatible", "taken")),
        ("discard", types(id="int64", name="string", x="date"), ("compatible", "taken and left out")),
        ("discard", types(id="int32", name="string", x="date"), ("compatible", "left out")),
        ("freeze", types(id="int32", name="string", x="date"), ("compatible", "refused")),
    ],
)
def test_a_verdict_is_of_the_change_and_an_outcome_of_the_policy(policy, found, told):
    diff = compare_schemas(BEFORE, found, policy=policy).diff
    assert (verdict_of(diff), outcome_of(diff)) == told

"""Reading the queries file: the document's example, YAML, and an error for everything that can be wrong."""

import json
import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snowpipe_platform.errors import QueriesFileError
from snowpipe_platform.spec.extraction import BatchSettings, QueriesFile, Query, QueryRule
from snowpipe_platform.spec.queries_file import load_queries_file, parse_queries

# The "Configuration Example" of the data-flow document, as it stands there.
DOCUMENT_EXAMPLE = """{
  "batch_size": 10000,
  "max_batches": 100,
  "max_retries": 3,
  "output_format": "parquet",
  "queries": [
    {
      "name": "customers",
      "sql": "SELECT * FROM customers WHERE updated_at > ?",
      "watermark_column": "updated_at",
      "partition_by": "date"
    }
  ]
}
"""

SAME_AS_YAML = """
batch_size: 10_000
max_batches: 100
max_retries: 3
output_format: parquet
queries:
  - name: customers
    sql: SELECT * FROM customers WHERE updated_at > ?
    watermark_column: updated_at
    partition_by: date  # the load day
"""


def test_the_example_of_the_data_flow_document_loads_as_it_stands():
    assert parse_queries(DOCUMENT_EXAMPLE, source="shop.json") == QueriesFile(
        batch_size=10_000,
        max_batches=100,
        max_retries=3,
        output_format="parquet",
        queries=(
            Query(
                name="customers",
                sql="SELECT * FROM customers WHERE updated_at > ?",
                watermark_column="updated_at",
                partition_by="date",
            ),
        ),
    )


def test_yaml_gives_the_same_as_json():
    assert parse_queries(SAME_AS_YAML, source="shop.yaml") == parse_queries(DOCUMENT_EXAMPLE, source="shop.json")


def test_json_indented_with_tabs_loads():
    tabbed = json.dumps(json.loads(DOCUMENT_EXAMPLE), indent="\t")
    assert parse_queries(tabbed, source="shop.json") == parse_queries(DOCUMENT_EXAMPLE, source="shop.json")


def test_a_file_with_a_byte_order_mark_loads(tmp_path):
    path = tmp_path / "shop.json"
    path.write_text(DOCUMENT_EXAMPLE, encoding="utf-8-sig")
    assert load_queries_file(path) == parse_queries(DOCUMENT_EXAMPLE, source="shop.json")


def test_values_mean_the_same_in_yaml_as_in_json():
    in_yaml = """
queries:
  - &shop
    name: customers
    sql: |
      SELECT *
      FROM customers  -- all
      WHERE id > ?;
    watermark_column: no
    lookback: 0.10
    initial_value: 2024-01-01
    owners: [yes, "1:30"]
    max_batches: null
  - <<: *shop
    name: clients
"""
    query = {
        "name": "customers",
        "sql": "SELECT *\nFROM customers  -- all\nWHERE id > ?;\n",
        "watermark_column": "no",
        "lookback": "NUMBER",
        "initial_value": "2024-01-01",
        "owners": ["yes", "1:30"],
        "max_batches": None,
    }
    in_json = json.dumps({"queries": [query, query | {"name": "clients"}]}).replace('"NUMBER"', "0.10")
    queries = parse_queries(in_yaml, source="shop.yaml")
    assert queries == parse_queries(in_json, source="shop.json")
    assert str(queries.queries[0].lookback) == str(Decimal("0.10"))


def problems_of(text: str) -> str:
    with pytest.raises(QueriesFileError) as refused:
        parse_queries(text, source="shop.yaml")
    return str(refused.value)


@pytest.mark.case("A14")
def test_a_misspelt_key_names_file_line_key_and_the_nearest_valid_one(tmp_path):
    path = tmp_path / "shop.yaml"
    path.write_text(SAME_AS_YAML.replace("watermark_column", "watermark_colum"), encoding="utf-8")
    with pytest.raises(QueriesFileError) as refused:
        load_queries_file(path)
    assert str(refused.value) == (
        f"{path}:9: queries[0] (customers): unknown key 'watermark_colum'. Did you mean 'watermark_column'?"
    )


def in_query(line: str, sql: str = "SELECT * FROM t WHERE u > ?") -> str:
    """A file whose line 5 is the given line of its only query."""
    return f"queries:\n- name: t\n  sql: {sql}\n  watermark_column: u\n  {line}\n"


T = "shop.yaml:5: queries[0] (t): "
QUERY_KEYS = (
    "batch_size, compare_keys, description, due, entity, initial_value, lookback, max_batches, max_deleted_share, "
    "max_retries, mode, name, on_null_watermark, on_schema_change, output_format, owners, partition_by, primary_key, "
    "rules, safety_lag, soft_delete_column, sql, time_zones, watermark_column"
)
DURATION = "a duration, or a number where the watermark is one, such as '15m'"
EMPTY = "shop.yaml:1: the file is empty. It needs a list of queries under the key 'queries'."
QUERIES_KEY = "[{'name': 'customers', 'sql': 'SELECT ...', 'primary_key': 'id'}]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", EMPTY, id="empty"),
        pytest.param(
            "# soon\n",
            EMPTY,
            id="comment",
        ),
        pytest.param("[1]", "shop.yaml:1: must be a mapping with 'queries'; found a list.", id="a list"),
        pytest.param("a: 1\nb: c: d", "shop.yaml:2: column 5: mapping values are not allowed here.", id="YAML syntax"),
        pytest.param(
            "a:\n\tb: 1", "shop.yaml:2: column 1: found character '\\t' that cannot start any token.", id="tab in YAML"
        ),
        pytest.param(
            '{\n  "queries": [\n}', "shop.yaml:3: column 1: not valid JSON: Expecting value.", id="JSON syntax"
        ),
        pytest.param("a: *b", "shop.yaml:1: column 4: found undefined alias 'b'.", id="unknown alias"),
        pytest.param(
            "[" * 100_000,
            "shop.yaml:1: not readable as JSON or YAML: it is nested too deeply.",
            id="nested too deeply",
        ),
        pytest.param(
            "a: \x00",
            "shop.yaml:1: not readable as JSON or YAML: unacceptable character #x0000.",
            id="binary",
        ),
        pytest.param(
            "batch_size: 5",
            f"shop.yaml:1: missing key 'queries': a list of queries, such as {QUERIES_KEY}.",
            id="no queries",
        ),
        pytest.param("queries: []", "shop.yaml:1: queries must hold at least one query.", id="no query"),
        pytest.param(
            "queries: customers",
            f"shop.yaml:1: queries must be a list of queries, such as {QUERIES_KEY}; found 'customers'.",
            id="queries not a list",
        ),
        pytest.param(
            "queries:\n- customers",
            "shop.yaml:2: queries[0]: must be a mapping with 'name' and 'sql'; found 'customers'.",
            id="query not a mapping",
        ),
        pytest.param(
            "queries: &all [*all]",
            "shop.yaml:1: queries[0]: must be a mapping with 'name' and 'sql'; found a list.",
            id="a list that holds itself",
        ),
        pytest.param(
            "queries:\n- name: t\n  primary_key: id",
            "shop.yaml:2: queries[0] (t): missing key 'sql': the SELECT to extract, such as "
            "'SELECT * FROM customers WHERE updated_at > ?'.",
            id="missing key",
        ),
        pytest.param(in_query("color: red"), f"{T}unknown key 'color'. Known: {QUERY_KEYS}.", id="no key near"),
        pytest.param(in_query("5: red"), f"{T}unknown key '5'. Known: {QUERY_KEYS}.", id="a key that is not text"),
        pytest.param(in_query("name: t"), f"{T}key 'name' is given twice, on lines 2 and 5.", id="key twice"),
        pytest.param(
            '{"queries": [{"name": "t", "sql": "SELECT 1",\n\t"primary_key": "id",\n\t"sql": "SELECT 2"}]}',
            "shop.yaml:3: queries[0] (t): key 'sql' is given twice, on lines 1 and 3.",
            id="key twice in JSON with tabs",
        ),
        pytest.param(
            in_query("batch_size: '5'"),
            f"{T}batch_size must be a whole number above 0, such as 10000; found '5'.",
            id="text for a number",
        ),
        pytest.param(
            in_query("batch_size: 0"),
            f"{T}batch_size must be a whole number above 0, such as 10000; found 0.",
            id="number too small",
        ),
        pytest.param(
            in_query("max_retries: true"),
            f"{T}max_retries must be a whole number, 0 or above, such as 3; found true.",
            id="boolean for a number",
        ),
        pytest.param(
            in_query("max_batches: 1.5"),
            f"{T}max_batches must be a whole number above 0, or null for no limit, such as 100; found 1.5.",
            id="fraction for a whole number",
        ),
        pytest.param(
            in_query("entity: Big Orders"),
            f"{T}entity must be a lower-case name of letters, digits and underscores, such as 'customers'; "
            "found 'Big Orders'.",
            id="not an identifier",
        ),
        pytest.param(
            in_query("partition_by: dat"),
            f"{T}partition_by must be one of 'date', 'hour', 'month', 'none'; found 'dat'. Did you mean 'date'?",
            id="word near a valid one",
        ),
        pytest.param(
            in_query("partition_by: 7"),
            f"{T}partition_by must be one of 'date', 'hour', 'month', 'none'; found 7.",
            id="not a word",
        ),
        pytest.param(in_query("lookback: 1:30"), f"{T}lookback must be {DURATION}; found '1:30'.", id="not a duration"),
        pytest.param(
            in_query(f"lookback: {'9' * 200}s"),
            f"{T}lookback must be {DURATION}; found '{'9' * 78}….",
            id="long value is cut",
        ),
        pytest.param(
            in_query("lookback: {hours: 2}"), f"{T}lookback must be {DURATION}; found a mapping.", id="a mapping"
        ),
        pytest.param(
            in_query("safety_lag: 90"),
            f"{T}safety_lag must be a duration, such as '90s'; found 90.",
            id="number for a duration",
        ),
        pytest.param(
            in_query("due: soon"),
            f"{T}due must be a duration after the load day's end, or null for no deadline, such as '6h'; found 'soon'.",
            id="deadline",
        ),
        pytest.param(
            in_query("compare_keys: 0 4 * *"),
            f"{T}compare_keys must have five fields: minute, hour, day of the month, month, day of the week; found "
            "'0 4 * *'. Daily at 00:15 is '15 0 * * *'.",
            id="cron of a query",
        ),
        pytest.param(
            in_query("max_deleted_share: 10"),
            f"{T}max_deleted_share must be a number from 0 to 1, such as 0.1; found 10.",
            id="a share in percent",
        ),
        pytest.param(
            in_query("compare_keys: 0 4 * * *"),
            f"{T}compare_keys is set, which needs a primary_key: its values are what is compared.",
            id="keys to compare without a key",
        ),
        pytest.param(
            "batch_size: 5\nschedule: 15 0 * *\nqueries:\n- {name: t, sql: SELECT 1, primary_key: id}",
            "shop.yaml:2: schedule must have five fields: minute, hour, day of the month, month, day of the week; "
            "found '15 0 * *'. Daily at 00:15 is '15 0 * * *'.",
            id="schedule without a field",
        ),
        pytest.param(
            "schedule: null\nqueries:\n- {name: t, sql: SELECT 1, primary_key: id}",
            "shop.yaml:1: schedule must be a cron expression of five fields, UTC, such as '15 0 * * *'; found null.",
            id="no schedule",
        ),
        pytest.param(
            "shedule: 15 0 * * *\nqueries:\n- {name: t, sql: SELECT 1, primary_key: id}",
            "shop.yaml:1: unknown key 'shedule'. Did you mean 'schedule'?",
            id="key near schedule",
        ),
        pytest.param(
            in_query("initial_value: true"),
            f"{T}initial_value must be a number, a date, an instant or text, such as '2024-01-01T00:00:00'; "
            "found true.",
            id="initial value",
        ),
        pytest.param(in_query("primary_key: [a, a]"), f"{T}primary_key names 'a' twice.", id="key column twice"),
        pytest.param(
            in_query("primary_key: [a, 5]"),
            f"{T}primary_key[1] must be a column or a list of columns, such as ['order_id']; found 5.",
            id="key column not text",
        ),
        pytest.param(
            in_query("time_zones: {a: Europe/Londn}"),
            f"{T}time_zones.a must be an IANA time zone, such as 'Europe/London'; found 'Europe/Londn'. "
            "Did you mean 'Europe/London'?",
            id="zone near a valid one",
        ),
        pytest.param(
            in_query("time_zones: {a: ../../etc/passwd}"),
            f"{T}time_zones.a must be an IANA time zone, such as 'Europe/London'; found '../../etc/passwd'.",
            id="no zone",
        ),
        pytest.param(
            in_query("rules: [{name: good, expresion: a > 0}]"),
            f"{T}rules[0] (good): unknown key 'expresion'. Did you mean 'expression'?",
            id="key of a rule",
        ),
        pytest.param(
            in_query("rules: [{name: good, expression: a > 0}, {name: good, expression: b > 0}]"),
            f"{T}rules[1] (good): name 'good' is already taken by rules[0].",
            id="rule twice",
        ),
        pytest.param(
            in_query("mode: full\n  primary_key: id", "SELECT 1 AS u WHERE u > ?"),
            "shop.yaml:3: queries[0] (t): sql holds a placeholder (?), which mode 'full' does not bind: "
            "remove its condition.",
            id="full with a placeholder",
        ),
        pytest.param(
            in_query("mode: full", "SELECT * FROM t"),
            f"{T}mode is 'full', which needs a primary_key: snapshots are compared by key.",
            id="full without a key",
        ),
        pytest.param(
            "queries:\n- name: t\n  sql: SELECT 1\n  primary_key: id\n  mode: incremental",
            f"{T}mode is 'incremental', which needs a watermark_column: the column that grows with every change.",
            id="incremental without a watermark",
        ),
        pytest.param(
            "queries:\n- sql: SELECT 1\n  name: t",
            "shop.yaml:2: queries[0] (t): watermark_column and primary_key are missing: "
            "'incremental' needs the first, 'full' the second.",
            id="neither watermark nor key",
        ),
        pytest.param(
            in_query("on_null_watermark: include", "SELECT * FROM t WHERE u > ? OR a"),
            f"{T}on_null_watermark is 'include', but the rows with a null u cannot be asked for alone: return the "
            "column as it is and let the only ? stand in a condition 'u > ?' of the outermost WHERE, joined to the "
            "others by AND; or use 'exclude'.",
            id="null watermarks that cannot be proved",
        ),
        pytest.param(
            "queries:\n- name: t\n  primary_key: id\n\n  sql: ' ; '",
            f"{T}sql is empty: write the SELECT to extract.",
            id="empty SQL",
        ),
        pytest.param(
            f"queries:\n- name: t\n  primary_key: id\n\n  sql: DELETE FROM {'t' * 100}",
            f"{T}sql must be one SELECT, because a query only reads; found 'DELETE FROM {'t' * 68}'.",
            id="SQL that writes",
        ),
        pytest.param(
            "queries:\n- name: t\n  watermark_column: u\n\n  sql: SELECT * FROM t WHERE u > ? AND v > ?",
            f"{T}sql holds 2 placeholders (?), but one value is bound: where the last extraction ended.",
            id="two placeholders",
        ),
        pytest.param(
            "queries:\n- name: t\n  primary_key: id\n\n  sql: SELECT (",
            f"{T}sql does not parse at its line 1, column 8, near '('.",
            id="SQL that does not parse",
        ),
        pytest.param(
            "queries:\n- {name: t, sql: SELECT 1, primary_key: id}\n- {name: s, sql: SELECT 1, primary_key: id}\n\n"
            "- {name: t, sql: SELECT 2, primary_key: id}",
            "shop.yaml:5: queries[2] (t): name 't' is already taken by queries[0].",
            id="name twice",
        ),
        pytest.param(
            "queries:\n- {name: t, sql: SELECT 1, primary_key: id}\n- name: s\n  sql: SELECT 2\n  entity: t\n"
            "  primary_key: id",
            "shop.yaml:5: queries[1] (s): entity 't' is already written by queries[0]: "
            "an entity has one log, and one query writes it.",
            id="entity twice",
        ),
    ],
)
def test_each_problem_names_its_place_what_was_found_and_the_mend(text, message):
    assert problems_of(text) == message


def test_all_problems_come_together_sorted_by_line():
    text = """
batch_size: many
queries:
  - name: orders
    sql: SELECT * FROM orders WHERE u > ?
    watermark_colum: u
  - name: orders
    name: orders
    sql: DELETE FROM o
    lookback: soon
    mod: full
"""
    assert problems_of(text).splitlines() == [
        "shop.yaml:2: batch_size must be a whole number above 0, such as 10000; found 'many'.",
        "shop.yaml:6: queries[0] (orders): unknown key 'watermark_colum'. Did you mean 'watermark_column'?",
        "shop.yaml:8: queries[1] (orders): key 'name' is given twice, on lines 7 and 8.",
        "shop.yaml:8: queries[1] (orders): name 'orders' is already taken by queries[0].",
        "shop.yaml:9: queries[1] (orders): sql must be one SELECT, because a query only reads; found 'DELETE FROM o'.",
        f"shop.yaml:10: queries[1] (orders): lookback must be {DURATION}; found 'soon'.",
        "shop.yaml:11: queries[1] (orders): unknown key 'mod'. Did you mean 'mode'?",
    ]


def test_a_missing_file_is_named(tmp_path):
    path = tmp_path / "shop.yaml"
    with pytest.raises(QueriesFileError) as refused:
        load_queries_file(path)
    assert str(refused.value) == f"{path}: No such file or directory. Write the queries there, or correct the path."


def test_a_file_that_is_not_text_is_named(tmp_path):
    path = tmp_path / "shop.yaml"
    path.write_bytes(b"name: \xff")
    with pytest.raises(QueriesFileError) as refused:
        load_queries_file(path)
    assert str(refused.value) == f"{path}: is not UTF-8 text (byte 6). Save it as UTF-8."


KEYS = {
    "file": sorted(QueriesFile.model_fields),
    "query": sorted(Query.model_fields),
    "rule": sorted(QueryRule.model_fields),
}


@st.composite
def misspellings(draw):
    """An owner, one of its keys, and the key with one character replaced, inserted or removed; never a valid key."""
    owner = draw(st.sampled_from(sorted(KEYS)))
    key = draw(st.sampled_from(KEYS[owner]))
    at = draw(st.integers(0, len(key) - 1))
    letter = draw(st.characters(exclude_categories=["Cs"]))
    wrong = draw(
        st.sampled_from([key[:at] + letter + key[at + 1 :], key[:at] + letter + key[at:], key[:at] + key[at + 1 :]])
    )
    return owner, key, draw(st.just(wrong).filter(lambda word: word not in KEYS[owner]))


@settings(max_examples=200, deadline=None)
@given(misspellings())
def test_any_one_character_misspelling_names_the_key_and_the_right_one(misspelling):
    owner, right, wrong = misspelling
    rule = {"name": "known", "expression": "id IS NOT NULL"}
    query = {"name": "t", "sql": "SELECT 1", "primary_key": "id", "rules": [rule]}
    file = {"queries": [query]}
    entry = {"file": file, "query": query, "rule": rule}[owner]
    entry[wrong] = entry.pop(right, None)
    assert f"unknown key {wrong!r}. Did you mean {right!r}?" in problems_of(json.dumps(file))


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["t", "1h", "SELECT 1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*KEYS["file"], *KEYS["query"], *KEYS["rule"], "x"]), inner, max_size=5)
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(VALUES, VALUES, VALUES)
def test_whatever_the_values_the_file_loads_or_every_line_of_the_error_has_its_place(value, query, rule):
    file = {"queries": [query, {"name": "t", "rules": [rule], "owners": value}], "source_system": value}
    message = ""
    try:
        parse_queries(json.dumps(file, indent=1), source="shop.json")
    except QueriesFileError as error:
        message = str(error)
    assert all(re.match(r"shop\.json:[0-9]+: ", line) for line in message.split("\n") if message)


@pytest.mark.parametrize(
    "text",
    [
        "queries: [{a: 1, a: 2}, {b: 1, b: 2}]\nqueries: [{c: 1}]",
        "queries: {5: {b: 1, b: 2}}",
        "queries: {rules: {rules: {rules: {b: 1, b: 2}}}}",
        "queries: [{rules: {good: {b: 1, b: 2}}}]",
        "queries: 1e99999999999999999999",
        f"batch_size: {'9' * 5000}",
        "? [1]\n: 2",
        "!!python/object:os.system {}",
        "<<: 5",
        "a: 1\n---\nb: 2",
    ],
)
def test_a_strange_document_is_refused_like_any_other(text):
    assert re.match(r"shop\.yaml:[0-9]+: ", problems_of(text))


def test_the_settings_of_a_file_are_those_a_query_may_override():
    assert set(BatchSettings.model_fields) == set(QueriesFile.model_fields) & set(Query.model_fields)

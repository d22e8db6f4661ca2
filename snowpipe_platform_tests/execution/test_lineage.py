"""Where the shop's columns come from: known by hand, and held against what happens when an input changes."""

from collections import Counter
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from random import Random

import duckdb
import ibis
import pyarrow as pa
import pytest

from snowpipe_platform.execution.lineage import lineage_of, pipeline_lineage, table_expression
from snowpipe_platform.spec.column_graph import TableColumn
from snowpipe_platform.spec.lineage import column_lineage
from snowpipe_platform.spec.pipeline import Pipeline, load_pipeline
from snowpipe_platform.spec.table import DerivedTable, Table
from snowpipe_platform_tests.kit import make_ground
from snowpipe_platform_tests.ledger import Ledger, change

SHOP = load_pipeline("snowpipe_platform.pipeline")
DERIVED = [table.name for table in SHOP.tables if isinstance(table, DerivedTable)]
ROWS = 24


@pytest.fixture
def ground(tmp_path):
    return make_ground(tmp_path / "home", tmp_path / "none.duckdb")


def words(columns):
    return " ".join(sorted(f"{column.table}.{column.name}" for column in columns))


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("gold/daily_sales", "net_amount", "silver/fct_order_lines.line_amount silver/fct_orders.status"),
        ("gold/daily_sales", "gross_amount", "silver/fct_order_lines.line_amount"),
        ("gold/daily_sales", "region", "silver/dim_customers.address_standardized.state"),
        ("gold/daily_sales", "category", "silver/dim_products.category"),
        ("gold/daily_sales", "month", "silver/fct_orders.sales_date"),
        ("silver/fct_orders", "sales_date", "silver/order_changes.ordered_at"),
        ("silver/dim_products", "is_active", "silver/product_changes.change_type"),
        (
            "silver/dim_products",
            "effective_at",
            "silver/product_changes.changed_at silver/product_changes.created_at",
        ),
    ],
)
def test_the_shops_values_come_from_where_they_should(ground, table, column, value):
    lineage = lineage_of(table, SHOP, ground)
    assert lineage.opaque == ()
    assert words(lineage.columns[column].value) == value


def test_the_rows_of_daily_sales_follow_from_its_joins_and_groups(ground):
    assert words(lineage_of("gold/daily_sales", SHOP, ground).rows) == (
        "silver/dim_customers.address_standardized.state silver/dim_customers.customer_key "
        "silver/dim_customers.effective_at silver/dim_customers.expires_at "
        "silver/dim_products.category silver/dim_products.effective_at silver/dim_products.expires_at "
        "silver/dim_products.product_key "
        "silver/fct_order_lines.order_id silver/fct_order_lines.product_key "
        "silver/fct_orders.customer_key silver/fct_orders.order_id silver/fct_orders.ordered_at "
        "silver/fct_orders.sales_date"
    )


def test_a_changes_table_comes_from_the_landed_columns_and_those_from_the_query(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.land("2024-03-01", change("a", name="Ann", amount="1"))
    graph = pipeline_lineage(ledger.pipeline, ledger.ground).graph

    def above(table, column):
        return words(graph.above(TableColumn(table, column)))

    assert above("silver/dim_items", "amount") == "silver/item_changes.amount"
    assert above("silver/item_changes", "amount") == "bronze/items.amount"
    assert above("bronze/items", "amount") == "query items.amount"
    assert above("silver/item_changes", "changed_at") == "bronze/items._instant"
    assert above("bronze/items", "_instant") == ""
    assert (
        above("silver/item_changes", "change_status") == "bronze/items._operation bronze/items.amount bronze/items.id"
    )


def test_a_changes_instant_comes_from_the_watermark(make_world):
    world = make_world(primary_key="id", watermark_column="UPDATED_AT")
    world.source.run(
        "CREATE TABLE orders (id INT, updated_at TIMESTAMP)", "INSERT INTO orders VALUES (1, '2024-03-01')"
    )
    world.run("2024-03-01")
    pipeline = Pipeline("one", SHOP.queries.model_copy(update={"queries": (world.query,)}), ())
    lineage = lineage_of("bronze/orders", pipeline, world.ground)
    assert words(lineage.columns["_instant"].value) == "bronze/orders.updated_at"
    assert words(lineage.rows) == "query orders.updated_at"
    assert lineage.columns["load_day"].all == frozenset()


def test_without_an_extraction_the_columns_of_bronze_are_not_known_and_those_below_are(ground):
    traced = pipeline_lineage(SHOP, ground)
    why = "bronze/orders has no extraction yet, so its columns are not known. Land one with 'snowpipe run'."
    assert traced.untraced["bronze/orders"] == traced.untraced["silver/order_changes"] == why
    dated = {"gold/customer_activity", "gold/customer_analytics", "features/customer_activity", "gold/customer_churn"}
    assert set(traced.graph.by_table) == {*DERIVED, *dated}


def test_a_kind_of_table_without_an_expression_is_untraced(ground):
    plain = Table(name="gold/plain", contract=SHOP.table("gold/daily_sales").contract, description="Of no kind.")
    traced = pipeline_lineage(replace(SHOP, tables=(*SHOP.tables, plain)), ground)
    assert traced.untraced["gold/plain"].endswith("Table is no kind of table whose columns are traced.")
    assert "gold/daily_sales" in traced.graph.by_table


# Small domains, so that rows meet, whatever the type; the columns that decide most are usual.
DOMAINS = {
    "change_status": ["valid", "valid", "valid", "quarantined"],
    "change_type": ["upsert", "upsert", "delete"],
    "status": ["paid", "cancelled"],
    "state": ["CA", "NY", "TX", None],
    "effective_at": [datetime(2020, 1, 1), datetime(2023, 1, 1)],
    "expires_at": [datetime(2024, 1, 1), datetime(2027, 1, 1), None],
    "created_at": [datetime(2019, 1, 1), datetime(2020, 2, 2), datetime(2023, 3, 3)],
}


def _value(name, dtype, source):
    if name in DOMAINS:
        return source.choice(DOMAINS[name])
    if dtype.is_struct():
        return {field: _value(field, part, source) for field, part in dtype.items()}
    number = source.randint(1, 6)
    made = {
        "decimal": Decimal(number),
        "timestamp": datetime(2020 + number, number, number),
        "date": date(2020 + number, number, number),
        "string": f"v{number}" if number < 6 or name.endswith("_id") else None,
        "array": [],
        "boolean": number > 1,
    }
    return next((value for kind, value in made.items() if getattr(dtype, f"is_{kind}")()), number)


def _leaves(name, dtype):
    """The column, or each field of a struct."""
    return [(name, field) for field in dtype.names] if dtype.is_struct() else [(name, None)]


def _changed(row, leaf, other):
    name, field = leaf
    return {**row, name: other[name] if field is None else {**row[name], field: other[name][field]}}


def _rows(schema, source):
    return [{name: _value(name, dtype, source) for name, dtype in schema.items()} for _row in range(ROWS)]


def _bags(connection, sql, inputs):
    for name, (schema, rows) in inputs.items():
        connection.register(name, pa.Table.from_pylist(rows, schema.to_pyarrow()))
    found = connection.execute(sql).to_arrow_table()
    return {name: Counter(map(repr, found[name].to_pylist())) for name in found.column_names}


def _moves(connection, sql, schemas, source):
    """Each column or field of an input that was given other values, and an output column that moved."""
    one, other = ({name: _rows(schema, source) for name, schema in schemas.items()} for _ in "ab")
    inputs = {name: (schema, one[name]) for name, schema in schemas.items()}
    before = _bags(connection, sql, inputs)
    for name, schema in schemas.items():
        for leaf in [leaf for column, dtype in schema.items() for leaf in _leaves(column, dtype)]:
            rows = [_changed(row, leaf, by) for row, by in zip(one[name], other[name], strict=True)]
            after = _bags(connection, sql, {**inputs, name: (schema, rows)})
            changed = TableColumn(name, leaf[0], () if leaf[1] is None else (leaf[1],))
            yield from ((changed, column) for column in before if before[column] != after[column])


@pytest.mark.parametrize("table", DERIVED)
def test_no_change_of_an_input_moves_a_column_that_does_not_name_it(ground, table):
    """And all that a column's value names does move it: lineage says neither too little nor too much."""
    declared, source = SHOP.table(table), Random(7)
    expression = table_expression(declared, SHOP, ground)
    sql, lineage = str(ibis.to_sql(expression, dialect="duckdb")), column_lineage(expression)
    schemas = {name: SHOP.table(name).schema for name in declared.upstream}
    unseen = {(column, one) for column, made in lineage.columns.items() for one in made.value}
    with duckdb.connect(config={"threads": 1}) as connection:
        for _attempt in range(3):
            for changed, column in _moves(connection, sql, schemas, source) if unseen else ():
                named = {(column, one) for one in lineage.affecting(column) if changed.meets(one)}
                assert named, f"{changed} moves {column}"
                unseen -= named
    assert unseen == set()

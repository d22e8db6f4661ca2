"""The mistakes people make in a project of their own: each is answered with its file, the thing and the mend."""

import shutil

import dagster as dg
import ibis
import pytest

from snowpipe_platform.definitions import definitions
from snowpipe_platform.errors import SnowpipeError
from snowpipe_platform.execution.trial import try_table
from snowpipe_platform.spec.pipeline import load_pipeline
from snowpipe_platform_tests.own import OwnProject

GOLD, FACT, CHANGES = "gold/daily_revenue.py", "silver/fct_orders.py", "silver/order_changes.py"
SOURCE = ibis.schema(
    dict.fromkeys(["order_id", "customer", "status", "amount"], "string")
    | dict.fromkeys(["ordered_at", "updated_at"], "timestamp(6)")
)
"""What seed.py's warehouse has."""
INSTANTS = "c['silver/fct_orders'].select(order_date='ordered_at')"
CHECK = """
    @pa.dataframe_check(name="pays", {options})
    def pays(cls, data):
        return data.table.{column} > 0

    revenue: dt.Decimal"""

ON_COLUMN = """
    @pa.check("orders", name="even")
    def even(cls, data):
        return data.orders % 2 == 0

    revenue: dt.Decimal"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    made = OwnProject(tmp_path, monkeypatch)
    yield made
    made.forget()


def told(project: OwnProject) -> str:
    """The error that loading the package, and then each table's code, gives; the package is called my_shop."""
    with pytest.raises(SnowpipeError) as caught:
        try_all(project)
    return str(caught.value).replace(project.package, "my_shop")


def try_all(project: OwnProject) -> None:
    pipeline = load_pipeline(project.package)
    schemas = {"bronze/orders": SOURCE, **{table.name: table.schema for table in pipeline.tables}}
    for table in pipeline.tables:
        try_table(table, schemas)


def test_a_fresh_project_has_none(project):
    try_all(project)


DECLARED = [
    pytest.param(
        (GOLD, '("silver/fct_orders",)', '("silver/fct_order",)'),
        "my_shop/gold/daily_revenue.py: gold/daily_revenue reads 'silver/fct_order', which is not declared. "
        "Did you mean 'silver/fct_orders'?",
        id="an input that is not there",
    ),
    pytest.param(
        (GOLD, '("silver/fct_orders",)', '("fct_orders",)'),
        "my_shop/gold/daily_revenue.py: gold/daily_revenue reads 'fct_orders', which is not declared. "
        "Did you mean 'silver/fct_orders'?",
        id="an input without its layer",
    ),
    pytest.param(
        (CHANGES, 'source="orders"', 'source="order"'),
        "my_shop/silver/order_changes.py: silver/order_changes reads 'bronze/order', which is not declared. "
        "Did you mean 'bronze/orders'?",
        id="a source that is not there",
    ),
    pytest.param(
        (FACT, '("silver/order_changes",)', '("silver/order_changes", "gold/daily_revenue")'),
        "these tables read each other in a circle: silver/fct_orders → gold/daily_revenue → silver/fct_orders. "
        "Take out one of the inputs, or a rule that looks at another table, in my_shop/silver/fct_orders.py, "
        "my_shop/gold/daily_revenue.py.",
        id="inputs in a circle",
    ),
    pytest.param(
        (FACT, '("silver/order_changes",)', '("silver/order_changes", "silver/fct_orders")'),
        "these tables read each other in a circle: silver/fct_orders → silver/fct_orders. "
        "Take out one of the inputs, or a rule that looks at another table, in my_shop/silver/fct_orders.py.",
        id="an input that is the table itself",
    ),
    pytest.param(
        (CHANGES, 'key=("order_id",)', 'key=("order_idd",)'),
        "my_shop/silver/order_changes.py: key 'order_idd' is not a column of OrderChanges. Did you mean 'order_id'?",
        id="a misspelt key",
    ),
    pytest.param(
        (CHANGES, '    key=("order_id",),\n', ""),
        'my_shop/silver/order_changes.py:24: ChangesTable needs key. Add key=("order_id",).',
        id="no key",
    ),
    pytest.param(
        (FACT, "    contract=FctOrders,\n", ""),
        "my_shop/silver/fct_orders.py:25: DerivedTable needs contract. Add contract=FctOrders.",
        id="no contract",
    ),
    pytest.param(
        (FACT, '    name="silver/fct_orders",\n', ""),
        'my_shop/silver/fct_orders.py:25: DerivedTable needs name. Add name="silver/fct_orders".',
        id="no name",
    ),
    pytest.param(
        (CHANGES, 'key=("order_id",)', "key=()"),
        "my_shop/silver/order_changes.py: key of silver/order_changes is empty. "
        "Name at least one, such as key=('order_id',).",
        id="an empty key",
    ),
    pytest.param(
        (CHANGES, 'key=("order_id",)', 'key=("order_id")'),
        "my_shop/silver/order_changes.py: key of silver/order_changes is a text. Write a tuple: key=('order_id',).",
        id="a key without its comma",
    ),
    pytest.param(
        (GOLD, 'scope=("order_date",)', 'scope=("order_dat",)'),
        "my_shop/gold/daily_revenue.py: scope 'order_dat' is not a column of DailyRevenue. Did you mean 'order_date'?",
        id="a misspelt scope",
    ),
    pytest.param(
        (GOLD, '    scope=("order_date",),\n', ""),
        'my_shop/gold/daily_revenue.py:29: DerivedTable needs scope. Add scope=("order_date",).',
        id="no scope",
    ),
    pytest.param(
        (GOLD, '("silver/fct_orders",)', '("silver/fct_orders")'),
        "my_shop/gold/daily_revenue.py: inputs of gold/daily_revenue is a text. "
        "Write a tuple: inputs=('silver/fct_orders',).",
        id="inputs without their comma",
    ),
    pytest.param(
        (GOLD, "order_date", "day"),
        "my_shop/gold/daily_revenue.py: scope column 'day' of gold/daily_revenue is no column of silver/fct_orders. "
        "Known: amount, customer, order_date, order_id, ordered_at, status. "
        "Or say with touched= which values a changed row of silver/fct_orders touches.",
        id="a scope that no changed row has",
    ),
    pytest.param(
        (FACT, "order_date: dt.date", "order_date: dt.Timestamp(scale=6)"),
        "my_shop/gold/daily_revenue.py: scope column 'order_date' of gold/daily_revenue is date, and timestamp(6) in "
        "silver/fct_orders, so that values are not found there. Give one of them the other's type, or another name.",
        id="a scope of another type than in the input",
    ),
    pytest.param(
        (GOLD, "build=build,", 'build=build, partition_columns=("order_dte",),'),
        "my_shop/gold/daily_revenue.py: partition column 'order_dte' is not a column of DailyRevenue. "
        "Did you mean 'order_date'?",
        id="a misspelt partition column",
    ),
    pytest.param(
        (GOLD, "inputs=", "input="),
        "my_shop/gold/daily_revenue.py:29: DerivedTable takes no 'input'. Did you mean 'inputs'?",
        id="a misspelt argument",
    ),
    pytest.param(
        (CHANGES, '"decimal(18, 2)"', '"decimal18"'),
        "my_shop/silver/order_changes.py: types['amount'] is 'decimal18', which is no type. Write one as 'int64'.",
        id="a type that is none",
    ),
    pytest.param(
        (GOLD, "pa.Field(unique=True)", "pa.Field(unique_values_eq=[1])"),
        "my_shop/gold/daily_revenue.py: gold/daily_revenue (DailyRevenue): check 'unique_values_eq' on column "
        "'order_date' cannot be compiled. Compiled: equal_to, greater_than, greater_than_or_equal_to, in_range, isin, "
        "less_than, less_than_or_equal_to, not_equal_to, notin, str_contains, str_endswith, str_length, str_matches, "
        "str_startswith, and custom checks that return a boolean Ibis column.",
        id="a check that cannot be compiled",
    ),
    pytest.param(
        (GOLD, "    revenue: dt.Decimal", CHECK.format(options="", column="revenu")),
        "my_shop/gold/daily_revenue.py: gold/daily_revenue (DailyRevenue): check 'pays' cannot be compiled: "
        "'Table' object has no attribute 'revenu'. Did you mean 'revenue'? "
        "It must return a boolean Ibis column of: order_date, orders, cancelled, revenue.",
        id="a check of one's own that cannot",
    ),
    pytest.param(
        (GOLD, "    revenue: dt.Decimal", CHECK.format(options="", column="revenue").replace("table.", "")),
        "my_shop/gold/daily_revenue.py: gold/daily_revenue (DailyRevenue): check 'pays' cannot be compiled: "
        "'IbisData' object has no attribute 'revenue'. Write data.table.revenue. "
        "It must return a boolean Ibis column of: order_date, orders, cancelled, revenue.",
        id="a check of one's own that asks what it is given",
    ),
    pytest.param(
        (GOLD, "    revenue: dt.Decimal", ON_COLUMN),
        "my_shop/gold/daily_revenue.py: gold/daily_revenue (DailyRevenue): check 'orders.even' cannot be compiled: "
        "'IbisData' object has no attribute 'orders'. Write data.table[data.key]. "
        "It must return a boolean Ibis column of: order_date, orders, cancelled, revenue.",
        id="a check of a column that asks what it is given",
    ),
    pytest.param(
        (GOLD, "    revenue: dt.Decimal", CHECK.format(options="", column="orders").replace("> 0", "+ 1")),
        "my_shop/gold/daily_revenue.py: gold/daily_revenue (DailyRevenue): check 'pays' cannot be compiled: "
        "it returns int64. It must return a boolean Ibis column of: order_date, orders, cancelled, revenue.",
        id="a check of one's own that is a number",
    ),
    pytest.param(
        (CHANGES, "order_id: str", 'order_id: str = pa.Field(str_matches="([a")'),
        "my_shop/silver/order_changes.py:13: the pattern '([a' is no regular expression: unterminated character set at "
        'position 1. Correct it, and write a backslash before a character that means itself: str_matches=r"\\[a".',
        id="a pattern that is none",
    ),
    pytest.param(
        (GOLD, "    revenue: dt.Decimal", CHECK.format(options='sverity="warn"', column="revenue")),
        "my_shop/gold/daily_revenue.py: gold/daily_revenue (DailyRevenue): check 'pays': there is no option 'sverity'. "
        "Did you mean 'severity'?",
        id="a misspelt option of a check",
    ),
    pytest.param(
        (CHANGES, '"error_above"', '"eror_above"'),
        "my_shop/silver/order_changes.py: silver/order_changes (OrderChanges): column 'amount': "
        "there is no option 'eror_above'. Did you mean 'error_above'?",
        id="a misspelt option of a column",
    ),
    pytest.param(
        (CHANGES, "ge=0", "gee=0"),
        "my_shop/silver/order_changes.py:16: pa.Field takes no 'gee'. Did you mean 'ge'?",
        id="a check that does not exist",
    ),
    pytest.param(
        (GOLD, "contract=DailyRevenue", 'contract="DailyRevenue"'),
        "my_shop/gold/daily_revenue.py: the contract of gold/daily_revenue is 'DailyRevenue'. "
        "Write a class of pa.DataFrameModel, after 'import pandera.ibis as pa'.",
        id="a contract that is none",
    ),
    pytest.param(
        (GOLD, "revenue: dt.Decimal(18, 2)", "revenue: complex"),
        "my_shop/gold/daily_revenue.py: contract DailyRevenue cannot be read: Data type '<class 'complex'>' not "
        "understood by Engine. Write a column as 'amount: dt.Decimal(18, 2)', dt being ibis.expr.datatypes.",
        id="a column of no type",
    ),
    pytest.param(
        (GOLD, "contract=DailyRevenue", "contract=pa.DataFrameModel"),
        "my_shop/gold/daily_revenue.py: contract DataFrameModel has no column. "
        "Write a column as 'amount: dt.Decimal(18, 2)', dt being ibis.expr.datatypes.",
        id="a contract without columns",
    ),
    pytest.param(
        (GOLD, "TABLE =", "REVENUE ="),
        "my_shop/gold/daily_revenue.py: declares no TABLE. Rename 'REVENUE' to TABLE.",
        id="no TABLE",
    ),
    pytest.param(
        (GOLD, 'name="gold/daily_revenue"', 'name="silver/fct_orders"'),
        "my_shop/gold/daily_revenue.py: its TABLE is called 'silver/fct_orders'. A table is called after its "
        "folder and file: 'gold/daily_revenue'. Rename one of the two.",
        id="a table called after another file",
    ),
    pytest.param(
        (GOLD, "import pandera.ibis as pa", "import not_there"),
        "my_shop/gold/daily_revenue.py:5: ModuleNotFoundError: No module named 'not_there'. "
        "Install it, or correct the name.",
        id="a module that is not there",
    ),
    pytest.param(
        (GOLD, "contract=DailyRevenue,", "contract=DailyRevenu,"),
        "my_shop/gold/daily_revenue.py:32: NameError: name 'DailyRevenu' is not defined. Did you mean 'DailyRevenue'?",
        id="a name that is not defined",
    ),
    pytest.param(
        (GOLD, "contract=DailyRevenue,", "contract=DailyRevenue"),
        "my_shop/gold/daily_revenue.py:32: invalid syntax. Perhaps you forgot a comma?",
        id="a forgotten comma",
    ),
    pytest.param(
        ("__init__.py", "date(2024, 3, 1)", "dat(2024, 3, 1)"),
        "my_shop/__init__.py:5: NameError: name 'dat' is not defined. Did you mean 'date'?",
        id="a mistake in the package's own file",
    ),
    pytest.param(
        ("__init__.py", "date(2024, 3, 1)", '"2024-03-01"'),
        "my_shop/__init__.py: FIRST_DAY is '2024-03-01', which is no date. "
        "Write FIRST_DAY = date(2024, 3, 1), after 'from datetime import date'.",
        id="a first day that is no date",
    ),
    pytest.param(
        ("source/queries.yaml", "watermark_column", "watermark_colum"),
        "my_shop/source/queries.yaml:8: queries[0] (orders): unknown key 'watermark_colum'. "
        "Did you mean 'watermark_column'?",
        id="a misspelt key of a query",
    ),
]
IN_CODE = [
    pytest.param(
        (GOLD, "orders.amount", "orders.amuont"),
        "gold/daily_revenue: there is no column 'amuont'. Found: order_id, customer, status, amount, ordered_at, "
        "order_date. Did you mean 'amount'? Mend build() in my_shop/gold/daily_revenue.py:25.",
        id="a misspelt column in build()",
    ),
    pytest.param(
        (CHANGES, "rows.status", "rows.statsu"),
        "silver/order_changes: there is no column 'statsu'. Found: order_id, customer, status, amount, ordered_at, "
        "updated_at, extraction_timestamp, source_system, manifest_number, source_file, load_day. "
        "Did you mean 'status'? Mend clean() in my_shop/silver/order_changes.py:21.",
        id="a misspelt column in clean()",
    ),
    pytest.param(
        (GOLD, 'inputs["silver/fct_orders"]', 'inputs["silver/order_changes"]'),
        "gold/daily_revenue: 'silver/order_changes' is not among its inputs (silver/fct_orders). "
        "Add it there, or mend build() in my_shop/gold/daily_revenue.py:20.",
        id="an input that build() was not given",
    ),
    pytest.param(
        (GOLD, "    cancelled: dt.int64", "    refunded: dt.int64\n    cancelled: dt.int64"),
        "gold/daily_revenue: build() makes no column 'refunded', which its contract has. "
        "Known: cancelled, order_date, orders, revenue. Make it in my_shop/gold/daily_revenue.py.",
        id="a column that build() does not make",
    ),
    pytest.param(
        (CHANGES, "    customer: str", "    customer_name: str"),
        "silver/order_changes: the contract's column 'customer_name' is neither in the source nor made by clean(). "
        "Did you mean 'customer'? Map it in my_shop/silver/order_changes.py.",
        id="a column that nobody makes",
    ),
    pytest.param(
        (CHANGES, '{"status": rows', '{"statuss": rows'),
        "silver/order_changes: clean() makes 'statuss', which the contract does not have. Did you mean 'status'? "
        "Mend it in my_shop/silver/order_changes.py.",
        id="a misspelt key of clean()",
    ),
    pytest.param(
        (FACT, "order_date=", "order_dat=orders.ordered_at.date(), order_date="),
        "silver/fct_orders: build() makes 'order_dat', which its contract does not have. Did you mean 'order_date'? "
        "Declare it there, or drop() it, in my_shop/silver/fct_orders.py.",
        id="a column of build() that the contract does not have",
    ),
    pytest.param(
        (FACT, "customer: str", "customer: dt.int64"),
        "silver/fct_orders: build() makes other types than the contract's. 'customer' is string, wanted is int64: "
        'write .cast("int64"). Mend it in my_shop/silver/fct_orders.py.',
        id="text for a number",
    ),
    pytest.param(
        (FACT, "orders.ordered_at.date()", "orders.ordered_at"),
        "silver/fct_orders: build() makes other types than the contract's. 'order_date' is timestamp(6), wanted is "
        "date: write .date(). Mend it in my_shop/silver/fct_orders.py.",
        id="an instant for a date",
    ),
    pytest.param(
        (GOLD, '.cast("decimal(18, 2)")', ""),
        "gold/daily_revenue: build() makes other types than the contract's. 'revenue' is decimal(38, 2), wanted is "
        'decimal(18, 2): write .cast("decimal(18, 2)"). Mend it in my_shop/gold/daily_revenue.py.',
        id="more digits than the contract's",
    ),
    pytest.param(
        (CHANGES, "rows.status.strip().lower()", "rows.status.length()"),
        "silver/order_changes: clean() makes other types than the contract's. 'status' is int32, wanted is string: "
        'write .cast("string"). Mend it in my_shop/silver/order_changes.py.',
        id="a number for text in clean()",
    ),
    pytest.param(
        (CHANGES, '    types={"amount": "decimal(18, 2)"},\n', ""),
        "silver/order_changes: column 'amount' is string in bronze/orders and decimal(18, 2) in the contract. "
        "Add types={'amount': 'decimal(18, 2)'} in my_shop/silver/order_changes.py; what does not convert is then "
        "quarantined.",
        id="a source column of another type",
    ),
    pytest.param(
        (GOLD, "return orders", "orders"),
        "gold/daily_revenue: build() returns a NoneType, no Ibis table. Return one in my_shop/gold/daily_revenue.py.",
        id="a build() that returns nothing",
    ),
    pytest.param(
        (CHANGES, 'return {"status": rows.status.strip().lower()}', "return rows"),
        "silver/order_changes: clean() returns a Table. Return a dict of column names and values in "
        "my_shop/silver/order_changes.py.",
        id="a clean() that returns its rows",
    ),
    pytest.param(
        (GOLD, 'orders.status == "cancelled"', "orders.status.same()"),
        "gold/daily_revenue: AttributeError: 'StringColumn' object has no attribute 'same'. "
        "Mend build() in my_shop/gold/daily_revenue.py:21.",
        id="a method that is not there",
    ),
    pytest.param(
        (GOLD, "build=build,", 'build=build, touched=lambda changed, _: changed["silver/fct_orders"].select("day"),'),
        "gold/daily_revenue: there is no column 'day'. Found: order_id, customer, status, amount, ordered_at, "
        "order_date, change_side. Mend touched() in my_shop/gold/daily_revenue.py:36.",
        id="a touched() that does not fit",
    ),
    pytest.param(
        (GOLD, "build=build,", f"build=build, touched=lambda c, _: {INSTANTS},"),
        "gold/daily_revenue: touched() makes other types than the contract's. 'order_date' is timestamp(6), wanted is "
        "date: write .date(). Mend it in my_shop/gold/daily_revenue.py.",
        id="a touched() of another type",
    ),
]


@pytest.mark.parametrize(("edit", "message"), [*DECLARED, *IN_CODE])
def test_a_mistake_is_answered_with_its_file_the_thing_and_the_mend(project, edit, message):
    project.edit(*edit)
    assert told(project) == message


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param(
            "gold/notes.py",
            "my_shop/gold/notes.py: declares no TABLE. Start the file's name with '_' if it is no table.",
        ),
        pytest.param(
            "gold/daily_revenue_2.py",
            "my_shop/gold/daily_revenue_2.py: its TABLE is called 'gold/daily_revenue'. A table is called after its "
            "folder and file: 'gold/daily_revenue_2'. Rename one of the two.",
        ),
        pytest.param(
            "daily_revenue.py",
            "my_shop/daily_revenue.py: declares a TABLE, and tables are read from the files of my_shop/silver/, "
            "my_shop/gold/ and my_shop/features/ only. Move it there.",
        ),
        pytest.param(
            "platinum/daily_revenue.py",
            "my_shop/platinum/daily_revenue.py: declares a TABLE, and tables are read from the files of "
            "my_shop/silver/, my_shop/gold/ and my_shop/features/ only. Move it there.",
        ),
        pytest.param(
            "gold/finance/daily_revenue.py",
            "my_shop/gold/finance/daily_revenue.py: declares a TABLE, and tables are read from the files of "
            "my_shop/silver/, my_shop/gold/ and my_shop/features/ only. Move it there.",
        ),
        pytest.param(
            "source/more.json",
            "my_shop/source: expected one queries file (.yaml or .json), found more.json, queries.yaml. "
            "Keep one of them.",
        ),
    ],
)
def test_a_file_in_the_wrong_place_is_answered_with_where_it_goes(project, name, message):
    project.write(name, "" if name.endswith(("notes.py", ".json")) else project.path(GOLD).read_text())
    assert told(project) == message


def test_a_table_in_a_package_of_a_layer_is_answered_with_where_it_goes(project):
    project.write("gold/finance/__init__.py", "")
    try_all(project)
    project.forget()
    project.write("gold/finance/daily_revenue.py", project.path(GOLD).read_text())
    assert told(project).startswith("my_shop/gold/finance/daily_revenue.py: declares a TABLE")


def test_a_pipeline_that_is_a_module_is_no_package(project):
    with pytest.raises(SnowpipeError, match=r"^pipeline '\w+\.gold\.daily_revenue' is a module, no package"):
        load_pipeline(f"{project.package}.gold.daily_revenue")


def test_a_table_of_another_class_is_shown(project):
    project.write(GOLD, "TABLE = {'name': 'gold/daily_revenue'}\n")
    assert told(project) == (
        "my_shop/gold/daily_revenue.py: TABLE is {'name': 'gold/daily_revenue'}, no table. "
        "Write TABLE = ChangesTable(...), DerivedTable(...), AsOfTable(...), FeatureGroup(...) or ScoreTable(...)."
    )


def test_a_package_without_queries_says_where_they_go(project):
    shutil.rmtree(project.path("source"))
    assert told(project) == (
        "my_shop/source: expected one queries file (.yaml or .json), found none. "
        "Write the queries in my_shop/source/queries.yaml."
    )


def test_an_import_that_is_misspelt_names_the_nearest(project):
    project.edit(GOLD, "import DerivedTable,", "import DerivdTable,")
    message = told(project)
    assert message.startswith("my_shop/gold/daily_revenue.py:7: ImportError: cannot import name 'DerivdTable' from ")
    assert message.endswith(". Did you mean 'DerivedTable'?")


def test_a_run_of_the_other_tables_goes_on(project):
    """What a table's own code gets wrong stops that table; what is declared wrongly stops everything."""
    project.edit(GOLD, "orders.amount", "orders.amuont")
    assert project.seed() == 0
    answer = project.type("run")
    assert answer.exit_code == 2
    (fact,) = [line.split() for line in answer.stdout.splitlines() if line.startswith("silver/fct_orders")]
    assert (fact[1], fact[-1]) == ("59", "ok")
    assert f"in {project.package}/{GOLD}:25." in " ".join(answer.stdout.split())


def test_doctor_finds_what_a_run_would(project):
    project.edit(GOLD, "orders.amount", "orders.amuont")
    project.edit(CHANGES, '{"status"', '{"statuss"')
    project.edit(FACT, "order_date=", "tenth=orders.amount / 10, order_date=")
    assert project.seed() == 0
    answer = project.type("doctor")
    assert answer.exit_code == 2
    assert f"from {project.folder}/snowpipe.toml" in " ".join(answer.stdout.split())
    assert [line.split()[:3] for line in answer.stdout.splitlines() if line.startswith("table")] == [
        ["table", "silver/order_changes", "FAILED"],
        ["table", "silver/fct_orders", "FAILED"],
        ["table", "gold/daily_revenue", "FAILED"],
    ]


def test_dagster_shows_the_same_message(project):
    assert {key.to_user_string() for key in assets()} == {
        *("bronze/orders", "silver/order_changes", "silver/fct_orders", "gold/daily_revenue"),
    }
    project.forget()
    project.edit(GOLD, '("silver/fct_orders",)', '("silver/fct_order",)')
    with pytest.raises(SnowpipeError, match=r"Did you mean 'silver/fct_orders'\?"):
        assets()


def assets() -> set[dg.AssetKey]:
    """Of the definitions that Dagster loads in the project's folder."""
    return set(definitions().get_repository_def().asset_graph.get_all_asset_keys())

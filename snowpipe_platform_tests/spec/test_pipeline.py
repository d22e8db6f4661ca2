"""Loading a pipeline: what it finds, in which order, and what it refuses."""

import sys
import uuid
from dataclasses import replace
from pathlib import Path

import ibis
import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pytest

from snowpipe_platform.errors import ContractError, PipelineError
from snowpipe_platform.spec.pipeline import build_pipeline, load_pipeline
from snowpipe_platform.spec.table import related
from snowpipe_platform_tests.ledger import CHANGES, DIM, FCT, QUERIES, referring

QUERIES_TEXT = '{"queries": [{"name": "items", "sql": "SELECT 1", "mode": "full", "primary_key": "id"}]}'
TABLE = "from snowpipe_platform_tests.ledger import CHANGES as TABLE\n"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Write a package of the given files; returns its name."""
    name = f"shop_{uuid.uuid4().hex[:8]}"
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(files: dict[str, str]) -> str:
        for path, text in {"__init__.py": "", **files}.items():
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            for folder in [file.parent, *file.parent.parents]:
                if folder == tmp_path:
                    break
                (folder / "__init__.py").touch()
        return name

    yield write
    for module in [module for module in sys.modules if module.startswith(name)]:
        del sys.modules[module]


def refused(make, *words: str, error: type[Exception] = PipelineError) -> None:
    with pytest.raises(error) as caught:
        make()
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_tables_come_after_what_they_read(package):
    pipeline = load_pipeline("snowpipe_platform.pipeline")
    for table in pipeline.tables:
        before = pipeline.names[: pipeline.names.index(table.name)]
        assert set(table.upstream) <= set(before)
    assert build_pipeline("p", QUERIES, [DIM, FCT, CHANGES]).names == (
        "bronze/items", "silver/item_changes", "silver/dim_items", "silver/fct_items",
    )  # fmt: skip


def test_a_package_is_loaded_from_its_files(package):
    name = package(
        {
            "__init__.py": "from datetime import date\nFIRST_DAY = date(2020, 1, 1)\n",
            "source/queries.json": QUERIES_TEXT,
            "silver/item_changes.py": TABLE,
            "silver/_shared.py": "",
        }
    )
    pipeline = load_pipeline(name)
    assert (pipeline.names, pipeline.first_day.year) == (("bronze/items", "silver/item_changes"), 2020)
    assert pipeline.first_date == pipeline.first_day


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("FIRST_ANALYSIS_DATE = date(2019, 6, 1)", "2019-06-01"),
        ("FIRST_ANALYSIS_DATE = date(2020, 1, 2)", "FIRST_ANALYSIS_DATE is 2020-01-02, after FIRST_DAY, 2020-01-01"),
        ("FIRST_ANALYSIS_DATE = '2019'", "FIRST_ANALYSIS_DATE is '2019', which is no date"),
    ],
)
def test_analysis_dates_may_begin_before_the_first_load_day_and_not_after_it(package, declared, expected):
    files = {"source/queries.json": QUERIES_TEXT, "silver/item_changes.py": TABLE}
    name = package({"__init__.py": f"from datetime import date\nFIRST_DAY = date(2020, 1, 1)\n{declared}\n", **files})
    try:
        found = str(load_pipeline(name).first_date)
    except PipelineError as error:
        found = str(error)
    assert expected in found


def test_downstream_are_all_that_depend_on_a_table():
    pipeline = build_pipeline("p", QUERIES, [CHANGES, DIM, FCT])
    assert pipeline.downstream("bronze/items") == ("silver/item_changes", "silver/dim_items", "silver/fct_items")
    assert pipeline.downstream("silver/dim_items") == ()


def test_a_table_that_is_not_there_is_named_with_the_nearest():
    pipeline = build_pipeline("p", QUERIES, [CHANGES])
    refused(lambda: pipeline.table("silver/item_change"), "silver/item_change", "Did you mean 'silver/item_changes'?")


def test_an_unknown_input_is_named_with_the_nearest():
    lost = replace(DIM, inputs=("silver/item_chnages",), defined_in="shop/dim_items.py")
    refused(
        lambda: build_pipeline("p", QUERIES, [CHANGES, lost]),
        "shop/dim_items.py", "'silver/item_chnages'", "Did you mean 'silver/item_changes'?",
    )  # fmt: skip
    refused(lambda: build_pipeline("p", QUERIES, [replace(CHANGES, source="itmes")]), "'bronze/items'")


def test_tables_that_read_each_other_are_a_circle():
    one, two = replace(DIM, inputs=("silver/fct_items",)), replace(FCT, inputs=("silver/dim_items",))
    refused(
        lambda: build_pipeline("p", QUERIES, [one, two]),
        "circle: silver/dim_items → silver/fct_items → silver/dim_items",
        "snowpipe_platform_tests/ledger.py",
    )  # fmt: skip


# --- rules that look at another table


def looking(table, check):
    body = {"looks": pa.dataframe_check(name="looks", scope="table")(check)}
    contract = type("Looking", (table.contract,), body)
    return replace(table, contract=contract, defined_in=f"shop/{table.name.partition('/')[2]}.py")


def test_a_table_comes_after_what_its_rules_look_at():
    fct = referring(FCT, "name", "silver/dim_items.name")
    pipeline = build_pipeline("p", QUERIES, [CHANGES, fct, DIM])
    assert pipeline.names[-2:] == ("silver/dim_items", "silver/fct_items")
    assert (fct.inputs, fct.upstream) == (("silver/item_changes",), ("silver/item_changes", "silver/dim_items"))
    assert pipeline.downstream("silver/dim_items") == ("silver/fct_items",)
    assert pipeline.levels_above("silver/fct_items") == 3
    assert fct.judged_with == {"silver/dim_items": ibis.schema({"name": "string"})}


def test_what_a_check_looks_at_needs_no_other_word():
    fct = looking(FCT, lambda _cls, data: data.table.id.isin(related(DIM).id))
    fct = referring(fct, "name", "silver/dim_items.name")
    assert fct.upstream == ("silver/item_changes", "silver/dim_items")
    assert fct.judged_with == {"silver/dim_items": DIM.schema}


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("silver/dim_item.name", ["'silver/dim_item', which is no table of silver or gold.", "'silver/dim_items'?"]),
        ("bronze/items.name", ["'bronze/items', which is no table of silver or gold."]),
        ("silver/dim_items.nmae", ["column 'nmae' of silver/dim_items, which it does not have.", "mean 'name'?"]),
        (
            "silver/dim_items.amount",
            ["column 'amount' of silver/dim_items, which is int64, as at string.", "same type"],
        ),
    ],
    ids=["table", "bronze", "column", "type"],
)
def test_a_reference_to_what_is_not_there_is_named_with_the_nearest(target, words):
    fct = referring(FCT, "name", target)
    refused(
        lambda: build_pipeline("p", QUERIES, [CHANGES, DIM, fct]),
        "shop/fct_items.py: rule 'name.references' of silver/fct_items looks at", *words,
    )  # fmt: skip


def test_a_table_a_check_looks_at_is_one_of_the_pipelines():
    fct = looking(FCT, lambda _cls, data: data.table.id.isin(related(DIM).id))
    refused(lambda: build_pipeline("p", QUERIES, [CHANGES, fct]), "rule 'looks'", "'silver/dim_items', which is no")
    own = looking(FCT, lambda _cls, data: data.table.id.isin(related(FCT).id))
    refused(lambda: build_pipeline("p", QUERIES, [CHANGES, own]), "its own table as at another", "data.table")


def test_tables_whose_rules_look_at_each_other_are_a_circle():
    one, two = referring(DIM, "name", "silver/fct_items.name"), referring(FCT, "name", "silver/dim_items.name")
    refused(
        lambda: build_pipeline("p", QUERIES, [CHANGES, one, two]),
        "circle: silver/dim_items → silver/fct_items → silver/dim_items", "or a rule that looks at another table",
    )  # fmt: skip


def test_a_change_is_judged_by_itself():
    changes = referring(CHANGES, "name", "silver/dim_items.name")
    refused(lambda: build_pipeline("p", QUERIES, [changes, DIM]), "'name.references'", "Move the rule to the dimension")


def test_the_tolerance_of_a_conversion_is_checked_when_the_pipeline_loads():
    contract = type("Loose", (CHANGES.contract,), {
        "__annotations__": {"amount": dt.int64}, "amount": pa.Field(nullable=True, metadata={"warn_above": 0.5}),
    })  # fmt: skip
    refused(
        lambda: build_pipeline("p", QUERIES, [replace(CHANGES, contract=contract)]),
        "Loose: check 'amount.is_int64': warn_above 0.5 is more than error_above 0.02", error=ContractError,
    )  # fmt: skip


def test_a_table_declared_twice_names_both_files():
    first, second = replace(CHANGES, defined_in="shop/a.py"), replace(CHANGES, defined_in="shop/b.py")
    refused(lambda: build_pipeline("p", QUERIES, [first, second]), "shop/a.py", "shop/b.py", "silver/item_changes")


def test_a_rule_that_cannot_run_is_found_when_the_pipeline_loads():
    broken = type("Broken", (FCT.contract,), {
        "__annotations__": {"name": str}, "name": pa.Field(nullable=True, str_matches="(?=x)"),
    })  # fmt: skip
    refused(
        lambda: build_pipeline("p", QUERIES, [CHANGES, replace(FCT, contract=broken)]),
        "silver/fct_items (Broken)", "(?=x)", error=ContractError,
    )  # fmt: skip


def test_a_file_without_a_table_is_named(package):
    name = package({"source/q.json": QUERIES_TEXT, "silver/notes.py": "X = 1\n"})
    refused(lambda: load_pipeline(name), f"{name}/silver/notes.py", "no TABLE", "'_'")


@pytest.mark.parametrize(
    ("files", "found"),
    [({}, "found none"), ({"source/a.yaml": "", "source/b.json": ""}, "found a.yaml, b.json")],
    ids=["none", "two"],
)
def test_there_is_one_queries_file(package, files, found: str):
    name = package(files)
    refused(lambda: load_pipeline(name), name, "one queries file", found)


def test_a_package_that_is_not_there_names_the_setting():
    refused(lambda: load_pipeline("no_such_shop.pipeline"), "'no_such_shop.pipeline'", "SNOWPIPE_PIPELINE")


@pytest.mark.parametrize("name", ["bronze/x", "items", "silver/two words", "silver/"])
def test_a_tables_name_is_its_layer_and_an_identifier(name: str):
    refused(lambda: replace(DIM, name=name, defined_in="shop/x.py"), "shop/x.py", repr(name))


def test_a_partition_column_is_a_column_of_the_contract():
    refused(lambda: replace(DIM, partition_columns=("yaer",)), "partition column 'yaer'")
    refused(lambda: replace(DIM, scope=("idd",)), "scope 'idd'", "Did you mean 'id'?")


def test_a_table_knows_the_file_that_declares_it(package):
    text = (
        "from snowpipe_platform.spec.table import ChangesTable\n"
        "from snowpipe_platform_tests.ledger import CHANGES\n"
        "TABLE = ChangesTable(name='silver/mine', description='', contract=CHANGES.contract, source='items',\n"
        "    key=('id',), clean=lambda rows: {})\n"
    )
    name = package({"source/q.json": QUERIES_TEXT, "silver/mine.py": text})
    (declared,) = load_pipeline(name).tables
    assert declared.defined_in == str(Path(sys.modules[name].__path__[0]) / "silver" / "mine.py")


def test_a_table_knows_everything_above_it():
    shop = load_pipeline("snowpipe_platform.pipeline")
    assert shop.ancestors("silver/dim_customers") == ("silver/customer_changes", "bronze/customers")
    above = {name for name in shop.names if name.startswith(("bronze/", "silver/"))}
    assert set(shop.ancestors("gold/daily_sales")) == above
    levels = [shop.levels_above(name) for name in ("bronze/orders", "silver/order_changes", "gold/daily_sales")]
    assert levels == [0, 1, 5]


def test_a_table_file_that_does_not_import_is_named_with_its_line(package):
    for text, words in (("x = (", "was never closed"), ("import no_such_module\n", "no_such_module")):
        name = package({"source/queries.json": QUERIES_TEXT, "silver/broken.py": text})
        refused(lambda name=name: load_pipeline(name), "broken.py:", words)
        sys.modules.pop(f"{name}.silver.broken", None)

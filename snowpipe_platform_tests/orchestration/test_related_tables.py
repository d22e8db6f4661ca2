"""A table whose rules look at another, as Dagster runs it: requested with it, never for ever, never missed."""

from dataclasses import replace

import dagster as dg
import pandera.ibis as pa
import pytest

from snowpipe_platform.execution.execute import run_table
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.plan import TableRequest
from snowpipe_platform.execution.related import JUDGED_WITH_PROPERTY
from snowpipe_platform.spec.history import latest
from snowpipe_platform.spec.table import DerivedTable
from snowpipe_platform_tests.orchestration.conftest import Automation

CHANGES, DIMENSION, CONTACTS = "silver/customer_changes", "silver/dim_customers", "silver/contacts"
GOLD = "gold/customer_count"
KNOWN = f"{CONTACTS}:customer_id__references"


class Contacts(pa.DataFrameModel):
    customer_id: str = pa.Field(metadata={"references": "silver/dim_customers.customer_id", "error_above": 0.2})
    email: str = pa.Field(nullable=True)


TABLE = DerivedTable(
    name=CONTACTS,
    kind="fact",
    description="How a customer is reached; each is one of the dimension's.",
    contract=Contacts,
    inputs=(CHANGES,),
    scope=("customer_id",),
    build=lambda inputs: latest(inputs[CHANGES], key=["customer_id"]),
)


@pytest.fixture
def shop(make_shop):
    return make_shop(more=[TABLE])


@pytest.fixture
def automation(shop):
    return Automation(shop)


def swept(shop):
    return {key.to_user_string() for one in shop.sensor_requests("sweep") for key in one.asset_selection}


def rebuilt(shop, name):
    config = {"ops": {name.replace("/", "__"): {"config": {"rebuild": True}}}}
    return shop.run(name, config=config)


def one_day(shop, day="2024-03-01", **customers):
    shop.customers(day, **{"good": 3, **customers})
    return shop.run(day=day)


def behind(shop):
    """Contacts of a second day that the dimension does not know yet."""
    one_day(shop)
    shop.customers("2024-03-02", good=3)
    shop.run("bronze/customers", CHANGES, day="2024-03-02")
    return shop.run(CONTACTS)


def test_what_rules_look_at_is_upstream_of_the_asset(shop):
    contacts = shop.definitions.resolve_assets_def(dg.AssetKey(CONTACTS.split("/")))
    assert {key.to_user_string() for key in contacts.dependency_keys} == {CHANGES, DIMENSION}


def test_an_update_requests_both_at_once_and_neither_again(shop, automation):
    automation.tick()
    shop.customers("2024-03-01", good=3)
    shop.run("bronze/customers", CHANGES, day="2024-03-01")
    assert automation.tick() == {(DIMENSION, None), (CONTACTS, None), (GOLD, None)}

    result = shop.run(DIMENSION, CONTACTS, GOLD)

    assert shop.evaluations(result)[KNOWN].passed
    assert [automation.tick(), automation.tick(), swept(shop)] == [set(), set(), set()]


def test_a_change_of_what_rules_look_at_counts_anew_once(shop, automation):
    one_day(shop)
    automation.tick()
    rebuilt(shop, DIMENSION)
    assert swept(shop) == {GOLD}, "contacts have consumed all there is"
    assert automation.tick() == {(CONTACTS, None), (GOLD, None)}

    result = shop.run(CONTACTS, GOLD)

    assert shop.materialized(result)[CONTACTS].metadata["summary"].value == "nothing to do: inputs have not changed"
    assert shop.evaluations(result)[KNOWN].metadata["counts_from"].value == "counted anew"
    assert len(shop.ground.lake.history(CONTACTS)) == 1
    assert [automation.tick(), automation.tick(), swept(shop)] == [set(), set(), set()]


def test_rows_ahead_of_what_they_refer_to_are_held_and_published_when_it_has_come(shop, automation):
    automation.tick()
    early = behind(shop)
    rule, published = (
        shop.evaluations(early)[f"{CONTACTS}:{name}"] for name in ("customer_id__references", "published")
    )
    assert (rule.passed, rule.metadata["rows_broken"].value, published.passed) == (False, 3, False)
    automation.tick()
    held = shop.ground.lake.held(CONTACTS)["held"].properties[JUDGED_WITH_PROPERTY]
    assert swept(shop) == {DIMENSION}, "trying contacts again would end the same"
    rebuilt(shop, CONTACTS)
    assert shop.ground.lake.held(CONTACTS)["held"].properties[JUDGED_WITH_PROPERTY] == held
    assert (CONTACTS, None) not in automation.tick()
    assert swept(shop) == {DIMENSION}

    shop.run(DIMENSION)
    assert swept(shop) == {CONTACTS, GOLD}
    assert (CONTACTS, None) in automation.tick()
    late = shop.evaluations(shop.run(CONTACTS, GOLD))

    assert late[KNOWN].passed
    assert late[f"{CONTACTS}:published"].passed
    assert len(shop.rows(CONTACTS)) == 6
    assert [automation.tick(), automation.tick(), swept(shop)] == [set(), set(), set()]


@pytest.mark.case("A61")
def test_a_red_day_of_what_rules_look_at_stops_the_table_too(make_shop):
    """Not only its inputs': contacts of a table of their own are judged with the dimension."""
    lonely = replace(
        TABLE,
        inputs=(GOLD,),
        build=lambda inputs: inputs[GOLD].select(customer_id="domain", email="domain"),
        touched=lambda changed, _: changed[GOLD].select(customer_id="domain"),
    )
    shop = make_shop(more=[lonely])
    one_day(shop, good=100)
    automation = Automation(shop)
    automation.tick()
    shop.customers("2024-03-02", good=90, bad=10)
    shop.run("bronze/customers", CHANGES, day="2024-03-02")
    assert automation.tick() == set()
    assert swept(shop) == set()


def test_a_check_run_alone_looks_at_what_is_known_now(shop):
    one_day(shop, good=10)
    table = shop.pipeline.table(DIMENSION)
    fewer = replace(
        table, build=lambda inputs: table.build(inputs).filter(lambda rows: rows.customer_id != "2024-03-01-7")
    )
    identity = RunIdentity(run_id="elsewhere", job="test")
    run_table(TableRequest(shop.pipeline, fewer, identity, rebuild=True), shop.ground)
    found = shop.evaluations(shop.check((CONTACTS, "customer_id__references")))[KNOWN]

    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert (found.metadata["rows_broken"].value, found.metadata["rows"].value) == (1, 10)
    assert found.metadata["examples"].records[0].data == {"customer_id": "2024-03-01-7"}

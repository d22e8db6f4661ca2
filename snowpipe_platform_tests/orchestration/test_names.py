import dagster as dg
import pytest

from snowpipe_platform.errors import PipelineError
from snowpipe_platform.orchestration.names import (
    asset_key,
    check_name,
    dagster_owners,
    rules_by_check,
    table_name,
)
from snowpipe_platform.spec.rule import Rule, Tolerance


@pytest.mark.parametrize(
    ("rule_id", "name"),
    [
        ("customer_id.not_null", "customer_id__not_null"),
        ("customer_id+effective_at.unique", "customer_id_and_effective_at__unique"),
        ("amount.is_decimal", "amount__is_decimal"),
        ("versions overlap", "versions_overlap"),
        ("naïve.not_null", "na_ve__not_null"),
    ],
)
def test_a_rule_has_a_name_that_dagster_takes(rule_id, name):
    assert check_name(rule_id) == name
    assert dg.AssetCheckSpec(name, asset="any").name == name


def test_a_table_and_its_key_are_each_other():
    assert table_name(asset_key("silver/dim_customers")) == "silver/dim_customers"
    assert asset_key("silver/dim_customers").path == ["silver", "dim_customers"]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (("a b", "a_b"), "silver/t: rule 'a_b' and 'a b' would both be the check 'a_b'. Rename the rule."),
        (
            ("published",),
            (
                "silver/t: rule 'published' and the platform's own check would both be the check 'published'. "
                "Rename the rule."
            ),
        ),
    ],
)
def test_two_rules_that_would_be_one_check_are_refused(ids, message):
    rules = [Rule(each, each, "error", "row", (), Tolerance(), lambda table: table.x) for each in ids]
    with pytest.raises(PipelineError) as error:
        rules_by_check("silver/t", rules)
    assert str(error.value) == message


def test_owners_are_addresses_or_teams():
    assert dagster_owners(["a@b.c", "team:crm", "data team"]) == ["a@b.c", "team:crm", "team:data team"]

"""Severity, scope and tolerances: where they may be declared, and what is refused by name."""

import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pytest

from snowpipe_platform.errors import ContractError
from snowpipe_platform.spec.contract import column_tolerance, compile_rules
from snowpipe_platform.spec.rule import Tolerance


def contract(metadata=None, *, config=None, check=None, **field):
    """A contract of one column `v`: pattern, uniqueness and presence, beside the given metadata."""
    declared = {"str_matches": "^a", "unique": True, "nullable": False, "metadata": metadata, **field}
    body = {"__annotations__": {"v": dt.string, "w": dt.int64}, "v": pa.Field(**declared), "w": pa.Field(nullable=True)}
    if config is not None:
        body["Config"] = type("Config", (), config)
    if check is not None:
        body["long"] = pa.check("v", name="long", **check)(lambda _cls, data: data.table[data.key].length() > 1)
    return type("Contract", (pa.DataFrameModel,), body)


def rules(model):
    return {rule.id: rule for rule in compile_rules(model, where="silver/t (Contract)")}


def refusal(model) -> str:
    with pytest.raises(ContractError) as error:
        rules(model)
    return str(error.value)


def test_without_a_word_an_error_rule_warns_at_once_and_fails_above_two_percent():
    assert {(r.severity, r.tolerance) for r in rules(contract()).values()} == {("error", Tolerance(0.0, 0.02))}


def test_metadata_of_a_column_is_of_all_its_rules():
    found = rules(contract({"severity": "warn", "warn_above": 0.1}))
    assert set(found) == {"v.not_null", "v.unique", "v.str_matches"}
    assert {(rule.severity, rule.tolerance.warn_above) for rule in found.values()} == {("warn", 0.1)}


def test_one_rule_of_a_column_may_have_options_of_its_own():
    own = {"not_null": {"severity": "error", "error_above": 0.0}, "unique": {"warn_above": 0.2}}
    found = rules(contract({"severity": "warn", "error_above": 0.5, "rules": own}))
    assert {name: (rule.severity, rule.tolerance) for name, rule in found.items()} == {
        "v.not_null": ("error", Tolerance(0.0, 0.0)),
        "v.unique": ("warn", Tolerance(0.2, 0.5)),
        "v.str_matches": ("warn", Tolerance(0.0, 0.5)),
    }


def test_a_check_of_ones_own_takes_options_over_those_of_its_column():
    found = rules(contract({"severity": "warn", "warn_above": 0.1}, check={"severity": "error", "error_above": 0.3}))
    assert (found["v.long"].severity, found["v.long"].tolerance) == ("error", Tolerance(0.1, 0.3))
    assert found["v.unique"].severity == "warn"


def test_a_key_of_several_columns_takes_options_from_the_config():
    found = rules(contract(config={"unique": ["v", "w"], "metadata": {"severity": "warn", "warn_above": 0.5}}))
    assert (found["v+w.unique"].severity, found["v+w.unique"].tolerance.warn_above) == ("warn", 0.5)


def test_a_conversion_takes_options_by_its_kind_and_stays_an_error():
    model = contract({"severity": "warn", "error_above": 0.5, "rules": {"is_int64": {"error_above": 0.1}}})
    assert column_tolerance(model, "v", "is_int64") == Tolerance(0.0, 0.1)
    assert column_tolerance(model, "v", "is_date") == Tolerance(0.0, 0.5)
    assert column_tolerance(model, "not there", "is_int64") == Tolerance(0.0, 0.02)
    compile_rules(model, where="t", conversions={"v": "is_int64"})


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"warn_above": 0.5, "error_above": 0.1}, "warn_above 0.5 is more than error_above 0.1: it would fail before"),
        ({"warn_above": 0.05}, "warn_above 0.05 is more than error_above 0.02, the default: it would fail"),
        ({"warn_above": 0.05}, "Raise error_above, or declare severity 'warn'."),
        ({"error_above": 5}, "check 'v.not_null': error_above is 5. It is a share of the rows, 0 to 1."),
        ({"error_above": "2%"}, "error_above is '2%'. It is a share of the rows, 0 to 1."),
        ({"warn_above": -0.1}, "warn_above is -0.1."),
        ({"severity": "warning"}, "severity is 'warning'. It is one of error, warn."),
        ({"sevrity": "warn"}, "column 'v': there is no option 'sevrity'. Did you mean 'severity'?"),
        ({"eror_above": 0.1}, "Did you mean 'error_above'?"),
        ({"reference": "silver/x.y"}, "Did you mean 'references'?"),
        ({"rules": {"str_match": {"severity": "warn"}}}, "has no rule 'str_match'. Did you mean 'str_matches'?"),
        ({"rules": {"ge": {"severity": "warn"}}}, "has no rule 'ge'. Known: not_null, str_matches, unique."),
        ({"rules": {"unique": {"sevrity": "warn"}}}, "rules['unique']: there is no option 'sevrity'."),
        ({"rules": {"unique": {"warn_above": 0.5}}}, "check 'v.unique': warn_above 0.5 is more than error_above"),
        ({"rules": {"unique": "warn"}}, "Write the options by rule: {'not_null': {'error_above': 0.0}}."),
        ({"rules": ["unique"]}, "Write the options by rule"),
    ],
    ids=str,
)  # fmt: skip
def test_an_option_that_cannot_be_is_refused_by_name(metadata, words):
    message = refusal(contract(metadata))
    assert message.startswith("silver/t (Contract): ")
    assert words in message


def test_a_rule_that_only_warns_may_warn_above_any_share():
    assert rules(contract({"severity": "warn", "warn_above": 0.5}))["v.unique"].tolerance.warn_above == 0.5


def test_a_user_may_keep_metadata_of_their_own():
    assert rules(contract({"owner": "team:crm", "pii": True}))


def test_the_configs_metadata_is_checked_too():
    assert "Config.metadata: there is no option 'eror_above'" in refusal(
        contract(config={"unique": ["v", "w"], "metadata": {"eror_above": 0.1}})
    )
    assert "check 'v+w.unique': warn_above 0.5 is more than" in refusal(
        contract(config={"unique": ["v", "w"], "metadata": {"warn_above": 0.5}})
    )


def test_the_last_part_of_a_rules_id_is_its_kind():
    found = rules(contract(config={"unique": ["v", "w"]}, check={}))
    assert {rule.kind for rule in found.values()} == {"not_null", "unique", "str_matches", "long"}

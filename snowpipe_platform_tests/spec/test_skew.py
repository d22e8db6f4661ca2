"""What a model was trained with against what its feature group is now."""

import json
from dataclasses import replace

import pytest

from snowpipe_platform.pipeline.features.customer_activity import TABLE as GROUP
from snowpipe_platform.spec.signature import signature_of
from snowpipe_platform.spec.skew import skew

LINEAGE = {"feature_group": GROUP.name, "feature_group_version": GROUP.version}


def signature(*features):
    told = [{"name": name, "type": kind, "default": None} for name, kind in features]
    return signature_of(json.dumps({"model": "churn", "label": "churned", "features": told}), where="signature.json")


def test_the_groups_own_features_fit_in_any_order_and_not_all_of_them():
    features = [(feature.name, feature.type) for feature in GROUP.features]
    assert skew(signature(*features), LINEAGE, GROUP) == ()
    assert skew(signature(*features[:0:-1]), LINEAGE, GROUP) == ()


@pytest.mark.case("A41")
@pytest.mark.parametrize(
    ("feature", "told"),
    [
        (("orders_30d", "int64"), None),
        (("orders_30d", "!int64"), None),
        (("spend_30d", "decimal(18,2)"), None),
        (("spend_30d", "decimal(18, 4)"), "feature 'spend_30d' was decimal(18, 4), and is decimal(18, 2) in"),
        (("orders_30d", "float64"), "feature 'orders_30d' was float64, and is int64 in features/customer_activity"),
        (("orders_30d", "category"), "feature 'orders_30d' was category, and is int64 in features/customer_activity"),
        (
            ("orders_3d", "int64"),
            "feature 'orders_3d' is none of features/customer_activity (Did you mean 'orders_30d'",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_difference_is_named(feature, told):
    found = skew(signature(feature), LINEAGE, GROUP)
    assert found == () if told is None else found[0].startswith(told)


@pytest.mark.case("A41")
def test_another_version_or_another_group_is_a_difference():
    orders, grown = signature(("orders_30d", "int64")), replace(GROUP, version=GROUP.version + 1)
    assert skew(orders, LINEAGE, grown) == (
        "it was trained on version 1 of features/customer_activity, which is version 2 now",
    )
    assert skew(orders, LINEAGE | {"feature_group": "features/x"}, GROUP) == (
        "it was trained on features/x, and would be asked with features/customer_activity",
    )
    assert len(skew(orders, {}, GROUP)) == 1


def test_every_difference_is_named():
    assert len(skew(signature(("a", "int64"), ("b", "int64")), LINEAGE, replace(GROUP, version=7))) == 3

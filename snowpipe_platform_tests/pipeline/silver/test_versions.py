"""The rules every dimension shares, over the customers'."""

from datetime import date, datetime

import pytest

from snowpipe_platform.pipeline.silver.dim_customers import TABLE as CUSTOMERS
from snowpipe_platform.pipeline.silver.dim_products import TABLE as PRODUCTS
from snowpipe_platform_tests.breaking import breaking


def version(key, start, end=None, created=None):
    """Days of March 2024."""
    return {
        "customer_key": key,
        "product_key": key,
        "customer_id": f"C{key}",
        "product_id": f"P{key}",
        "effective_at": datetime(2024, 3, start),
        "expires_at": None if end is None else datetime(2024, 3, end),
        "effective_date": date(2024, 3, start),
        "created_date": None if created is None else date(2024, 3, created),
    }


def of(table, rows):
    return [{name: row[name] for name in row if name in table.schema} for row in rows]


@pytest.mark.parametrize("table", [CUSTOMERS, PRODUCTS], ids=lambda table: table.name)
@pytest.mark.parametrize(
    ("rule", "rows", "expected"),
    [
        pytest.param(
            "version_ends_after_it_begins",
            [version(1, 1, 2), version(1, 2), version(2, 5, 5), version(3, 6, 4)],
            [2, 3],
            id="a version ends after it begins",
        ),
        pytest.param(
            "versions_do_not_overlap",
            [version(1, 1, 3), version(1, 3, 9), version(1, 8), version(2, 1, 2), version(2, 4), version(3, 1),
             version(3, 2)],
            [1, 5],
            id="versions do not overlap, and only the last is open",
        ),
    ],
)  # fmt: skip
def test_versions_follow_each_other(table, rule, rows, expected):
    assert breaking(table, rule, of(table, rows)) == expected


@pytest.mark.parametrize("table", [CUSTOMERS, PRODUCTS], ids=lambda table: table.name)
def test_two_ids_never_share_a_key(table):
    identity = "customer_id" if table is CUSTOMERS else "product_id"
    rows = of(table, [version(1, 1), version(1, 2), version(2, 1), {**version(2, 2), identity: "another"}])
    assert breaking(table, f"{identity.removesuffix('_id')}_key_names_one_{identity.removesuffix('_id')}", rows) == [
        2,
        3,
    ]


def test_the_first_version_begins_by_the_day_its_customer_was_created():
    rows = [version(1, 1, 5, created=1), version(1, 5, created=1), version(2, 6, created=4), version(3, 2, created=9)]
    assert breaking(CUSTOMERS, "first_version_begins_by_the_created_date", of(CUSTOMERS, rows)) == [2]


@pytest.mark.parametrize("table", [CUSTOMERS, PRODUCTS], ids=lambda table: table.name)
def test_no_share_of_versions_may_repeat_overlap_or_end_early(table):
    strict = {rule.id: rule.tolerance.error_above for rule in table.rules if "version" in rule.id or "+" in rule.id}
    key = "customer" if table is CUSTOMERS else "product"
    strict.pop("first_version_begins_by_the_created_date", None)
    assert strict == dict.fromkeys(
        (f"{key}_key+effective_at.unique", "versions_do_not_overlap", "version_ends_after_it_begins"), 0.0
    )

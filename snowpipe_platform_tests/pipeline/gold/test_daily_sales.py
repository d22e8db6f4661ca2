"""Days of sales add up to the lines they were made from."""

from datetime import date
from decimal import Decimal

import pytest

from snowpipe_platform.pipeline.gold.daily_sales import LINES, ORDERS, TABLE
from snowpipe_platform_tests.breaking import breaking

RULE = "days_add_up_to_their_lines"
FIRST, SECOND, THIRD = date(2024, 3, 1), date(2024, 3, 2), date(2024, 3, 3)


def sales(day, amount, category="Toys"):
    return {"sales_date": day, "category": category, "gross_amount": Decimal(amount)}


def lines(*amounts):
    """Of orders a and b on the first day, c on the second, and one nobody knows."""
    placed = {"a": FIRST, "b": FIRST, "c": SECOND}
    return {
        LINES: [{"order_id": key, "line_amount": Decimal(amount)} for key, amount in amounts],
        ORDERS: [{"order_id": key, "sales_date": day} for key, day in placed.items()],
    }


MADE_FROM = lines(("a", "1.10"), ("b", "2.20"), ("b", "0.70"), ("c", "5.00"), ("lost", "9.00"))


@pytest.mark.case("A55")
@pytest.mark.parametrize(
    ("days", "expected"),
    [
        pytest.param([sales(FIRST, "3.00"), sales(FIRST, "1.00", "Books"), sales(SECOND, "5.00")], [], id="whole"),
        pytest.param([sales(FIRST, "3.00"), sales(FIRST, "1.01", "Books"), sales(SECOND, "5.00")], [0, 1], id="more"),
        pytest.param([sales(FIRST, "4.00"), sales(SECOND, "0.00")], [1], id="less"),
        pytest.param([sales(FIRST, "4.00"), sales(SECOND, "5.00"), sales(THIRD, "0.01")], [2], id="of no line"),
        pytest.param([sales(FIRST, "4.00"), sales(FIRST, "0.00", "Books")], [0, 1], id="a day missing"),
    ],
)  # fmt: skip
def test_a_day_that_differs_from_its_lines_breaks_the_rule(days, expected):
    assert breaking(TABLE, RULE, days, MADE_FROM) == expected


def test_sales_that_differ_are_not_published():
    (rule,) = [rule for rule in TABLE.rules if rule.id == RULE]
    assert (rule.severity, rule.tolerance.error_above) == ("error", 0.0)

"""When a table is requested without anybody asking."""

from typing import Any

import dagster as dg

Condition = dg.AutomationCondition[dg.AssetKey]


def _behind_green_checks(condition: Condition, *, levels: int) -> Condition:
    """Not while a blocking check is red of an input, or of an input's input `levels` up, whichever partition it is red
    for. Over many partitions `all_deps_blocking_checks_passed` is satisfied by any one that passed."""
    is_red: dg.AutomationCondition[Any] = dg.AutomationCondition.any_checks_match(
        dg.AutomationCondition.check_failed(), blocking_only=True
    )
    is_behind_red: dg.AutomationCondition[Any] = dg.AutomationCondition.any_deps_match(is_red)
    for _ in range(levels - 1):
        is_behind_red = dg.AutomationCondition.any_deps_match(is_red | is_behind_red)
    return condition & ~is_behind_red


def daily_condition() -> Condition:
    """For tables by load day: whenever their day of an input is updated, an old day's too."""
    eager = dg.AutomationCondition.eager().without(dg.AutomationCondition.in_latest_time_window())
    return _behind_green_checks(eager, levels=1)


def whole_table_condition(*, levels: int) -> Condition:
    """For tables without partitions: whenever an input is updated, though not every day of it exists.

    levels: how far up bronze is."""
    eager = dg.AutomationCondition.eager().without(dg.AutomationCondition.in_latest_time_window())
    return _behind_green_checks(eager.without(~dg.AutomationCondition.any_deps_missing()), levels=levels)

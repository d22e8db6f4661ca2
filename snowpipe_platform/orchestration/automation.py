"""When a table is requested without anybody asking."""

import dagster as dg

Condition = dg.AutomationCondition[dg.AssetKey]


def _behind_green_checks(condition: Condition) -> Condition:
    """Not while a blocking check of any input is red, whichever partition it is red for. Over many partitions
    `all_deps_blocking_checks_passed` is satisfied by any one that passed."""
    is_red = dg.AutomationCondition.any_checks_match(dg.AutomationCondition.check_failed(), blocking_only=True)
    return condition & ~dg.AutomationCondition.any_deps_match(is_red)


def daily_condition() -> Condition:
    """For tables by load day: whenever their day of an input is updated, an old day's too."""
    return _behind_green_checks(dg.AutomationCondition.eager().without(dg.AutomationCondition.in_latest_time_window()))


def whole_table_condition() -> Condition:
    """For tables without partitions: whenever an input is updated, though not every day of it exists."""
    eager = dg.AutomationCondition.eager().without(dg.AutomationCondition.in_latest_time_window())
    return _behind_green_checks(eager.without(~dg.AutomationCondition.any_deps_missing()))

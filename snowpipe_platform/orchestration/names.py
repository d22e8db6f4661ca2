"""How the platform's names and Dagster's names map onto each other."""

import re
from collections.abc import Iterable

import dagster as dg

from snowpipe_platform.errors import PipelineError
from snowpipe_platform.spec.rule import Rule

PUBLISHED = "published"
WINDOW_COMPLETE = "window_complete"
UP_TO_DATE = "up_to_date"
ON_TIME = "on_time"
RECONCILED = "reconciled"
"""The platform's own checks. The first two block what is downstream."""
OWN_CHECKS = frozenset({PUBLISHED, WINDOW_COMPLETE, UP_TO_DATE, ON_TIME, RECONCILED})
MAINTAIN_JOB = "maintain"
RECONCILE_JOB = "reconcile"
MODELS = "models"
"""The group of what is made of models; `models/<name>` is the version made last, what begins so is about the model."""

DATA_VERSION_TAG = "dagster/data_version"
EXTRACTED_AT = "extracted_at"
SOURCE_CLOCK = "source_clock"
"""What the source's clock showed when a load day was read, and when a table with a deadline was made; ISO 8601, UTC."""
FILES_ADOPTED = "files_adopted"
"""On a materialization that read nothing of the source: how many dropped files it landed."""
KEYS_COMPARED = "keys_at_source"
"""On a materialization by a comparison of keys, which is no extraction of the day: how many the source has."""


def asset_key(name: str) -> dg.AssetKey:
    """`silver/dim_customers` as the key `["silver", "dim_customers"]`."""
    return dg.AssetKey(name.split("/"))


def table_name(key: dg.AssetKey) -> str:
    """The table, or `bronze/<entity>`, of an asset key."""
    return "/".join(key.path)


def bronze_name(entity: str) -> str:
    return f"bronze/{entity}"


def compare_job_name(entity: str) -> str:
    """The job that compares the entity's keys."""
    return f"compare_{entity}"


def model_name(model: str) -> str:
    """`models/churn`."""
    return f"{MODELS}/{model}"


def training_set_name(model: str) -> str:
    """`models/churn_training_set`."""
    return f"{MODELS}/{model}_training_set"


def approved_name(model: str) -> str:
    """`models/churn_approved`."""
    return f"{MODELS}/{model}_approved"


def endpoint_name(model: str) -> str:
    """`models/churn_endpoint`."""
    return f"{MODELS}/{model}_endpoint"


def gate_check_name(gate: str) -> str:
    """The Dagster check of a gate: `roc_auc at least 0.6` as `roc_auc_at_least_0_6`."""
    return re.sub(r"[^A-Za-z0-9_]", "_", gate)


def check_name(rule_id: str) -> str:
    """The Dagster check of a rule: `a.not_null` as `a__not_null`, `a+b.unique` as `a_and_b__unique`."""
    readable = rule_id.replace(".", "__").replace("+", "_and_")
    return re.sub(r"[^A-Za-z0-9_]", "_", readable)


def rules_by_check(table: str, rules: Iterable[Rule]) -> dict[str, Rule]:
    """The rule behind each check name of a table. Raises PipelineError when two rules would be one check."""
    found: dict[str, Rule] = {}
    for rule in rules:
        name = check_name(rule.id)
        is_own = name in OWN_CHECKS
        taken = "the platform's own check" if is_own else repr(found[name].id) if name in found else None
        if taken is not None:
            msg = f"{table}: rule {rule.id!r} and {taken} would both be the check {name!r}. Rename the rule."
            raise PipelineError(msg)
        found[name] = rule
    return found


def dagster_owners(owners: Iterable[str]) -> list[str]:
    """Owners as Dagster takes them: an e-mail address, or `team:` and a name."""
    return [owner if "@" in owner or owner.startswith("team:") else f"team:{owner}" for owner in owners]

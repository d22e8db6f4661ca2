"""Decide what a run of one table does: which rows it reads, what it replaces. Pure once its inputs are known."""

from snowpipe_platform.errors import PipelineError
from snowpipe_platform.execution.as_of_plan import as_of_plan
from snowpipe_platform.execution.changes_plan import changes_plan
from snowpipe_platform.execution.derived_plan import derived_plan
from snowpipe_platform.execution.feature_plan import feature_plan
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.inputs import TableInputs, read_inputs, require_record
from snowpipe_platform.execution.plan import Plan, TableRequest
from snowpipe_platform.execution.score_plan import score_plan
from snowpipe_platform.spec.as_of import AsOfTable
from snowpipe_platform.spec.consumption import CONSUMED_PROPERTY, Consumption
from snowpipe_platform.spec.feature import FeatureGroup
from snowpipe_platform.spec.scores import ScoreTable
from snowpipe_platform.spec.table import ChangesTable, DerivedTable


def plan_table(request: TableRequest, ground: Ground) -> Plan:
    """Read the state of the table and of what it reads, and decide."""
    return decide(request, read_inputs(request.pipeline, request.table, ground))


def decide(request: TableRequest, inputs: TableInputs) -> Plan:
    """The plan that follows from the inputs. With rows to judge, a table waits for the tables its rules look at.

    Raises PipelineError when the table's code does not fit its inputs, LakeError when nothing says what the table has
    consumed.
    """
    if inputs.base is not None and not request.rebuild:
        require_record(inputs.base)
    consumed = (
        Consumption() if inputs.base is None else Consumption.decode(inputs.base.properties.get(CONSUMED_PROPERTY))
    )
    plan = _plan(request, inputs, consumed)
    if plan.operation == "nothing" or not inputs.unmade:
        return plan
    return Plan(request, inputs.base, "nothing", f"waits for {', '.join(inputs.unmade)}", consumed)


def _plan(request: TableRequest, inputs: TableInputs, consumed: Consumption) -> Plan:
    if isinstance(request.table, ChangesTable):
        return changes_plan(request, request.table, inputs, consumed)
    if isinstance(request.table, DerivedTable):
        return derived_plan(request, request.table, inputs, consumed)
    if isinstance(request.table, AsOfTable):
        return as_of_plan(request, request.table, inputs, consumed)
    if isinstance(request.table, FeatureGroup):
        return feature_plan(request, request.table, inputs, consumed)
    if isinstance(request.table, ScoreTable):
        return score_plan(request, request.table, inputs, consumed)
    raise PipelineError(f"{request.table.defined_in}: {type(request.table).__name__} is no kind of table that runs.")

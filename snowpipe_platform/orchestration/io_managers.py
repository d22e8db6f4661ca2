"""What happens when an asset hands over a request or a plan, and when another asset asks for its rows."""

from collections.abc import Collection
from datetime import date

import dagster as dg
import ibis.expr.types as ir

from snowpipe_platform.execution.adoption import AdoptionRequest, adopt
from snowpipe_platform.execution.execute import execute
from snowpipe_platform.execution.extraction import ExtractionRequest, execute_extraction
from snowpipe_platform.execution.plan import Plan
from snowpipe_platform.execution.reconciliation import Reconciliation, mend, reconcile
from snowpipe_platform.orchestration.adopted import adoption_metadata, refuse_if_none_adopted
from snowpipe_platform.orchestration.failures import final_failures
from snowpipe_platform.orchestration.loading import load_bronze, load_table
from snowpipe_platform.orchestration.metadata import extraction_metadata, table_metadata
from snowpipe_platform.orchestration.names import table_name
from snowpipe_platform.orchestration.partitions import load_day
from snowpipe_platform.orchestration.reconciled import mended_metadata, mended_summary
from snowpipe_platform.orchestration.resources import GROUND, GroundResource

BRONZE_IO_MANAGER = "bronze_io_manager"
LAKE_IO_MANAGER = "lake_io_manager"


class BronzeIOManager(dg.IOManager):
    """An asset returns an ExtractionRequest, an AdoptionRequest or a Reconciliation to mend, which is carried out. An
    input is an Ibis table of landed rows."""

    def __init__(self, ground: GroundResource) -> None:
        self._ground = ground

    def handle_output(
        self, context: dg.OutputContext, obj: ExtractionRequest | AdoptionRequest | Reconciliation
    ) -> None:
        """Files, then manifest, then watermark; nothing new at the source is a success that says so.

        Dropped files of which none can be adopted fail the run; where some can, the others are told in the log.
        """
        with final_failures():
            ground = self._ground.ground()
            if isinstance(obj, AdoptionRequest):
                adopted = adopt(obj, ground)
                for file in refuse_if_none_adopted(adopted):
                    context.log.error("%s", file.error)
                summary, metadata = adopted.summary, adoption_metadata(adopted, ground)
            elif isinstance(obj, Reconciliation):
                results = mend(reconcile(obj, ground), obj, ground)
                summary, metadata = mended_summary(results), mended_metadata(obj, results, ground)
            else:
                result = execute_extraction(obj, ground, notice=context.log.warning)
                summary, metadata = result.summary, extraction_metadata(result, ground)
            context.log.info("%s: %s", table_name(context.asset_key), summary)
            context.add_output_metadata(metadata)

    def load_input(self, context: dg.InputContext) -> ir.Table:
        """Landed rows of the input's load days, with their origin."""
        with final_failures():
            entity = table_name(context.asset_key).partition("/")[2]
            return load_bronze(entity, self._ground.ground(), days=_days(context))


class LakeIOManager(dg.IOManager):
    """An asset returns a Plan; it is carried out. An input is an Ibis table over the current commit's files."""

    def __init__(self, ground: GroundResource) -> None:
        self._ground = ground

    def handle_output(self, context: dg.OutputContext, obj: Plan) -> None:
        """One commit, to the table or, with too many bad rows, beside it; the check `published` tells which."""
        with final_failures():
            ground = self._ground.ground()
            result = execute(obj, ground)
            metadata = table_metadata(result, ground)
            context.log.info("%s: %s", table_name(context.asset_key), metadata["summary"].value)
            context.add_output_metadata(metadata)

    def load_input(self, context: dg.InputContext) -> ir.Table:
        """All rows of the table; of a changes table the accepted ones of the input's load days."""
        with final_failures():
            return load_table(table_name(context.asset_key), self._ground.ground(), days=_days(context))


@dg.io_manager(required_resource_keys={GROUND})
def bronze_io_manager(context: dg.InitResourceContext) -> BronzeIOManager:
    """Over the run's own ground. A function, because a ConfigurableIOManager around a configured resource makes
    Dagster 1.13 warn about its own deprecated code in every run."""
    return BronzeIOManager(context.resources.ground)


@dg.io_manager(required_resource_keys={GROUND})
def lake_io_manager(context: dg.InitResourceContext) -> LakeIOManager:
    """Over the run's own ground."""
    return LakeIOManager(context.resources.ground)


def _days(context: dg.InputContext) -> Collection[date] | None:
    return {load_day(key) for key in context.asset_partition_keys} if context.has_asset_partitions else None

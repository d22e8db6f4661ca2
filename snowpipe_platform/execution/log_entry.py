"""Make what was landed an entry of the log: its manifest, and the commit that shows it."""

from collections.abc import Callable, Sequence
from typing import Any

import ibis

from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.landing_plan import LandingPlan
from snowpipe_platform.execution.row_files import Tally
from snowpipe_platform.ports import BronzeAttempt
from snowpipe_platform.records import Lease
from snowpipe_platform.spec.manifest import BronzeFile, ColumnSpec, Manifest


def landed_entry(plan: LandingPlan, files: Sequence[BronzeFile], tally: Tally, **facts: Any) -> Manifest:  # noqa: ANN401 - the fields of a manifest
    """The manifest of what the plan landed, not committed. facts: what its kind of entry has besides."""
    types = ibis.Schema.from_pyarrow(plan.schema)
    return Manifest(
        entity=plan.query.entity,
        number=plan.number,
        extraction_id=plan.extraction_id,
        query=plan.query.name,
        query_fingerprint=plan.query.fingerprint(),
        mode=plan.query.mode,
        source_system=plan.source_system,
        load_day=plan.load_day,
        extracted_at=plan.extracted_at,
        run_id=plan.identity.run_id,
        file_format=plan.query.output_format,
        columns=tuple(ColumnSpec(name=name, type=str(dtype)) for name, dtype in types.items()),
        files=tuple(files),
        watermark_column=plan.watermark,
        rows_read=tally.read,
        rows_landed=tally.landed + tally.deleted,
        rows_known=tally.known,
        rows_dropped=tally.dropped,
        rows_deleted=tally.deleted,
        null_rows_landed=tally.nulls,
        rule_failures=tally.rule_failures,
        schema_changes=plan.schema_changes,
        schema_diff=plan.schema_diff,
        **facts,
    )


def land_and_commit(
    plan: LandingPlan, ground: Ground, lease: Lease, land: Callable[[BronzeAttempt], Manifest | None]
) -> Manifest | None:
    """The committed manifest, None when `land` has nothing to say. What is not committed leaves no file behind."""
    attempt = ground.bronze.begin(
        plan.query.entity,
        folder=plan.folder,
        extraction_id=plan.extraction_id,
        file_format=plan.query.output_format,
    )
    try:
        manifest = land(attempt)
        if manifest is None:
            attempt.discard()
            return None
        ground.state.verify(lease)
    except BaseException:
        attempt.discard()
        raise
    try:
        ground.bronze.commit(manifest)
    except Exception:
        # The answer of a commit may be lost, its effect not: the log decides, and files are removed by the next run.
        if not _is_committed(ground, plan):
            attempt.discard()
            raise
    return manifest


def _is_committed(ground: Ground, plan: LandingPlan) -> bool:
    """Whether the manifest is in the log after all."""
    return any(manifest.extraction_id == plan.extraction_id for manifest in ground.bronze.log(plan.query.entity))

"""Where Dagster starts: `dagster dev` in a folder with `workspace.yaml` finds this module there."""

import dagster as dg

from snowpipe_platform.orchestration.build import build_definitions
from snowpipe_platform.orchestration.pace import Pace
from snowpipe_platform.orchestration.resources import GroundResource
from snowpipe_platform.settings import allow_local_packages, read_settings
from snowpipe_platform.spec.pipeline import load_pipeline


@dg.definitions
def definitions() -> dg.Definitions:
    """The pipeline that the settings name, by default the shop's. Built when asked for; opens no connection."""
    settings = read_settings()
    allow_local_packages()
    pace = Pace(settings.sensor_seconds)
    return build_definitions(load_pipeline(settings.pipeline), GroundResource.of(settings), pace)

"""ModelShop behind Dagster's definitions and an instance.

shop = DagsterModels(tmp_path, monkeypatch, instance)
shop.keep_training_set()
assert shop.materialize("models/churn").success
"""

import dagster as dg

from snowpipe_platform.orchestration.build import build_definitions
from snowpipe_platform.orchestration.resources import GroundResource
from snowpipe_platform.settings import read_settings
from snowpipe_platform.spec.pipeline import load_pipeline
from snowpipe_platform_tests.model_shop import ModelShop

TRAINED, APPROVED, ENDPOINT = (dg.AssetKey(["models", f"churn{end}"]) for end in ("", "_approved", "_endpoint"))


class DagsterModels(ModelShop):
    def __init__(self, folder, monkeypatch, instance):
        super().__init__(folder, monkeypatch)
        self.instance = instance

    @property
    def ground(self):
        return GroundResource.of(read_settings())

    @property
    def definitions(self):
        """Read anew, as a restarted code server does."""
        settings = read_settings()
        return build_definitions(load_pipeline(settings.pipeline), GroundResource.of(settings))

    def materialize(self, key, tags=None):
        job = self.definitions.resolve_implicit_global_asset_job_def()
        return job.execute_in_process(asset_selection=[key], instance=self.instance, raise_on_error=False, tags=tags)

    def tick(self):
        context = dg.build_sensor_context(
            instance=self.instance, definitions=self.definitions, resources={"ground": self.ground}
        )
        return self.definitions.resolve_sensor_def("approvals").evaluate_tick(context)

    def observe(self):
        """One tick, whose observations the instance keeps as the daemon would; the tick."""
        tick = self.tick()
        for event in tick.asset_events:
            self.instance.report_runless_asset_event(event)
        return tick

    def approve(self, number, reason="good"):
        return self.type("models", "approve", "churn", str(number), "--reason", reason, "--override", "in a test")


def told(event):
    """Metadata as plain values."""
    return {name: value.value for name, value in event.metadata.items()}

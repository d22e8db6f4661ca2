"""The Dagster resource behind which the platform's adapters stand."""

from typing import Any

import dagster as dg
from pydantic import Field, PrivateAttr

from snowpipe_platform.assembly import build_endpoint, build_ground
from snowpipe_platform.backends.local_endpoint import LocalEndpoint
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.model_versions import artefact_of
from snowpipe_platform.settings import Settings

GROUND = "ground"
"""The resource's name, which is also that of the parameter that takes it."""


class GroundResource(dg.ConfigurableResource):  # type: ignore[type-arg] # the resource is its own value
    """The adapters of one process. Nothing is opened before a run asks for `ground()`."""

    settings: dict[str, Any] = Field(description="the platform's settings by name; those left out keep their default")
    _ground: Ground | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, settings: Settings) -> "GroundResource":
        """Of the settings as they are, with paths made absolute: a run need not start where this process did."""
        paths = {"home": settings.home.resolve(), "warehouse": settings.warehouse_path.resolve()}
        return cls(settings=settings.model_copy(update=paths).model_dump(mode="json", exclude_none=True))

    def ground(self) -> Ground:
        """The adapters, made once."""
        if self._ground is None:
            self._ground = build_ground(Settings(**self.settings))
        return self._ground

    def endpoint(self) -> LocalEndpoint:
        """What serves them."""
        return build_endpoint(Settings(**self.settings), artefact_of=artefact_of(self.ground().models.registry))

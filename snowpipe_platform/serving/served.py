"""The model that answers now, and the thread that puts the next one in its place.

A request takes `current` once and keeps it to its end, so a swap falls between two requests: the next model is loaded
and asked beside the one that serves, and then one reference is set. Where it cannot be loaded nothing is set.
"""

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from snowpipe_platform.errors import SnowpipeError
from snowpipe_platform.records import Deployment
from snowpipe_platform.serving.artefact import require_as_deployed
from snowpipe_platform.serving.deployed import Refusal, Standing, deployed, read_deployments, write_standing
from snowpipe_platform.serving.loaded import LoadedModel, load_model

POLL_SECONDS = 0.25
"""Between two looks at what is deployed: one small file is read."""
NOTHING_DEPLOYED = "nothing is deployed yet; deploy a version: snowpipe models deploy MODEL VERSION"


class Served(Protocol):
    """What the server asks for a prediction."""

    def current(self) -> LoadedModel | None:
        """The model that answers, None before the first."""

    def trouble(self) -> str | None:
        """Why what should be served is not; None when it is."""

    def refused(self) -> Refusal | None:
        """The last version that could not be loaded, until another is."""


class FixedModel:
    """One model for the life of the server, as in a container."""

    def __init__(self, model: LoadedModel) -> None:
        self._model = model

    def current(self) -> LoadedModel:
        return self._model

    def trouble(self) -> None:
        """What could not be loaded has ended the server."""

    def refused(self) -> None:
        """As above."""


class DeployedModel:
    """The model of the last deployment in the endpoint's folder; follows it until closed."""

    def __init__(self, folder: Path, *, url: str, load: Callable[..., LoadedModel] = load_model) -> None:
        self._folder, self._load = folder, load
        self._model: LoadedModel | None = None
        self._standing = Standing(pid=os.getpid(), url=url)
        self._trouble: str | None = NOTHING_DEPLOYED
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="deployed-model", daemon=True)

    def start(self) -> None:
        """Load what is deployed, say how it stands, and follow from then on."""
        self.look()
        write_standing(self._folder, self._standing)
        self._thread.start()

    def close(self) -> None:
        """Follow no more; the model goes on answering. Safe to call twice."""
        self._ends.set()
        if self._thread.is_alive():
            self._thread.join()

    def current(self) -> LoadedModel | None:
        return self._model

    def trouble(self) -> str | None:
        return self._trouble

    def refused(self) -> Refusal | None:
        return self._standing.refused

    def look(self) -> None:
        """Once: serve what is deployed, unless it is served or was refused, and know why it is not."""
        try:
            wanted = deployed(read_deployments(self._folder))
        except (SnowpipeError, OSError) as error:
            self._trouble = str(error)
            return
        if wanted is None:
            self._trouble = NOTHING_DEPLOYED
            return
        if not self._standing.has_settled(wanted.number):
            self._settle(wanted)
            write_standing(self._folder, self._standing)
        refused, what = self._standing.refused, f"{wanted.model} version {wanted.version} is deployed"
        is_refused = refused is not None and refused.number == wanted.number
        self._trouble = f"{what} and cannot be served: {refused.reason}" if refused and is_refused else None

    def _settle(self, wanted: Deployment) -> None:
        try:
            require_as_deployed(wanted)
            self._model = self._load(Path(wanted.artefact), version=wanted.version)
        except SnowpipeError as error:
            refused = Refusal(number=wanted.number, version=wanted.version, reason=str(error))
            self._standing = replace(self._standing, refused=refused)
        else:
            self._standing = replace(self._standing, number=wanted.number, version=wanted.version, refused=None)

    def _follow(self) -> None:
        while not self._ends.wait(POLL_SECONDS):
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - what serves goes on serving, and the next look may work
                self._trouble = f"cannot follow what is deployed: {error}"
                sys.stderr.write(f"{self._trouble}\n")

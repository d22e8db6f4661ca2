"""The endpoint of one machine: a server that follows a file."""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from snowpipe_platform.backends.folders import make_folder
from snowpipe_platform.errors import ServingError
from snowpipe_platform.records import Deployment
from snowpipe_platform.serving.artefact import folder_hash, require_as_deployed
from snowpipe_platform.serving.deployed import (
    Standing,
    deployed,
    is_served,
    read_deployments,
    read_standing,
    write_deployments,
)

CHECK_SECONDS = 120.0
"""A model that takes longer to load on its own is refused."""
SETTLE_SECONDS = 60.0
"""How long a running server is waited for."""
_POLL_SECONDS = 0.05


class LocalEndpoint:
    """The `Endpoint` of a laptop, in a folder that `snowpipe serve` follows.

    A version is first loaded and asked by the model's own serving script in a process of its own; what fails there is
    never deployed. Then it is written down as deployed, and a running server is waited for: where that one refuses it,
    that is written down, and what was deployed before is deployed again. Deployments take turns.

    artefact_of: the folder of a model's version; raises for one that may not serve. pipeline: the package whose
    `models.<model>.serve` is that script.
    """

    def __init__(self, folder: Path, *, artefact_of: Callable[[str, int], Path], pipeline: str) -> None:
        self._folder, self._artefact_of, self._pipeline = folder, artefact_of, pipeline

    def deploy(self, model: str, version: int) -> Deployment:
        with self.turn():
            current, before = self.current(), None
            if current is not None:
                is_same = (current.model, current.version) == (model, version)
                if is_same and current.artefact_hash is not None and self._is_served(current):
                    return current
                before = current.before if is_same else current.number
            artefact = self._artefact_of(model, version).resolve()
            return self._put(
                Deployment(
                    number=len(self.history()) + 1,
                    action="deploy",
                    model=model,
                    version=version,
                    artefact=str(artefact),
                    artefact_hash=folder_hash(artefact),
                    deployed_at=_now(),
                    before=before,
                )
            )

    def rollback(self) -> Deployment:
        with self.turn():
            current = self.current()
            if current is None or current.before is None:
                served = "nothing is deployed" if current is None else f"version {current.version} was the first"
                raise ServingError(f"there is nothing to roll back to: {served}. Deploy another version.")
            back = next(one for one in self.history() if one.number == current.before)
            number = len(self.history()) + 1
            return self._put(replace(back, number=number, action="rollback", deployed_at=_now()))

    def current(self) -> Deployment | None:
        return deployed(self.history())

    def history(self) -> list[Deployment]:
        return read_deployments(self._folder)

    def server(self) -> Standing | None:
        """What the server that runs serves, None when none does."""
        return read_standing(self._folder)

    def _put(self, wanted: Deployment) -> Deployment:
        """Checked, written down, and served where a server runs."""
        self._check(wanted)
        self._artefact_of(wanted.model, wanted.version)  # loading took a while: it may still serve
        deployments = self.history()
        write_deployments(self._folder, [*deployments, wanted])
        reason = self._unsettled(wanted)
        if reason is None:
            return wanted
        refused = replace(wanted, refused=reason)
        write_deployments(self._folder, [*deployments, refused])
        last = deployed(deployments)
        still = "nothing is deployed" if last is None else f"{last.model} version {last.version} stays deployed"
        raise ServingError(f"{wanted.model} version {wanted.version} was not deployed; {still}. {reason}")

    def _is_served(self, deployment: Deployment) -> bool:
        """By the server that runs; where none does, nothing says otherwise."""
        standing = self.server()
        return standing is None or standing.number == deployment.number

    def _check(self, wanted: Deployment) -> None:
        try:
            require_as_deployed(wanted)
        except ServingError as error:
            raise ServingError(f"{wanted.model} version {wanted.version} was not deployed: {error}") from error
        script = f"{self._pipeline}.models.{wanted.model}.serve"
        places = {"SM_MODEL_DIR": wanted.artefact, "MODEL_VERSION": str(wanted.version)}
        environment = os.environ | places | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        try:
            done = subprocess.run(  # noqa: S603 - the platform's own script
                [sys.executable, "-m", script, "--check"],
                env=environment,
                capture_output=True,
                text=True,
                timeout=CHECK_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            reason = f"it was not loaded within {CHECK_SECONDS:.0f} s"
            raise ServingError(f"{wanted.model} version {wanted.version} was not deployed: {reason}.") from error
        if done.returncode:
            reason = next(reversed(done.stderr.strip().splitlines()), f"{script} ended with {done.returncode}")
            raise ServingError(f"{wanted.model} version {wanted.version} was not deployed: {reason}")

    def _unsettled(self, wanted: Deployment) -> str | None:
        """Why the server that runs does not serve it; None when it does, or none runs."""
        until = time.monotonic() + SETTLE_SECONDS
        while is_served(self._folder):
            standing = self.server()
            if standing is not None and standing.has_settled(wanted.number):
                refused = standing.refused
                return refused.reason if refused is not None and refused.number == wanted.number else None
            if time.monotonic() > until:
                return f"The server did not take it within {SETTLE_SECONDS:.0f} s. Look at its output."
            time.sleep(_POLL_SECONDS)
        return None

    @contextmanager
    def turn(self) -> Iterator[None]:
        make_folder(self._folder)
        with (self._folder / "deploy.lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)

"""The server as a process: a socket, uvicorn, and what runs beside it."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.serving.answering import Answering, OnlineFeatures
from snowpipe_platform.serving.app import build_app
from snowpipe_platform.serving.deployed import only_server
from snowpipe_platform.serving.loaded import LoadedModel
from snowpipe_platform.serving.request_log import RequestLog
from snowpipe_platform.serving.served import DeployedModel, FixedModel

LOG_FOLDER = "requests"
MAX_CONNECTIONS = 512
"""More at once are answered 503 rather than made to wait."""
GRACE_SECONDS = 10
"""How long a server that is ended goes on answering what it has begun."""


def listen(host: str, port: int) -> socket.socket:
    """The socket requests come to. port 0: any free one. Raises ConfigurationError when it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise ConfigurationError(
            f"cannot listen on {host}:{port} ({reason}). Give another --host or --port."
        ) from error


def url_of(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve_model(model: LoadedModel, listening: socket.socket) -> None:
    """One model until the process is told to end, as in a container."""
    _run(build_app(FixedModel(model), Answering(features=None, log=None)), listening)


def serve_deployed(
    folder: Path, listening: socket.socket, *, features: OnlineFeatures | None, ready: Callable[[DeployedModel], None]
) -> None:
    """What is deployed in the endpoint's folder, and what is deployed next, until the process is told to end.

    ready: called when what was deployed at the start is loaded, or has been refused. Raises ServingError when another
    server serves the folder.
    """
    log = RequestLog(folder / LOG_FOLDER)
    served = DeployedModel(folder, url=url_of(listening))

    def end() -> None:
        served.close()
        log.close()

    with only_server(folder):
        log.start()
        try:
            served.start()
            ready(served)
            _run(build_app(served, Answering(features=features, log=log), log=log, end=end), listening)
        finally:
            end()


def _run(app: object, listening: socket.socket) -> None:
    config = uvicorn.Config(
        app,  # type: ignore[arg-type] # any ASGI application
        log_level="warning",
        access_log=False,
        server_header=False,
        ws="none",
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    with listening:
        uvicorn.Server(config).run(sockets=[listening])

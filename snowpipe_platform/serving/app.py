"""The two addresses of the SageMaker container contract: GET /ping and POST /invocations."""

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from anyio import CapacityLimiter, fail_after, to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from snowpipe_platform.serving.answering import Answering
from snowpipe_platform.serving.request_log import RequestLog
from snowpipe_platform.serving.requests import (
    BAD_REQUEST,
    LINES,
    TOO_LARGE,
    TOO_SLOW,
    UNAVAILABLE,
    UNSUPPORTED,
    RequestRefusedError,
)
from snowpipe_platform.serving.served import Served
from snowpipe_platform.spec.signed_row import Problem

MAX_BODY_BYTES = 1_000_000
BODY_SECONDS = 30.0
THREADS = 32
"""Of requests at work: as many share a question to the model when it is busy."""
SHOWN_PROBLEMS = 20
MODEL_VERSION, REQUEST_ID = "x-model-version", "x-request-id"


def build_app(
    served: Served, answering: Answering, *, log: RequestLog | None = None, end: Callable[[], None] | None = None
) -> Starlette:
    """Every answer is JSON, also of an error. end: called after the last answer, also when the process is ended by a
    signal, which uvicorn raises again before it returns."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        if end is not None:
            end()

    limiter = CapacityLimiter(THREADS)

    async def ping(_request: Request) -> Response:
        return JSONResponse(*_health(served, log))

    async def invocations(request: Request) -> Response:
        request_id = os.urandom(8).hex()
        body = await _body(request)
        model = served.current()
        if model is None:
            raise RequestRefusedError(UNAVAILABLE, f"No model is served: {served.trouble()}")
        content_type = request.headers.get("content-type", "")
        answer = await to_thread.run_sync(
            lambda: answering.answer(body, content_type, model, request_id=request_id), limiter=limiter
        )
        headers = {REQUEST_ID: request_id}
        if model.version is not None:
            headers[MODEL_VERSION] = str(model.version)
        return Response(answer, media_type=LINES[0], headers=headers)

    routes = [Route("/ping", ping, methods=["GET"]), Route("/invocations", invocations, methods=["POST"])]
    handlers: dict[Any, Any] = {RequestRefusedError: _refused, HTTPException: _no_such, Exception: _failed}
    return Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)


def _health(served: Served, log: RequestLog | None) -> tuple[dict[str, object], int]:
    """200 while a model answers, also when a newer one is deployed that cannot be served."""
    model, trouble, refused = served.current(), served.trouble(), served.refused()
    told: dict[str, object] = {
        "status": "ok" if trouble is None else "no model" if model is None else "not what is deployed",
        "model": None if model is None else model.signature.model,
        "version": None if model is None else model.version,
        "trouble": trouble,
    }
    if refused is not None:
        told["refused"] = {"version": refused.version, "reason": refused.reason}
    if log is not None:
        told["log"] = log.standing()
    return told, 200 if model is not None else UNAVAILABLE


async def _body(request: Request) -> bytes:
    """Read no further than the limit, whatever the request says of its length, and waited for no longer."""
    encoding = request.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise RequestRefusedError(UNSUPPORTED, f"The content encoding is {encoding[:80]!r}. Send it as it is.")
    parts, size = [], 0
    try:
        with fail_after(BODY_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > MAX_BODY_BYTES:
                    msg = f"The body is larger than {MAX_BODY_BYTES:,} bytes. Send it in parts."
                    raise RequestRefusedError(TOO_LARGE, msg)
                parts.append(part)
    except ClientDisconnect as error:
        raise RequestRefusedError(BAD_REQUEST, "The connection ended before the body did.") from error
    except TimeoutError as error:
        raise RequestRefusedError(TOO_SLOW, f"The body was not sent within {BODY_SECONDS:.0f} s. Send it.") from error
    return b"".join(parts)


async def _refused(_request: Request, error: RequestRefusedError) -> Response:
    told: dict[str, object] = {"error": str(error)}
    if error.problems:
        told["problems"] = _told(error.problems)
    # What was not read of the body is not worth reading: the connection ends.
    headers = {"connection": "close"} if error.status in (TOO_LARGE, TOO_SLOW) else None
    return JSONResponse(told, error.status, headers)


def _told(problems: Sequence[Problem]) -> list[dict[str, object]]:
    told: list[dict[str, object]] = [
        {"row": one.row, "field": one.field, "problem": one.problem, "mend": one.mend}
        for one in problems[:SHOWN_PROBLEMS]
    ]
    return told + ([{"more": len(problems) - SHOWN_PROBLEMS}] if len(problems) > SHOWN_PROBLEMS else [])


async def _no_such(request: Request, error: HTTPException) -> Response:
    """Another address, or another method."""
    told = f"There is no {request.method} {request.url.path[:80]}. There are GET /ping and POST /invocations."
    return JSONResponse({"error": told}, error.status_code, error.headers)


async def _failed(request: Request, error: Exception) -> Response:
    """What nobody foresaw: the caller learns that, and the server's own output, to which uvicorn writes it, where."""
    told = f"The prediction failed ({type(error).__name__}). The server's output says where."
    return JSONResponse({"error": told, "path": request.url.path}, 500)

"""A request's bytes to an answer's: rows, features of customers, predictions, contributions, the log."""

import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from snowpipe_platform.errors import SnowpipeError
from snowpipe_platform.serving.loaded import LoadedModel, log_odds_of
from snowpipe_platform.serving.request_log import RequestLog
from snowpipe_platform.serving.requests import (
    BAD_REQUEST,
    CUSTOMER_ID,
    NOT_FOUND,
    UNAVAILABLE,
    AskedRow,
    RequestRefusedError,
    asked_rows,
    refuse,
)
from snowpipe_platform.spec.consumption import UpstreamCommit
from snowpipe_platform.spec.signature import Signature
from snowpipe_platform.spec.signed_row import Problem, SignedRow, from_text, signed_row


class OnlineRow(Protocol):
    """The latest features of a customer. event_time: as of when they are; values: by feature."""

    @property
    def event_time(self) -> datetime: ...

    @property
    def values(self) -> Mapping[str, object]: ...


class OnlineStore(Protocol):
    """What is asked of the platform's store of features. Any thread may ask."""

    def get(self, group: str, keys: Collection[Any]) -> Mapping[Any, OnlineRow]:
        """The latest row of each key that has one. Raises SnowpipeError."""

    def reached(self, group: str) -> UpstreamCommit | None:
        """Up to where it holds the group; None before the first time. Raises SnowpipeError."""


@dataclass(frozen=True)
class OnlineFeatures:
    """Where the features of customers are read. groups: by model, the group of the store whose keys are customer
    keys; a model without one is asked with features only."""

    store: OnlineStore
    groups: Mapping[str, str]


@dataclass(frozen=True)
class _Row:
    """A row with the features the model is asked with."""

    asked: AskedRow
    signed: SignedRow
    event_time: datetime | None


class Answering:
    """What `/invocations` does, without HTTP. features: None where there is no online store."""

    def __init__(self, *, features: OnlineFeatures | None, log: RequestLog | None) -> None:
        self._features, self._log = features, log

    def answer(self, body: bytes, content_type: str, model: LoadedModel, *, request_id: str) -> bytes:
        """JSON lines, one for each row of the request, in its order. Raises RequestRefusedError."""
        began = time.perf_counter()
        rows = self._rows(asked_rows(body, content_type), model.signature)
        matrix = model.matrix([row.signed.values for row in rows])
        probabilities = model.together.probabilities(matrix)
        log_odds = log_odds_of(probabilities)
        lines = [_line(*one, model) for one in zip(rows, matrix, probabilities, log_odds, strict=True)]
        answer = "".join(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n" for line in lines).encode()
        if self._log is not None:
            about = {
                "at": datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds"),
                "request": request_id,
                "latency_ms": round((time.perf_counter() - began) * 1000, 3),
                "model": model.signature.model,
                "version": model.version,
            }
            self._log.put(_record(about, row, line, model) for row, line in zip(rows, lines, strict=True))
        return answer

    def _rows(self, asked: Sequence[AskedRow], signature: Signature) -> list[_Row]:
        online = self._looked_up([row for row in asked if not row.fields], signature.model)
        rows: list[_Row] = []
        problems: list[Problem] = []
        for row in asked:
            found = None if row.fields or row.customer_key is None else online[row.customer_key]
            fields = _fields(row, signature) if found is None else _known(found, signature)
            signed = signed_row(fields, signature, number=row.number)
            if isinstance(signed, SignedRow):
                rows.append(_Row(row, signed, None if found is None else found.event_time))
            elif found is None:
                problems += signed
            else:
                _refuse_skew(signed, signature)
        refuse(problems)
        return rows

    def _looked_up(self, asked: Sequence[AskedRow], model: str) -> Mapping[int, OnlineRow]:
        keys = {row.customer_key for row in asked if row.customer_key is not None}
        if not keys:
            return {}
        group = None if self._features is None else self._features.groups.get(model)
        if self._features is None or group is None:
            msg = "This endpoint has no online store to read a customer's features from. Give the features."
            raise RequestRefusedError(BAD_REQUEST, msg)
        try:
            found = self._features.store.get(group, keys)
            is_filled = len(found) == len(keys) or self._features.store.reached(group) is not None
        except SnowpipeError as error:
            raise RequestRefusedError(UNAVAILABLE, f"The online store cannot be read: {error}") from error
        if not is_filled:
            msg = f"The online store holds no {group} yet. Bring it up: snowpipe run {group}"
            raise RequestRefusedError(UNAVAILABLE, msg)
        mend = f"Look whether the {CUSTOMER_ID} is right, or give the features."
        missing = [row.number for row in asked if row.customer_key not in found]
        refuse([Problem(n, "", "the online store has no such customer", mend) for n in missing], NOT_FOUND)
        return found


def _fields(row: AskedRow, signature: Signature) -> Mapping[str, object]:
    return from_text(row.fields, signature) if row.is_text else row.fields


def _known(row: OnlineRow, signature: Signature) -> dict[str, object]:
    """A group may hold features that the model does not take."""
    return {name: value for name, value in row.values.items() if name in signature.names}


def _refuse_skew(problems: Sequence[Problem], signature: Signature) -> None:
    """The customer's row is the platform's, so that it does not fit the model is not the caller's to mend."""
    told = "; ".join(f"{one.field} {one.problem}" for one in problems)
    msg = f"The online store does not fit model {signature.model}: {told}. Deploy a version trained on its features."
    raise RequestRefusedError(UNAVAILABLE, msg)


def _line(
    row: _Row,
    values: Any,  # noqa: ANN401 - a row of a matrix
    probability: float,
    log_odds: float,
    model: LoadedModel,
) -> dict[str, Any]:
    told = model.contributions(values, float(log_odds))
    line: dict[str, Any] = {} if row.asked.customer_key is None else {"customer_key": row.asked.customer_key}
    if row.event_time is not None:
        line["features_as_of"] = row.event_time.isoformat()
    line |= {
        "probability": float(probability),
        "model": model.signature.model,
        "version": model.version,
        "log_odds": float(log_odds),
        "base_log_odds": model.base,
        "contributions": dict(zip(model.signature.names, map(float, told.by_feature), strict=True)),
        "method": told.method,
    }
    return line | ({"warnings": dict(row.signed.warnings)} if row.signed.warnings else {})


def _record(about: Mapping[str, Any], row: _Row, line: Mapping[str, Any], model: LoadedModel) -> dict[str, Any]:
    """What monitoring reads: nothing of the person beyond the key."""
    return {
        **about,
        "row": row.asked.number,
        "customer_key": row.asked.customer_key,
        "inputs": dict(zip(model.signature.names, row.signed.values, strict=True)),
        "probability": line["probability"],
        "warned": sorted(row.signed.warnings),
    }

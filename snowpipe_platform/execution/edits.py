"""What a person typed for a quarantined row, in the types of bronze. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

import ibis
import pyarrow as pa

from snowpipe_platform.errors import ConfigurationError, did_you_mean
from snowpipe_platform.spec.manifest import INSTANT, NANOSECONDS
from snowpipe_platform.spec.origins import Origin

Texts = Mapping[str, str | None]
"""Values as text by source column; null is None."""

NAMED_PROBLEMS = 5


def check_columns(names: Sequence[str], columns: ibis.Schema, *, where: str) -> None:
    """Raises ConfigurationError for a name that is no source column."""
    for name in names:
        if name not in columns:
            msg = f"{where}: {name!r} is no column of the source. {did_you_mean(name, list(columns))}"
            raise ConfigurationError(msg)


def changed_texts(typed: Texts, payload: Texts) -> dict[str, str | None]:
    """The columns whose text is not the payload's. Nothing and an empty text are the same."""
    return {name: text for name, text in typed.items() if (text or None) != (payload.get(name) or None)}


def edited_values(
    edits: Mapping[Origin, Texts], originals: Mapping[Origin, Mapping[str, Any]], columns: ibis.Schema
) -> dict[Origin, dict[str, Any]]:
    """The new values by row and column; `5.5` for 5.50 changes nothing and is left out.

    Raises ConfigurationError, naming the rows, for text that is no value of its column's type.
    """
    problems: list[str] = []
    found: dict[Origin, dict[str, Any]] = {}
    for origin, texts in edits.items():
        values = {}
        for name, text in texts.items():
            try:
                values[name] = _value(text, columns[name].to_pyarrow())
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                problems.append(f"row {origin}: {text!r} is no {columns[name]} for {name!r}")
        changed = {name: value for name, value in values.items() if value != originals[origin][name]}
        if changed:
            found[origin] = changed
    if problems:
        more = f" and {len(problems) - NAMED_PROBLEMS} more" if len(problems) > NAMED_PROBLEMS else ""
        raise ConfigurationError(f"{'; '.join(problems[:NAMED_PROBLEMS])}{more}. Nothing was recorded.")
    return found


def with_values(row: Mapping[str, Any], values: Mapping[str, Any], *, watermark: str | None) -> dict[str, Any]:
    """The bronze row with the values in it. When the change happened follows the watermark, where that is a time."""
    edited = {**row, **values}
    moment = values.get(watermark) if watermark is not None else None
    if isinstance(moment, date):
        instant = moment if isinstance(moment, datetime) else datetime.combine(moment, time())
        edited |= {INSTANT: instant, NANOSECONDS: 0}
    return edited


def _value(text: str | None, dtype: pa.DataType) -> Any:  # noqa: ANN401 - of any type
    """A binary value has no text a person could type."""
    if text is None or (not text and not pa.types.is_string(dtype)):
        return None
    if pa.types.is_string(dtype):
        return text
    if pa.types.is_binary(dtype):
        raise pa.ArrowNotImplementedError(text)
    return pa.scalar(text.strip()).cast(dtype).as_py()

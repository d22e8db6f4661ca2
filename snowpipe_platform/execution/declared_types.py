"""What a source says of a column besides the type its values happen to have in one batch.

Snowflake's connector gives a whole number the width that the batch's values need, and a timestamp nanoseconds or
microseconds as its values allow. What the table declares stands in the field's metadata: `logicalType`, and of a number
`precision` and `scale`.
"""

import pyarrow as pa

INSTANT_TYPE = pa.timestamp("us")
INT64_DIGITS = 18
"""Every whole number of so many digits is an int64."""
_LOGICAL_TYPE, _PRECISION, _SCALE = b"logicalType", b"precision", b"scale"
_NUMBER, _INSTANT = b"FIXED", b"TIMESTAMP"


def declared_type(field: pa.Field) -> pa.DataType | None:
    """The type that holds every value of the column, whatever a batch has; None where the field does not say."""
    told = field.metadata or {}
    logical = told.get(_LOGICAL_TYPE, b"")
    if logical == _NUMBER and _PRECISION in told:
        precision, scale = int(told[_PRECISION]), int(told.get(_SCALE, 0))
        return pa.int64() if scale == 0 and precision <= INT64_DIGITS else pa.decimal128(precision, scale)
    return INSTANT_TYPE if logical.startswith(_INSTANT) else None

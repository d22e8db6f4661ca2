"""Rows by their origin: small sets of origins as a table, and the bronze rows they name. Expressions are unbound."""

from collections.abc import Iterable

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from snowpipe_platform.spec.manifest import ROW_NUMBER
from snowpipe_platform.spec.origins import Origin
from snowpipe_platform.spec.table import MANIFEST_NUMBER, SOURCE_ROW

ORIGIN = (MANIFEST_NUMBER, SOURCE_ROW)


def origins_table(name: str) -> ir.Table:
    """Origins that are bound to `name`."""
    return ibis.table(dict.fromkeys(ORIGIN, "int64"), name=name)


def origin_values(origins: Iterable[Origin]) -> pa.Table:
    """The origins as rows to bind."""
    ordered = sorted(origins)
    columns = [[origin.manifest_number for origin in ordered], [origin.source_row for origin in ordered]]
    return pa.table([pa.array(values, pa.int64()) for values in columns], names=list(ORIGIN))


def bronze_among(bronze: ir.Table, origins: ir.Table, *, inside: bool = True) -> ir.Table:
    """The bronze rows that are among the origins, or that are not."""
    same = [bronze[MANIFEST_NUMBER] == origins[MANIFEST_NUMBER], bronze[ROW_NUMBER] == origins[SOURCE_ROW]]
    return bronze.semi_join(origins, same) if inside else bronze.anti_join(origins, same)

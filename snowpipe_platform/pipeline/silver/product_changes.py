"""Accepted changes of products, deletes included: the source keeps only what is on sale."""

from datetime import timedelta

import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa

from snowpipe_platform.spec.cleaning import single_spaced, stable_key
from snowpipe_platform.spec.table import ChangesTable, Columns


class ProductChanges(pa.DataFrameModel):
    product_key: dt.int64 = pa.Field(nullable=True, description="60-bit key of product_id")
    product_id: str
    product_name: str = pa.Field(nullable=True)
    category: str
    list_price: dt.Decimal(18, 2) = pa.Field(ge=0, description="USD")
    created_at: dt.Timestamp(scale=6) = pa.Field(description="UTC")


def clean(rows: ir.Table) -> Columns:
    return {
        "product_key": stable_key(rows.product_id),
        "product_name": single_spaced(rows.product_name),
        "category": single_spaced(rows.category),
    }


TABLE = ChangesTable(
    name="silver/product_changes",
    description="One accepted change of a product.",
    owners=("team:catalog",),
    contract=ProductChanges,
    source="products",
    key=("product_id",),
    clean=clean,
    due=timedelta(hours=7),
)

"""Products and what they were: a slowly changing dimension."""

import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa

from snowpipe_platform.pipeline.silver import _versions
from snowpipe_platform.spec.history import versions
from snowpipe_platform.spec.table import DerivedTable, Inputs


class DimProducts(pa.DataFrameModel):
    product_key: dt.int64 = pa.Field(description="60-bit key of product_id")
    product_id: str
    product_name: str = pa.Field(nullable=True)
    category: str
    list_price: dt.Decimal(18, 2) = pa.Field(description="USD")
    is_active: dt.boolean = pa.Field(description="the product is still on sale")
    effective_at: dt.Timestamp(scale=6) = pa.Field(description="UTC, inclusive")
    expires_at: dt.Timestamp(scale=6) = pa.Field(nullable=True, description="UTC, exclusive; null while current")
    is_current: dt.boolean
    manifest_number: dt.int64 = pa.Field(description="the bronze manifest the version came with")
    source_file: str = pa.Field(description="the bronze file the version came with")
    year: dt.int32 = pa.Field(description="of effective_at")
    month: dt.int32 = pa.Field(description="of effective_at")

    @pa.dataframe_check(name="versions_do_not_overlap", scope="table", error_above=0.0)
    def versions_do_not_overlap(cls, data: pa.IbisData) -> ir.BooleanValue:
        return _versions.versions_do_not_overlap(data.table, "product_key")

    @pa.dataframe_check(name="version_ends_after_it_begins", error_above=0.0)
    def version_ends_after_it_begins(cls, data: pa.IbisData) -> ir.BooleanValue:
        return _versions.ends_after_it_begins(data.table)

    @pa.dataframe_check(name="product_key_names_one_product", scope="table", error_above=0.0)
    def product_key_names_one_product(cls, data: pa.IbisData) -> ir.BooleanValue:
        return _versions.key_names_one_id(data.table, "product_key", "product_id")

    class Config:
        unique = ("product_key", "effective_at")
        metadata = {"error_above": 0.0}  # noqa: RUF012 - pandera reads it as it is


def build(inputs: Inputs) -> ir.Table:
    rows = versions(
        inputs["silver/product_changes"],
        key=["product_id"],
        attributes=["product_name", "category", "list_price"],
        created_at="created_at",
    )
    return rows.mutate(
        is_active=rows.exists_now,
        is_current=rows.expires_at.isnull(),
        year=rows.effective_at.year(),
        month=rows.effective_at.month(),
    )


TABLE = DerivedTable(
    name="silver/dim_products",
    kind="dimension",
    description="One version of a product, valid in [effective_at, expires_at).",
    owners=("team:catalog",),
    contract=DimProducts,
    inputs=("silver/product_changes",),
    scope=("product_key",),
    build=build,
    partition_columns=("year", "month"),
)

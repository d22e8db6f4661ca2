"""Customers and what they were: a slowly changing dimension."""

import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa

from snowpipe_platform.pipeline.silver import _contact, _versions
from snowpipe_platform.spec.history import versions
from snowpipe_platform.spec.table import DerivedTable, Inputs


class DimCustomers(pa.DataFrameModel):
    """Dates are the UTC days of the instants beside them."""

    customer_key: dt.int64 = pa.Field(description="60-bit key of customer_id")
    customer_id: str
    full_name: str = pa.Field(nullable=True)
    email_normalized: str = pa.Field(nullable=True)
    phone_normalized: str = pa.Field(nullable=True)
    address_standardized: dt.Struct(
        {"street": dt.string, "city": dt.string, "state": dt.string, "zip_code": dt.string, "country": dt.string}
    ) = pa.Field(nullable=True)
    data_quality_score: dt.float64 = pa.Field(in_range={"min_value": 0, "max_value": 1})
    is_active: dt.boolean = pa.Field(description="the customer still exists at the source")
    created_date: dt.date
    last_updated_date: dt.date
    effective_date: dt.date
    expiration_date: dt.date = pa.Field(nullable=True, description="null while the version is current")
    is_current: dt.boolean
    effective_at: dt.Timestamp(scale=6) = pa.Field(description="UTC, inclusive")
    expires_at: dt.Timestamp(scale=6) = pa.Field(nullable=True, description="UTC, exclusive; null while current")
    manifest_number: dt.int64 = pa.Field(description="the bronze manifest the version came with")
    source_file: str = pa.Field(description="the bronze file the version came with")
    year: dt.int32 = pa.Field(description="of effective_date")
    month: dt.int32 = pa.Field(description="of effective_date")

    @pa.dataframe_check(name="versions_do_not_overlap", scope="table", error_above=0.0)
    def versions_do_not_overlap(cls, data: pa.IbisData) -> ir.BooleanValue:
        return _versions.versions_do_not_overlap(data.table, "customer_key")

    @pa.dataframe_check(name="version_ends_after_it_begins", error_above=0.0)
    def version_ends_after_it_begins(cls, data: pa.IbisData) -> ir.BooleanValue:
        return _versions.ends_after_it_begins(data.table)

    @pa.dataframe_check(name="first_version_begins_by_the_created_date", scope="table", severity="warn")
    def first_version_begins_by_the_created_date(cls, data: pa.IbisData) -> ir.BooleanValue:
        return _versions.first_begins_by(data.table, "customer_key", "created_date")

    @pa.dataframe_check(name="customer_key_names_one_customer", scope="table", error_above=0.0)
    def customer_key_names_one_customer(cls, data: pa.IbisData) -> ir.BooleanValue:
        return _versions.key_names_one_id(data.table, "customer_key", "customer_id")

    class Config:
        unique = ("customer_key", "effective_at")
        metadata = {"error_above": 0.0}  # noqa: RUF012 - pandera reads it as it is


def build(inputs: Inputs) -> ir.Table:
    rows = versions(
        inputs["silver/customer_changes"],
        key=["customer_id"],
        attributes=["full_name", "email_normalized", "phone_normalized", "address_standardized"],
        created_at="created_at",
    )
    return rows.mutate(
        data_quality_score=_contact.data_quality_score(rows),
        is_active=rows.exists_now,
        created_date=rows.created_at.date(),
        last_updated_date=rows.changed_at.date(),
        effective_date=rows.effective_at.date(),
        expiration_date=rows.expires_at.date(),
        is_current=rows.expires_at.isnull(),
        year=rows.effective_at.year(),
        month=rows.effective_at.month(),
    )


TABLE = DerivedTable(
    name="silver/dim_customers",
    kind="dimension",
    description="One version of a customer, valid in [effective_at, expires_at).",
    owners=("team:crm",),
    contract=DimCustomers,
    inputs=("silver/customer_changes",),
    scope=("customer_key",),
    build=build,
    partition_columns=("year", "month"),
)

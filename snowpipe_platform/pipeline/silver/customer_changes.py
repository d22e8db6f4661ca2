"""Accepted changes of customers."""

from datetime import timedelta

import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa

from snowpipe_platform.pipeline.silver import _contact
from snowpipe_platform.spec.cleaning import single_spaced, stable_key
from snowpipe_platform.spec.table import ChangesTable, Columns


class CustomerChanges(pa.DataFrameModel):
    """A customer without an id is quarantined; contact data that cannot be understood warns and becomes null."""

    customer_key: dt.int64 = pa.Field(nullable=True, description="60-bit key of customer_id")
    customer_id: str = pa.Field(str_matches=r"^\S+$")
    full_name: str = pa.Field(nullable=True)
    email: str = pa.Field(nullable=True, description="as sent")
    email_normalized: str = pa.Field(nullable=True, description="lower case; null when it is no address")
    phone: str = pa.Field(nullable=True, description="as sent")
    phone_normalized: str = pa.Field(nullable=True, description="E.164; null when it is no number")
    zip_code: str = pa.Field(nullable=True, description="as sent")
    address_standardized: dt.Struct(
        {"street": dt.string, "city": dt.string, "state": dt.string, "zip_code": dt.string, "country": dt.string}
    ) = pa.Field(nullable=True)
    created_at: dt.Timestamp(scale=6) = pa.Field(description="when the customer signed up, UTC")

    @pa.dataframe_check(name="email_is_an_address", severity="warn")
    def email_is_an_address(cls, data: pa.IbisData) -> ir.BooleanValue:
        return data.table.email.isnull() | data.table.email_normalized.notnull()

    @pa.dataframe_check(name="phone_is_a_number", severity="warn")
    def phone_is_a_number(cls, data: pa.IbisData) -> ir.BooleanValue:
        return data.table.phone_normalized.notnull()

    @pa.dataframe_check(name="zip_code_has_five_digits", severity="warn")
    def zip_code_has_five_digits(cls, data: pa.IbisData) -> ir.BooleanValue:
        return data.table.zip_code.isnull() | data.table.address_standardized["zip_code"].notnull()


def clean(rows: ir.Table) -> Columns:
    customer_id = rows.customer_id.strip().nullif("")
    return {
        "customer_id": customer_id,
        "customer_key": stable_key(customer_id),
        "full_name": single_spaced(rows.first_name.fill_null("") + " " + rows.last_name.fill_null("")),
        "email_normalized": _contact.email(rows.email),
        "phone_normalized": _contact.phone(rows.phone),
        "address_standardized": _contact.address(rows),
    }


TABLE = ChangesTable(
    name="silver/customer_changes",
    description="One accepted change of a customer.",
    owners=("team:crm",),
    contract=CustomerChanges,
    source="customers",
    key=("customer_id",),
    clean=clean,
    due=timedelta(hours=7),
)

"""Invoice lines as they were entered. What is no sale and no return is quarantined."""

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa

from snowpipe_platform.spec.cleaning import single_spaced
from snowpipe_platform.spec.table import ChangesTable, Columns

PRODUCT_CODE = r"^([0-9]{5}|DCGS|PADS|SP1002)"
"""Five digits, the sister shop's DCGS codes, and two products with a code of their own. Others (POST, M, BANK CHARGES,
vouchers, tests) are services."""

SOURCE_COLUMNS = (
    *("invoice_no", "stock_code", "description", "quantity"),
    *("invoiced_local", "unit_price", "customer_id", "country"),
)
NULL_TEXT = "\\N"
SEPARATOR = "\x1f"


class InvoiceLineChanges(pa.DataFrameModel):
    """A line is a sale or, on a cancellation, a return: at a price, of a quantity. Anything else is quarantined.

    The tolerances are shares of one load day: on the dirtiest day 7.4% of the lines have no price.
    """

    line_id: str = pa.Field(description="md5 of all source columns; exact copies of a line share it")
    invoice_no: str = pa.Field(str_matches=r"^C?[0-9]{6}$", description="as the shop writes it; C is a cancellation")
    is_cancellation: dt.boolean
    stock_code: str = pa.Field(description="trimmed, in capitals")
    is_product: dt.boolean = pa.Field(description="not a service such as postage or a fee")
    description: str = pa.Field(nullable=True)
    quantity: dt.int64 = pa.Field(ne=0, description="negative on returns")
    unit_price: dt.float64 = pa.Field(description="GBP, as the source has it")
    unit_price_gbp: dt.Decimal(18, 3)
    amount_gbp: dt.Decimal(18, 3) = pa.Field(description="quantity times unit_price_gbp; negative on returns")
    customer_id: dt.int64 = pa.Field(nullable=True, description="null for guests")
    country: str
    invoiced_local: dt.Timestamp(scale=6) = pa.Field(description="the shop's time, London")
    invoiced_at: dt.Timestamp(scale=6) = pa.Field(description="UTC")

    @pa.dataframe_check(name="price_is_above_zero", error_above=0.10)
    def price_is_above_zero(cls, data) -> ir.BooleanValue:
        return data.table.unit_price_gbp > 0

    @pa.dataframe_check(name="price_has_three_decimals", error_above=0.0)
    def price_has_three_decimals(cls, data) -> ir.BooleanValue:
        """The decimal is the source's number, not a rounding of it: as a double it is the same again."""
        return data.table.unit_price_gbp.cast("float64") == data.table.unit_price

    @pa.dataframe_check(name="negative_quantity_is_a_return", error_above=0.10)
    def negative_quantity_is_a_return(cls, data) -> ir.BooleanValue:
        return (data.table.quantity >= 0) | data.table.is_cancellation

    @pa.dataframe_check(name="cancellation_takes_back", severity="warn")
    def cancellation_takes_back(cls, data) -> ir.BooleanValue:
        return (data.table.quantity < 0) | ~data.table.is_cancellation

    @pa.dataframe_check(name="customer_is_known", severity="warn")
    def customer_is_known(cls, data) -> ir.BooleanValue:
        return data.table.customer_id.notnull()


def clean(rows: ir.Table) -> Columns:
    stock_code = rows.stock_code.strip().upper().nullif("")
    unit_price_gbp = rows.unit_price.try_cast("decimal(18, 3)")
    return {
        "line_id": line_id(rows),
        "is_cancellation": rows.invoice_no.startswith("C"),
        "stock_code": stock_code,
        "is_product": stock_code.re_search(PRODUCT_CODE),
        "description": single_spaced(rows.description),
        "unit_price_gbp": unit_price_gbp,
        "amount_gbp": (rows.quantity.cast("decimal(18, 0)") * unit_price_gbp).cast("decimal(18, 3)"),
    }


def line_id(rows: ir.Table) -> ir.StringValue:
    """md5 of the source columns as texts. The shop numbers no lines, so a line is what it says."""
    texts = [rows[name].cast("string").fill_null(NULL_TEXT) for name in SOURCE_COLUMNS]
    return ibis.literal(SEPARATOR).join(texts).hexdigest("md5")


TABLE = ChangesTable(
    name="silver/invoice_line_changes",
    description="One line of an invoice as it was entered, copies included.",
    owners=("team:sales",),
    contract=InvoiceLineChanges,
    source="invoice_lines",
    key=("line_id",),
    clean=clean,
)

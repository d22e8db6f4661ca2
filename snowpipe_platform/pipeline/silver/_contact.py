"""Normal forms of a customer's contact data. Formulas are documented in docs/shop.md."""

import ibis
import ibis.expr.types as ir

from snowpipe_platform.spec.cleaning import single_spaced

COUNTRY = "US"
EMAIL_PATTERN = r"^[a-z0-9._%+'-]+@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}$"
ZIP_PATTERN = r"^[0-9]{5}(-?[0-9]{4})?$"
QUALITY_FIELDS = 5

NORTHEAST = ("CT", "ME", "MA", "NH", "RI", "VT", "NJ", "NY", "PA")
MIDWEST = ("IL", "IN", "MI", "OH", "WI", "IA", "KS", "MN", "MO", "NE", "ND", "SD")
SOUTH = (
    *("DE", "DC", "FL", "GA", "MD", "NC", "SC", "VA", "WV"),
    *("AL", "KY", "MS", "TN", "AR", "LA", "OK", "TX"),
)
WEST = ("AZ", "CO", "ID", "MT", "NV", "NM", "UT", "WY", "AK", "CA", "HI", "OR", "WA")
STATES = (*NORTHEAST, *MIDWEST, *SOUTH, *WEST)
UNKNOWN_REGION = "Unknown"


def email(text: ir.StringValue) -> ir.StringValue:
    """Trimmed and lower case; null for what is no address. An address with letters beyond ASCII is none."""
    folded = text.strip().lower()
    return folded.re_search(EMAIL_PATTERN).ifelse(folded, ibis.null("string"))


def phone(text: ir.StringValue) -> ir.StringValue:
    """E.164. Ten digits, or eleven with a leading 1, are a number of the United States; 8 to 15 digits after a `+` are
    taken as they are; anything else is null."""
    digits = text.re_replace(r"[^0-9]", "")
    written = text.strip().startswith("+").ifelse("+", "") + digits
    return ibis.cases(
        (written.re_search(r"^\+[0-9]{8,15}$"), written),
        (written.re_search(r"^1[0-9]{10}$"), "+" + digits),
        (written.re_search(r"^[0-9]{10}$"), "+1" + digits),
        else_=ibis.null("string"),
    )


def zip_code(text: ir.StringValue) -> ir.StringValue:
    """The five digits; null for what is no ZIP or ZIP+4."""
    trimmed = text.strip()
    return trimmed.re_search(ZIP_PATTERN).ifelse(trimmed.substr(0, 5), ibis.null("string"))


def state(text: ir.StringValue) -> ir.StringValue:
    """Two upper-case letters; null for what is no state of the United States or DC."""
    folded = text.strip().upper()
    return folded.isin(STATES).ifelse(folded, ibis.null("string"))


def address(rows: ir.Table) -> ir.StructValue:
    """Street and city single-spaced, state and ZIP in their normal forms."""
    return ibis.struct(
        {
            "street": single_spaced(rows.address),
            "city": single_spaced(rows.city),
            "state": state(rows.state),
            "zip_code": zip_code(rows.zip_code),
            "country": ibis.literal(COUNTRY),
        }
    )


def region(state_code: ir.StringValue) -> ir.StringValue:
    """Region of the Census Bureau, `Unknown` without a state."""
    return ibis.cases(
        (state_code.isin(NORTHEAST), "Northeast"),
        (state_code.isin(MIDWEST), "Midwest"),
        (state_code.isin(SOUTH), "South"),
        (state_code.isin(WEST), "West"),
        else_=UNKNOWN_REGION,
    )


def data_quality_score(rows: ir.Table) -> ir.FloatingValue:
    """Share of five fields that are usable: name, email, phone, street with city and state, ZIP. 0 to 1, in fifths."""
    place = rows.address_standardized
    usable = [
        rows.full_name.notnull(),
        rows.email_normalized.notnull(),
        rows.phone_normalized.notnull(),
        place["street"].notnull() & place["city"].notnull() & place["state"].notnull(),
        place["zip_code"].notnull(),
    ]
    points = sum((field.cast("int64") for field in usable), ibis.literal(0))
    return points.cast("float64") / QUALITY_FIELDS

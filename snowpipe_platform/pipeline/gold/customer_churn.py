"""How likely each customer is to order nothing in the next 90 days."""

import ibis.expr.datatypes as dt
import pandera.ibis as pa

from snowpipe_platform.spec.scores import ScoreTable


class CustomerChurn(pa.DataFrameModel):
    """Of every customer with an order in the year that ends with the date."""

    customer_key: dt.int64 = pa.Field(description="60-bit key of customer_id")
    churn_probability: dt.float64 = pa.Field(
        in_range={"min_value": 0, "max_value": 1}, description="of no order in the 90 days after the date"
    )
    model_version: dt.int32 = pa.Field(ge=1, description="version of the model `churn` that gave it")
    analysis_date: dt.date = pa.Field(description="UTC day; what is known at its end")

    class Config:
        unique = ("customer_key", "analysis_date")


TABLE = ScoreTable(
    name="gold/customer_churn",
    description="The probability of churn of who ordered within a year, as of an analysis date, and whose it is.",
    owners=("team:crm",),
    contract=CustomerChurn,
    source="features/customer_activity",
    model="churn",
    score="churn_probability",
    # As the label: of who did not order within a year the model has learned nothing.
    applies=lambda customers: customers.orders_365d > 0,
)

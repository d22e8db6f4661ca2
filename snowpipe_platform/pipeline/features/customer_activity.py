"""What the churn model knows of a customer."""

from datetime import timedelta
from decimal import Decimal

from snowpipe_platform.spec.feature import Feature, FeatureGroup

MONTH, QUARTER, YEAR = (timedelta(days=days) for days in (30, 90, 365))
NOTHING = Decimal("0.00")
AMOUNT = "decimal(18, 2)"

TABLE = FeatureGroup(
    name="features/customer_activity",
    description="A customer's orders in the windows up to an instant, as known then and as known later.",
    owners=("team:crm",),
    source="gold/customer_activity",
    entity="customer_key",
    version=1,
    features=(
        Feature(name="orders_30d", type="int64", window=MONTH, default=0, description="orders"),
        Feature(name="orders_90d", type="int64", window=QUARTER, default=0, description="orders"),
        Feature(name="orders_365d", type="int64", window=YEAR, default=0, description="orders"),
        Feature(name="spend_30d", type=AMOUNT, window=MONTH, default=NOTHING, description="USD of those orders"),
        Feature(name="spend_90d", type=AMOUNT, window=QUARTER, default=NOTHING, description="USD of those orders"),
        Feature(name="spend_365d", type=AMOUNT, window=YEAR, default=NOTHING, description="USD of those orders"),
        Feature(
            name="average_basket_365d",
            type="float64",
            window=YEAR,
            description="spend_365d by orders_365d, USD; missing without an order",
        ),
        # Not categories_365d: a product's category is known from its first snapshot on, so that earlier dates, which a
        # model learns from, have none.
        Feature(name="recency_days", type="int64", description="days since the last order; missing without one"),
        Feature(name="tenure_days", type="int64", default=0, description="days since the customer signed up"),
    ),
    due=timedelta(hours=9),
)

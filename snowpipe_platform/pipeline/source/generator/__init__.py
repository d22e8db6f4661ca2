"""A shop's source warehouse, made up: a DuckDB file standing where Snowflake stands, and the truth about it beside it.

`build_warehouse` writes the history and the first day, `advance_day` each day after it. Every value is a hash of the
seed, an id and a day, so the same calls give the same rows on any machine with this DuckDB, whatever its threads.
"""

from snowpipe_platform.pipeline.source.generator.rates import DIRT_KINDS, PER_MILLION, ShopSize
from snowpipe_platform.pipeline.source.generator.shop_day import ShopDay
from snowpipe_platform.pipeline.source.generator.store import TRUTH_FILE, WAREHOUSE_FILE
from snowpipe_platform.pipeline.source.generator.warehouse import advance_day, build_warehouse

__all__ = [
    "DIRT_KINDS",
    "PER_MILLION",
    "TRUTH_FILE",
    "WAREHOUSE_FILE",
    "ShopDay",
    "ShopSize",
    "advance_day",
    "build_warehouse",
]

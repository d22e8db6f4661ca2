"""Building the warehouse and advancing it by a day."""

from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.pipeline.source.generator.rates import (
    DIRT_KINDS,
    HISTORY_NULL_KEY_ROWS,
    LARGEST_SHOP_CUSTOMERS,
    PER_MILLION,
    SMALLEST_SHOP_CUSTOMERS,
    ShopSize,
)
from snowpipe_platform.pipeline.source.generator.shop_day import ShopDay
from snowpipe_platform.pipeline.source.generator.store import (
    TRUTH_FILE,
    WAREHOUSE_FILE,
    attached,
    remove_database,
    run_script,
    script_text,
    set_variables,
)

DEFAULT_FIRST_DAY = date(2024, 3, 1)


def build_warehouse(
    folder: Path,
    *,
    customers: int = 1_000,
    seed: int = 7,
    first_day: date = DEFAULT_FIRST_DAY,
    threads: int | None = None,
) -> ShopDay:
    """The first day of a shop whose warehouse and truth are now in `folder`, with the history before it.

    `first_day` is a UTC day; its counts leave the history out. The files get their names when both are complete, the
    warehouse last, so a folder with a warehouse is a finished one. `threads` is DuckDB's own choice unless given, and
    does not change a row. Raises ConfigurationError for a size outside 1,000 to 10,000,000 customers, or where a
    warehouse already is.
    """
    warehouse, truth = folder / WAREHOUSE_FILE, folder / TRUTH_FILE
    _refuse_size(customers)
    _refuse_existing(warehouse)
    folder.mkdir(parents=True, exist_ok=True)
    new_warehouse, new_truth = folder / f"{WAREHOUSE_FILE}.building", folder / f"{TRUTH_FILE}.building"
    for path in (new_warehouse, new_truth, warehouse, truth):
        remove_database(path)
    with attached(warehouse=new_warehouse, truth=new_truth, threads=threads) as connection:
        _prepare(connection, customers=customers, seed=seed, first_day=first_day)
        for script in ("tables", "history"):
            run_script(connection, script)
        shop_day = _commit_day(connection, first_day)
    new_truth.rename(truth)
    new_warehouse.rename(warehouse)
    return shop_day


def advance_day(folder: Path, *, threads: int | None = None) -> ShopDay:
    """The day after the warehouse's clock, committed to the truth and then to the warehouse.

    The warehouse decides which day is next. A call that died between the two commits left truth a day ahead: the next
    call works out the same day again, leaves truth as it is, and brings the warehouse to it.

    Raises ConfigurationError where no shop is, or where the two files are not of one shop.
    """
    warehouse, truth = folder / WAREHOUSE_FILE, folder / TRUTH_FILE
    for path in (warehouse, truth):
        if not path.exists():
            raise ConfigurationError(f"{path} is missing. Build the shop with build_warehouse first.")
    with attached(warehouse=warehouse, truth=truth, threads=threads) as connection:
        customers, seed, first_day = _only_row(connection, "SELECT customers, seed, first_day FROM truth.generator")
        today: date = _only_row(connection, "SELECT now_at::DATE FROM warehouse.source_clock")[0]
        _prepare(connection, customers=customers, seed=seed, first_day=first_day)
        return _commit_day(connection, today)


def _commit_day(connection: duckdb.DuckDBPyConnection, today: date) -> ShopDay:
    truth_day: date = _only_row(connection, "SELECT day FROM truth.current_day")[0]
    if truth_day not in (today - timedelta(days=1), today):
        raise ConfigurationError(
            f"The truth stands at {truth_day} and the warehouse is about to commit {today}: the two files are not of "
            "one shop, or one was restored alone. Restore both together, or build again."
        )
    set_variables(connection, {"today": today})
    for script in ("day_customers", "day_products", "day_orders", "day_dirt"):
        run_script(connection, script)
    if truth_day < today:
        run_script(connection, "write_truth")
    run_script(connection, "write_warehouse")
    return _shop_day(connection, today)


def _prepare(connection: duckdb.DuckDBPyConnection, *, customers: int, seed: int, first_day: date) -> None:
    set_variables(connection, asdict(ShopSize.of(customers)))
    set_variables(
        connection,
        {
            "seed": seed,
            "first_day": first_day,
            "per_million": PER_MILLION,
            "history_null_key_rows": HISTORY_NULL_KEY_ROWS,
        },
    )
    for script in ("words", "draws", "customers", "orders"):
        run_script(connection, script)


def _shop_day(connection: duckdb.DuckDBPyConnection, today: date) -> ShopDay:
    cursor = connection.execute(script_text("count_day"))
    counts = dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))
    injected = dict(connection.execute("SELECT kind, count(*) FROM day_dirt GROUP BY kind").fetchall())
    return ShopDay(
        day=today,
        day_number=_only_row(connection, "SELECT day_number FROM truth.current_day")[0],
        dirt={kind: injected.get(kind, 0) for kind in DIRT_KINDS},
        rows={
            table: _only_row(connection, f"SELECT count(*) FROM warehouse.{table}")[0]
            for table in ("customers", "orders", "order_lines", "products")
        },
        **counts,
    )


def _only_row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row: tuple[Any, ...] = connection.execute(query).fetchone()
    return row


def _refuse_size(customers: int) -> None:
    if not SMALLEST_SHOP_CUSTOMERS <= customers <= LARGEST_SHOP_CUSTOMERS:
        raise ConfigurationError(
            f"A shop has {SMALLEST_SHOP_CUSTOMERS:,} to {LARGEST_SHOP_CUSTOMERS:,} customers; {customers:,} were asked "
            "for. Choose a number in that range."
        )


def _refuse_existing(warehouse: Path) -> None:
    if warehouse.exists():
        raise ConfigurationError(
            f"{warehouse} already exists. Advance it with advance_day, or remove it to build another."
        )

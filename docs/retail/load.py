"""Load the online shop's invoice lines from Parquet into an embedded warehouse, a DuckDB file.

The warehouse gets two tables: `invoice_lines`, as the file has it, and `source_clock`, which says midnight after the
last day loaded. The clock makes the shop's last day "yesterday", so that runs are the same whenever they happen.
"""

import argparse
import sys
from datetime import date
from pathlib import Path

import duckdb

COLUMNS = ("invoice_no", "stock_code", "description", "quantity", "invoice_ts", "unit_price", "customer_id", "country")
USAGE = 2


class LoadError(Exception):
    """What is wrong with the arguments or the file, and what to do."""


def load(parquet: Path, warehouse: Path, *, until: date | None = None) -> tuple[int, date]:
    """Lines loaded, and their last day. Replaces the warehouse, in one rename: a failure leaves it as it was.

    until: the last day to load, inclusive. Raises LoadError.
    """
    if not parquet.is_file():
        raise LoadError(f"{parquet} is no file. Give the path of online_retail_2010.parquet.")
    try:
        warehouse.parent.mkdir(parents=True, exist_ok=True)
        building = warehouse.with_name(f"{warehouse.name}.building")
        building.unlink(missing_ok=True)
        with duckdb.connect(str(building)) as connection:
            connection.execute("SET enable_progress_bar = false")
            _require_columns(connection, parquet)
            loaded = _fill(connection, parquet, until)
        building.replace(warehouse)
    except OSError as error:
        raise LoadError(f"{warehouse} cannot be written: {error.strerror}. Choose another path.") from error
    finally:
        warehouse.with_name(f"{warehouse.name}.building").unlink(missing_ok=True)
    return loaded


def _require_columns(connection: duckdb.DuckDBPyConnection, parquet: Path) -> None:
    try:
        found = [row[0] for row in connection.execute("DESCRIBE FROM read_parquet(?)", [str(parquet)]).fetchall()]
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise LoadError(f"{parquet} cannot be read as Parquet: {reason}. Fetch it again.") from error
    missing = [column for column in COLUMNS if column not in found]
    if missing:
        raise LoadError(f"{parquet} has no column {', '.join(missing)}. Found: {', '.join(found)}.")


def _fill(connection: duckdb.DuckDBPyConnection, parquet: Path, until: date | None) -> tuple[int, date]:
    connection.execute(
        "CREATE TABLE invoice_lines AS FROM read_parquet($file) "
        "WHERE $until IS NULL OR invoice_ts::DATE <= $until::DATE",
        {"file": str(parquet), "until": until},
    )
    row = connection.execute("SELECT count(*), max(invoice_ts)::DATE FROM invoice_lines").fetchone()
    if row is None or not row[0]:
        raise LoadError(f"{parquet} has no line up to {until}. The shop's first day is 2009-12-01.")
    connection.execute("CREATE TABLE source_clock AS SELECT ($last::DATE + 1)::TIMESTAMP AS now_at", {"last": row[1]})
    return int(row[0]), row[1]


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 loaded, 2 an argument or the file is wrong."""
    parser = argparse.ArgumentParser(
        prog="load.py",
        description="Load the online shop's invoice lines into an embedded warehouse. An existing one is replaced.",
        epilog="example: python docs/retail/load.py ../shared/data/online_retail_2010.parquet "
        ".snowpipe-retail/warehouse.duckdb",
    )
    parser.add_argument("parquet", type=Path, help="online_retail_2010.parquet")
    parser.add_argument("warehouse", type=Path, help="the DuckDB file to write")
    parser.add_argument("--until", type=date.fromisoformat, metavar="DAY", help="last day to load, such as 2010-06-30")
    given = parser.parse_args(arguments)
    try:
        lines, last_day = load(given.parquet, given.warehouse, until=given.until)
    except LoadError as error:
        sys.stderr.write(f"error: {error}\nnext: python docs/retail/load.py --help\n")
        return USAGE
    sys.stdout.write(f"{lines:,} invoice lines up to {last_day} loaded into {given.warehouse}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

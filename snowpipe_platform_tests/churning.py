"""A training set whose truth is known: customers churn by chance, with a probability that their features give.

made = write_training_set(tmp_path)
made.truth          # of the rows, the probability that they churn
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FIRST_LABEL = datetime(2023, 1, 2)
REGIONS, SEGMENTS = ("North", "South"), ("Loyal", "Occasional", "Lapsed")


@dataclass(frozen=True)
class Made:
    """The file, its rows, and of each row the probability it was drawn with."""

    path: Path
    rows: pa.Table
    truth: np.ndarray


def write_training_set(
    folder: Path, *, customers: int = 300, weeks: int = 44, seed: int = 1, signal: float = 1.0
) -> Made:
    """A row for each customer and week. signal: what the features have to do with it; 0 is nothing. The first labels
    know of 195 days, so that a window of 365 is none yet."""
    chance = np.random.default_rng(seed)
    count = customers * weeks
    recency = chance.integers(0, 200, count)
    orders = chance.poisson(np.where(recency < 90, 4, 1))
    region, segment = chance.integers(0, len(REGIONS), count), chance.integers(0, len(SEGMENTS), count)
    tenure = chance.integers(0, 1_000, count)
    # The newest and the oldest customers churn most: a line cannot follow that, trees can.
    score = (recency - 90) / 30 - 0.3 * orders + np.where((tenure < 200) | (tenure > 700), 1.5, -1.5)
    truth = 1 / (1 + np.exp(-signal * score))
    label_at = np.repeat([FIRST_LABEL + timedelta(weeks=week) for week in range(weeks)], customers)
    rows = pa.table(
        {
            "customer_key": np.tile(np.arange(customers), weeks),
            "label_at": pa.array(label_at, pa.timestamp("us")),
            "orders_90d": orders,
            "spend_90d": pa.array(np.round(orders * 31.5, 2)).cast(pa.decimal128(18, 2)),
            "average_basket_365d": pa.array(np.where(orders == 0, np.nan, 31.5), from_pandas=True),
            "recency_days": pa.array(np.where(recency > 195, np.nan, recency), from_pandas=True).cast(pa.int64()),
            "tenure_days": tenure,
            "region": np.array(REGIONS)[region],
            "segment": np.array(SEGMENTS)[segment],
            "churned": chance.random(count) < truth,
        }
    )
    return _written(folder, rows, truth)


def spoiled(made: Made, folder: Path, *, until: datetime) -> Made:
    """The same rows, with the labels until an instant dealt out anew among them, as by a join on the wrong key."""
    churned = made.rows["churned"].to_numpy(zero_copy_only=False).copy()
    early = made.rows["label_at"].to_numpy() <= np.datetime64(until)
    churned[early] = np.random.default_rng(0).permutation(churned[early])
    rows = made.rows.set_column(made.rows.schema.get_field_index("churned"), "churned", pa.array(churned))
    return _written(folder, rows, made.truth)


def _written(folder: Path, rows: pa.Table, truth: np.ndarray) -> Made:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows, folder / "new.parquet")
    name = hashlib.sha256((folder / "new.parquet").read_bytes()).hexdigest()
    path = (folder / "new.parquet").rename(folder / f"{name}.parquet")
    record = {
        "name": "churn",
        "hash": name,
        "rows": rows.num_rows,
        "feature_group": "features/customer_activity",
        "feature_group_version": 1,
        "features": [{"name": "orders_90d", "default": 0}, {"name": "spend_90d", "default": "0"}],
        "inputs": {"features/customer_activity": {"snapshot_id": 7, "content_id": "c7"}},
    }
    path.with_suffix(".json").write_text(json.dumps(record))
    return Made(path, rows, truth)

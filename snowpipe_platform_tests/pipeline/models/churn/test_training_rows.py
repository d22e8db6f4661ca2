"""The file a model is fitted on, as arrays."""

import json
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from snowpipe_platform.errors import TrainingFailedError
from snowpipe_platform.pipeline.models.churn.split import Period
from snowpipe_platform.pipeline.models.churn.training_rows import Feature, read_training_rows, tenure_band
from snowpipe_platform_tests.churning import FIRST_LABEL, write_training_set

ROWS = pa.table(
    {
        "customer_key": [1, 2],
        "label_at": pa.array([FIRST_LABEL] * 2, pa.timestamp("us")),
        "spend_30d": pa.array(["1.50", None]).cast(pa.decimal128(18, 2)),
        "is_new": [True, False],
        "region": ["North", None],
        "segment": ["Loyal", "Lapsed"],
        "churned": [False, True],
    }
)


def written(folder, rows=ROWS, name="x"):
    pq.write_table(rows, folder / f"{name}.parquet")
    return folder


def test_features_are_the_columns_that_are_nothing_else(tmp_path):
    (tmp_path / "x.json").write_text(json.dumps({"features": [{"name": "spend_30d", "default": "0"}]}))
    found = read_training_rows(written(tmp_path))
    assert found.features == (
        Feature(name="spend_30d", type="decimal(18, 2)", default="0"),
        Feature(name="is_new", type="bool", default=None),
    )
    np.testing.assert_array_equal(found.values, [[1.5, 1.0], [np.nan, 0.0]])
    np.testing.assert_array_equal(found.columns(["is_new"]), [[1.0], [0.0]])
    assert found.churned.tolist() == [False, True]


def test_groups_are_text_as_of_the_label_and_tenure_only_where_it_is_known(tmp_path):
    assert read_training_rows(written(tmp_path)).groups == {
        "region": ["North", "unknown"],
        "segment": ["Loyal", "Lapsed"],
    }


def test_the_hash_is_the_files_and_periods_take_both_ends(tmp_path):
    made = write_training_set(tmp_path, customers=2, weeks=3)
    found = read_training_rows(tmp_path)
    assert found.hash == made.path.stem
    assert len(found.instants) == 3
    assert found.within(Period(first=found.instants[0], last=found.instants[1])).tolist() == [True] * 4 + [False] * 2


@pytest.mark.parametrize(
    ("known_days", "steady"),
    [
        (80, ["orders_30d", "recency_days", "visits"]),
        (81, ["orders_30d", "orders_90d", "recency_days", "visits"]),
        (328, ["orders_30d", "orders_90d", "recency_days", "visits"]),
        (329, ["orders_30d", "orders_90d", "spend_365d", "recency_days", "visits"]),
    ],
)
def test_a_window_is_steady_when_the_first_labels_know_nine_tenths_of_it(tmp_path, known_days, steady):
    """A recency of the second label, and of a row that is not asked about, tells nothing of the first."""
    rows = pa.table(
        {
            "customer_key": [1, 2, 3, 1],
            "region": ["North"] * 4,
            "segment": ["Loyal"] * 4,
            "churned": [True] * 4,
            "label_at": pa.array([FIRST_LABEL] * 3 + [FIRST_LABEL + timedelta(days=7)], pa.timestamp("us")),
            **{name: [1] * 4 for name in ("orders_30d", "orders_90d", "spend_365d")},
            "recency_days": [known_days, 2, 400, 400],
            "visits": [1] * 4,
        }
    )
    found = read_training_rows(written(tmp_path, rows))
    assert list(found.steady(np.array([True, True, False, True]))) == steady


def test_without_a_recency_every_window_is_taken_for_steady(tmp_path):
    assert read_training_rows(written(tmp_path)).steady(np.array([True, True])) == ("spend_30d", "is_new")


@pytest.mark.parametrize(
    ("days", "band"),
    [
        (None, "unknown"),
        (0, "under 90 days"),
        (89, "under 90 days"),
        (90, "90 days to a year"),
        (365, "one to two years"),
        (730, "two years or more"),
    ],
)
def test_tenure_falls_in_a_band(days, band):
    assert tenure_band(days) == band


def test_a_column_that_is_missing_is_named(tmp_path):
    with pytest.raises(
        TrainingFailedError, match=r"^x\.parquet: column 'churned' is missing\. Found: \['customer_key'"
    ):
        read_training_rows(written(tmp_path, ROWS.drop_columns(["churned"])))


@pytest.mark.parametrize(("names", "found"), [((), "none"), (("a", "b"), r"a\.parquet, b\.parquet")])
def test_the_channel_has_one_file(tmp_path, names, found):
    for name in names:
        written(tmp_path, name=name)
    with pytest.raises(TrainingFailedError, match=f"expected one Parquet file, found {found}"):
        read_training_rows(tmp_path)

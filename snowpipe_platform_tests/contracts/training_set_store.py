"""What every TrainingSetStore promises. A backend's test gives the fixture `store`, new and empty."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from snowpipe_platform.records import TrainingSetRecord
from snowpipe_platform.spec.consumption import UpstreamCommit

RECORD = TrainingSetRecord(
    name="churn",
    hash="ab" * 32,
    rows=7,
    first_label_at=datetime(2024, 3, 4),
    last_label_at=datetime(2024, 3, 11, 12),
    feature_group="features/customer_activity",
    feature_group_version=2,
    defaults={"orders_30d": 0, "spend_30d": "0.00", "is_new": True, "recency_days": None},
    inputs={"features/customer_activity": UpstreamCommit(2**62 + 1, 9, "abc")},
    code_version="0123456789ab",
    created_at=datetime(2024, 6, 1, 10, 0, 0, 7),
)


class TrainingSetStoreContract:
    def test_a_set_comes_back_with_its_file(self, store):
        assert store.all("churn") == []
        assert store.put(RECORD, b"rows") == RECORD
        assert store.all("churn") == [RECORD]
        assert Path(store.locate(RECORD)).read_bytes() == b"rows"

    def test_what_is_there_is_never_overwritten(self, store):
        store.put(RECORD, b"rows")
        later = replace(RECORD, created_at=datetime(2024, 7, 1), code_version="other")
        assert store.put(later, b"other") == RECORD
        assert Path(store.locate(RECORD)).read_bytes() == b"rows"
        assert store.all("churn") == [RECORD]

    def test_sets_are_told_oldest_first_and_by_name(self, store):
        older = replace(RECORD, hash="cd" * 32, created_at=datetime(2024, 5, 1))
        other = replace(RECORD, name="value")
        for record in (RECORD, older, other):
            store.put(record, record.hash.encode())
        assert (store.all("churn"), store.all("value"), store.all("none")) == ([older, RECORD], [other], [])

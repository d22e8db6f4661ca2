"""Scores of files: the answers that requests with the same values get."""

import json
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snowpipe_platform.serving.answering import Answering
from snowpipe_platform.serving.batch import score_files
from snowpipe_platform.serving.loaded import load_model
from snowpipe_platform_tests.artefacts import make_artefact

SPEND = pa.decimal128(18, 2)
ROW = st.fixed_dictionaries(
    {
        "orders": st.none() | st.integers(0, 20),
        "spend": st.none() | st.decimals(0, 500, places=2),
        "recency": st.none() | st.integers(0, 500),
        "region": st.none() | st.sampled_from(["north", "south"]),
    }
)


@pytest.fixture(scope="module", params=[False, True], ids=["numbers", "with a text"])
def model(request, tmp_path_factory):
    folder = make_artefact(tmp_path_factory.mktemp("models") / "1", with_region=request.param)
    return load_model(folder, version=1)


@pytest.mark.case("A41")
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, min_size=1, max_size=8))
def test_a_row_of_a_file_is_answered_as_the_same_row_of_a_request(model, tmp_path, rows):
    names = model.signature.names
    types = {"orders": pa.int64(), "spend": SPEND, "recency": pa.int32(), "region": pa.string()}
    columns = {name: pa.array([row[name] for row in rows], types[name]) for name in names}
    pq.write_table(pa.table({"key": list(range(len(rows))), **columns}), tmp_path / "rows.parquet")
    answers = tmp_path / "answers.parquet"
    assert score_files(model, [tmp_path / "rows.parquet"], key="key", answers=answers) == len(rows)

    asked = [{name: _told(row[name]) for name in names} for row in rows]
    body = "".join(json.dumps(row) + "\n" for row in asked).encode()
    told = Answering(features=None, log=None).answer(body, "application/jsonlines", model, request_id="r")
    expected = [json.loads(line)["probability"] for line in told.splitlines()]
    assert pq.read_table(answers).to_pydict() == {"key": list(range(len(rows))), "probability": expected}


def _told(value):
    return str(value) if isinstance(value, Decimal) else value

"""What every Scorer promises. A backend's test gives the fixture `scorer`, for models called churn."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from snowpipe_platform.errors import ServingError
from snowpipe_platform.serving.loaded import load_model
from snowpipe_platform.spec.model import ScoringJob
from snowpipe_platform_tests.artefacts import make_artefact

ROWS = {"orders": [3, 9, None], "spend": [20.5, 0.0, 99.0], "recency": [10, 300, None], "customer_key": [1, 2**60, 3]}


def rows_file(path: Path, **changed) -> Path:
    columns = {name: values for name, values in (ROWS | changed).items() if values is not None}
    pq.write_table(pa.table(columns), path)
    return path


def scoring_job(folder: Path) -> ScoringJob:
    """Of two files, for version 7."""
    rows = (rows_file(folder / "one.parquet"), rows_file(folder / "two.parquet", orders=[1, 2, 3]))
    artefact, answers = make_artefact(folder / "models" / "7"), folder / "answers.parquet"
    return ScoringJob(model="churn", version=7, artefact=artefact, rows=rows, key="customer_key", answers=answers)


class ScorerContract:
    @pytest.fixture
    def job(self, tmp_path):
        return scoring_job(tmp_path)

    def test_every_row_of_every_file_has_its_answer(self, scorer, job):
        scorer.score(job)
        model = load_model(job.artefact, version=7)
        nothing = float("nan")
        asked = [[3, 20.5, 10], [9, 0, 300], [0, 99, nothing], [1, 20.5, 10], [2, 0, 300], [3, 99, nothing]]
        expected = model.probabilities(model.matrix(asked)).tolist()
        found = pq.read_table(job.answers).to_pydict()
        assert found == {"customer_key": [1, 2**60, 3] * 2, "probability": expected}

    def test_rows_that_do_not_fit_are_told_by_column_and_nothing_is_written(self, scorer, job, tmp_path):
        rows_file(tmp_path / "two.parquet", spend=None, recency=["x", "y", "z"])
        told = (
            "churn version 7 gave no scores: two.parquet does not fit churn version 7: spend is missing; "
            "recency is string, and the model takes a whole number"
        )
        with pytest.raises(ServingError) as error:
            scorer.score(job)
        assert str(error.value).startswith(told)
        assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["one.parquet", "two.parquet"]

    def test_a_model_that_cannot_be_loaded_is_told(self, scorer, job, tmp_path):
        damaged = make_artefact(tmp_path / "damaged")
        (damaged / "model.joblib").write_bytes(b"not a model")
        job = ScoringJob(**{**vars(job), "artefact": damaged})
        with pytest.raises(ServingError, match=r"churn version 7 gave no scores: version 7 in .* cannot be served"):
            scorer.score(job)

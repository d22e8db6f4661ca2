import pytest

from snowpipe_platform.backends.local_scorer import LocalScorer
from snowpipe_platform.errors import ServingError
from snowpipe_platform_tests.contracts.scorer import ScorerContract, scoring_job


class TestLocalScorer(ScorerContract):
    @pytest.fixture
    def scorer(self):
        return LocalScorer("snowpipe_platform.pipeline")


def test_a_pipeline_without_a_serving_script_is_told(tmp_path):
    with pytest.raises(ServingError, match="No module named 'no_shop'"):
        LocalScorer("no_shop").score(scoring_job(tmp_path))

import dagster as dg
import pytest

from snowpipe_platform.errors import SourceError
from snowpipe_platform.orchestration.failures import final_failures


def test_an_error_of_the_platform_is_final_whatever_a_user_declares_around_it(tmp_path):
    attempts = []

    @dg.asset(retry_policy=dg.RetryPolicy(max_retries=2))
    def refused() -> None:
        attempts.append(1)
        with final_failures():
            raise SourceError("query 'customers': the password is wrong. Set it again.")

    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        result = dg.materialize([refused], instance=instance, raise_on_error=False)

    assert len(attempts) == 1
    description = result.failure_data_for_node("refused").user_failure_data.description
    assert description == "query 'customers': the password is wrong. Set it again."


def test_an_error_nobody_expected_keeps_its_own_type():
    with pytest.raises(ZeroDivisionError), final_failures():
        _ = 1 / 0

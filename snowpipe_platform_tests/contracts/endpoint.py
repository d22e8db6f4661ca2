"""What every Endpoint promises. A backend's test gives the fixtures `endpoint`, and `versions`: which of the model
`churn` there are, of which 3 cannot be loaded."""

import pytest

from snowpipe_platform.errors import ServingError


class EndpointContract:
    def test_nothing_is_deployed_at_first(self, endpoint):
        assert (endpoint.current(), endpoint.history()) == (None, [])
        with pytest.raises(ServingError, match="nothing to roll back to: nothing is deployed"):
            endpoint.rollback()

    def test_what_was_deployed_last_is_current(self, endpoint):
        first = endpoint.deploy("churn", 1)
        assert (first.model, first.version, first.number, first.action) == ("churn", 1, 1, "deploy")
        second = endpoint.deploy("churn", 2)
        assert endpoint.current() == second
        assert endpoint.history() == [first, second]

    def test_deploying_what_is_deployed_changes_nothing(self, endpoint):
        first = endpoint.deploy("churn", 1)
        assert endpoint.deploy("churn", 1) == first
        assert endpoint.history() == [first]

    @pytest.mark.case("A42")
    def test_the_one_before_comes_back_with_one_command(self, endpoint):
        endpoint.deploy("churn", 1)
        endpoint.deploy("churn", 2)
        back = endpoint.rollback()
        assert (back.version, back.action, endpoint.current()) == (1, "rollback", back)
        with pytest.raises(ServingError, match="nothing to roll back to: version 1 was the first"):
            endpoint.rollback()

    def test_a_second_rollback_goes_to_the_one_before_that(self, endpoint):
        for version in (1, 2, 4):
            endpoint.deploy("churn", version)
        assert [endpoint.rollback().version for _ in range(2)] == [2, 1]

    def test_after_a_rollback_another_version_is_deployed_on_top_of_what_came_back(self, endpoint):
        for version in (1, 2):
            endpoint.deploy("churn", version)
        endpoint.rollback()
        endpoint.deploy("churn", 4)
        assert endpoint.rollback().version == 1
        assert [one.number for one in endpoint.history()] == [1, 2, 3, 4, 5]

    def test_a_version_that_cannot_be_loaded_is_refused_and_what_was_deployed_stays(self, endpoint):
        first = endpoint.deploy("churn", 1)
        with pytest.raises(ServingError, match="churn version 3 was not deployed"):
            endpoint.deploy("churn", 3)
        assert endpoint.current() == first

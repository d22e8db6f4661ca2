import dagster as dg

from snowpipe_platform.orchestration.resources import GroundResource
from snowpipe_platform.settings import Settings


def test_a_resource_opens_nothing_until_it_is_asked(tmp_path):
    resource = GroundResource.of(Settings(home=tmp_path / "home"))
    assert not (tmp_path / "home").exists()
    assert resource.ground() is resource.ground()


def test_settings_reach_the_adapters_with_absolute_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = GroundResource.of(Settings(home="here", memory_limit="3GB")).settings
    assert settings["home"] == str(tmp_path / "here")
    assert settings["warehouse"] == str(tmp_path / "here" / "source" / "warehouse.duckdb")
    assert Settings(**settings).memory_limit == "3GB"


def test_each_run_makes_its_own(tmp_path):
    made = []

    @dg.asset
    def probe(ground: GroundResource) -> None:
        made.append(ground.ground())

    resource = GroundResource.of(Settings(home=tmp_path))
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        dg.materialize([probe], resources={"ground": resource}, instance=instance)
    assert made[0] is not resource.ground()

"""A process that is killed at any step of a commit or of maintenance leaves the table as it was or as it is to be."""

import itertools
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from snowpipe_platform.backends.iceberg_lake import IcebergLake
from snowpipe_platform.records import Commit
from snowpipe_platform.spec.consumption import CONSUMED_PROPERTY, Consumption
from snowpipe_platform_tests.contracts.lake import LATER, NAME, Writer
from snowpipe_platform_tests.killing import REMOVAL, STEPS, killed_at
from snowpipe_platform_tests.kit import make_ground
from snowpipe_platform_tests.upkeep import maintained, on_disk, stage_quickly

RECORD = {CONSUMED_PROPERTY: Consumption().encode()}
EMPTY = "silver/nothing"


@dataclass(frozen=True)
class Home:
    """A lake, and a copy of it as it was. Iceberg's paths are absolute: it is put back where it was."""

    folder: Path
    copy: Path
    five: tuple[str, ...]
    commits: dict[str, Commit]

    @property
    def lake(self) -> IcebergLake:
        return IcebergLake(self.folder / "lake")

    def restore(self) -> None:
        shutil.rmtree(self.folder)
        shutil.copytree(self.copy, self.folder)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A table of five commits of a row each, with a sixth row held back; another that has no commit. Files of more rows
    are staged for the commits to come."""
    folder = tmp_path_factory.mktemp("crashes")
    lake = make_ground(folder / "home", folder / "none").lake
    writer, state = Writer(lake), None
    Writer(lake, name=EMPTY)

    def stage(number, name=NAME):
        return (stage_quickly(lake.staging(name, attempt=f"a{number}"), number),)

    for number in range(1, 6):
        state = lake.commit(Commit(NAME, str(number), state, (), stage(number), RECORD))
    lake.commit(Commit(NAME, "held", state, (), stage(6), RECORD, "held"))
    files = tuple(writer.files())
    new = Commit(NAME, "new", state, (), stage(7), RECORD)
    commits = {
        "appended": new,
        "replaced, and held rows released": replace(new, remove=files[:2], release=("held",)),
        "held back anew": replace(new, branch="held"),
        "held back beside nothing": Commit(EMPTY, "new", None, (), stage(8, EMPTY), RECORD, "held"),
    }
    shutil.copytree(folder / "home", folder / "copy")
    return Home(folder / "home", folder / "copy", tuple(file.path for file in files), commits)


def commit_in(folder, commit):
    IcebergLake(folder / "lake").commit(commit)


def view(lake, name):
    """What a reader sees: the rows, the commit's number, and what is held."""
    writer = Writer(lake, name=name)
    state = lake.state(name)
    held = {branch: writer.ids(one) for branch, one in lake.held(name).items()}
    return ([], 0, held) if state is None else (writer.ids(), state.number, held)


AFTER = {
    "replaced, and held rows released": ([3, 4, 5, 7], 6, {}),
    "held back anew": ([1, 2, 3, 4, 5], 5, {"held": [1, 2, 3, 4, 5, 7]}),
    "held back beside nothing": ([], 0, {"held": [8]}),
}


@pytest.mark.case("A16")
@pytest.mark.parametrize("what", AFTER)
def test_a_commit_killed_at_any_step_is_there_or_not_and_its_repetition_makes_it_be(home, what):
    commit, after = home.commits[what], AFTER[what]
    before = ([], 0, {}) if commit.table == EMPTY else ([1, 2, 3, 4, 5], 5, {"held": [1, 2, 3, 4, 5, 6]})
    seen = []
    for step in itertools.count(1):
        home.restore()
        is_killed = killed_at(step, commit_in, home.folder, commit)
        seen.append(view(home.lake, commit.table))
        home.lake.commit(commit)
        assert view(home.lake, commit.table) == after
        home.lake.discard([left.path for left in home.lake.leftovers(commit.table, before=LATER)])
        assert view(home.lake, commit.table) == after, "what a killed process left is told from what is in use"
        if not is_killed:
            break
    assert seen[-1] == after
    assert [one for one in seen if one not in (before, after)] == []
    assert seen == sorted(seen, key=lambda one: one == after), "once it is there it stays"
    assert seen.count(before) >= 4, "manifest, list, metadata, swap"


def maintain_in(folder):
    (done,) = maintained(make_ground(folder, folder / "none"), NAME).values()
    assert done.error is None, done.error


@pytest.mark.case("A19")
def test_maintenance_killed_at_any_step_loses_nothing_and_the_next_one_finishes(home):
    """The lease of the killed process is taken over at once."""
    for step in itertools.count(1):
        if not is_killed_in_maintenance(home, step, at=STEPS):
            break
    assert step > 8, "before and after files are merged, its snapshot, the expiry"
    assert is_killed_in_maintenance(home, 1, at=[REMOVAL])
    assert is_killed_in_maintenance(home, 7, at=[REMOVAL])


def is_killed_in_maintenance(home, step, *, at):
    rows = ([1, 2, 3, 4, 5, 7], 6, {})
    home.restore()
    home.lake.commit(replace(home.commits["appended"], release=("held",)))
    is_killed = killed_at(step, maintain_in, home.folder, at=at)
    assert view(home.lake, NAME) == rows
    for _ in range(2):
        maintain_in(home.folder)
    assert view(home.lake, NAME) == rows
    ground = make_ground(home.folder, home.folder / "none")
    paths = {file.path for file in Writer(ground.lake).files()}
    assert on_disk(ground, NAME) == paths
    assert len(paths) == len(ground.lake.snapshots(NAME)) == 1
    return is_killed

"""What `make torture` prints, and how it ends. Trials are played by a stand-in; test_torture.py plays real ones."""

import pytest

from snowpipe_platform_tests.torture import __main__ as command
from snowpipe_platform_tests.torture.check import Problem
from snowpipe_platform_tests.torture.trial import TortureError


@pytest.fixture
def torture(monkeypatch, capsys):
    """Run the command with a way to play a trial; returns its exit code and both outputs."""

    def run(play, *words):
        monkeypatch.setattr(command, "play", lambda trial, _killer, tally: play(trial, tally))
        monkeypatch.setattr("sys.argv", ["torture", *words])
        code = command.main()
        return code, *capsys.readouterr()

    return run


def killed(trial, tally):
    tally.trials += 1
    tally.kills["before manifest"] += 1
    tally.formats[trial.shape.file_format] += 1


def lines(text):
    return dict(line.rsplit(maxsplit=1) for line in text.splitlines() if ":" not in line)


def test_it_goes_on_until_there_are_enough_kills(torture):
    code, out, err = torture(killed, "--kills", "12", "--seed", "7")
    told = lines(out)
    assert code == 0
    assert int(told["kills"]) >= 12
    assert told["  before manifest"] == told["kills"] == told["trials"]
    assert (told["lost"], told["doubled"], told["wrong"], told["seed"]) == ("0", "0", "0", "7")
    assert "seed 7: " in err
    assert "seed 8: " in err


def test_a_format_may_be_asked_for(torture):
    _, out, _ = torture(killed, "--kills", "12", "--seed", "7", "--format", "json")
    assert "  over json" in lines(out)
    assert "parquet" not in out


def test_a_finding_ends_it_with_the_seed_that_repeats_it(torture):
    trials = []

    def lose(trial, tally):
        trials.append(trial)
        tally.problems.append(Problem("lost", "a row"))
        raise TortureError("lost: a row")

    code, out, err = torture(lose, "--kills", "12", "--seed", "7")
    assert code == 1
    assert lines(out)["lost"] == "1"
    assert out.endswith("again: python -m snowpipe_platform_tests.torture --kills 1 --seed 7\n")
    assert f"in {trials[0]}" in err


def test_a_seed_plays_the_same_trials_again(torture):
    played = []
    for _ in range(2):
        played.append([])
        torture(lambda trial, tally: (killed(trial, tally), played[-1].append(trial)), "--kills", "9", "--seed", "7")
    assert len(played[0]) >= 9
    assert played[0] == played[1]

"""`make torture`: kill runs until there are enough kills, over both formats, and print what was found."""

import argparse
import secrets
import sys
import time
import traceback

from hypothesis import HealthCheck, Phase, given, seed, settings

from snowpipe_platform_tests.torture.child import STEPS
from snowpipe_platform_tests.torture.killer import AT_RANDOM, Killer
from snowpipe_platform_tests.torture.strategies import trials
from snowpipe_platform_tests.torture.trial import Tally, Trial, play

COMMAND = "python -m snowpipe_platform_tests.torture"
TRIALS_A_SEED = 10
FORMATS = {"parquet": ("parquet",), "json": ("json",), "both": ("parquet", "json")}


def main() -> int:
    """0 when nothing was lost, doubled or wrong, else 1."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--kills", type=int, default=1_000, help="how many runs to kill, at least")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="of the first trials")
    parser.add_argument("--format", choices=FORMATS, default="both", help="of bronze's files")
    options = parser.parse_args()
    killer, tally, started = Killer(), Tally(), time.monotonic()
    now, failed = options.seed, None
    while tally.kills.total() < options.kills and failed is None:
        try:
            _play_some(now, FORMATS[options.format], killer, tally)
        except Exception:  # noqa: BLE001 - a run that raises is a finding too
            traceback.print_exc()
            failed = now
        _say(_progress(tally, options.kills, now, time.monotonic() - started))
        now += 1
    sys.stdout.write(_report(tally, first=options.seed, failed=failed, seconds=time.monotonic() - started))
    return 0 if failed is None else 1


def _play_some(now: int, formats: tuple[str, ...], killer: Killer, tally: Tally) -> None:
    """The trials of one seed. Once one fails, hypothesis looks for the smallest; the tally keeps the first."""

    @seed(now)
    @settings(
        max_examples=TRIALS_A_SEED,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
    )
    @given(trial=trials(formats, moments=True))
    def each(trial: Trial) -> None:
        nonlocal has_failed
        try:
            play(trial, killer, Tally() if has_failed else tally)
        except Exception as error:
            if not has_failed:
                _say(f"{error!r}\nin {trial}\nlooking for a smaller one")
            has_failed = True
            raise

    has_failed = False
    each()


def _say(told: str) -> None:
    sys.stderr.write(told + "\n")
    sys.stderr.flush()


def _progress(tally: Tally, wanted: int, now: int, seconds: float) -> str:
    pace = tally.kills.total() / seconds * 60
    return f"seed {now}: {tally.trials:,} trials, {tally.kills.total():,} of {wanted:,} kills, {pace:,.0f} a minute"


def _report(tally: Tally, *, first: int, failed: int | None, seconds: float) -> str:
    counts = [("trials", tally.trials), ("runs", tally.runs), ("kills", tally.kills.total())]
    counts += [(f"  {step}", tally.kills[step]) for step in (*STEPS, AT_RANDOM)]
    counts += [(f"  over {name}", count) for name, count in sorted(tally.formats.items())]
    counts += [("rows checked", tally.rows_checked)]
    counts += [(kind, tally.count(kind)) for kind in ("lost", "doubled", "wrong")]
    lines = [f"{name:<26}{count:>10,}" for name, count in [*counts, ("seconds", round(seconds))]]
    lines.append(f"{'seed':<26}{first:>10}")
    if failed is not None:
        lines.append(f"again: {COMMAND} --kills 1 --seed {failed}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())

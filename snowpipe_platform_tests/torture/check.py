"""Compare what is there with what the source ever showed. A problem is a sentence; no problem is a proof, for once."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from snowpipe_platform.execution.ground import Ground
from snowpipe_platform_tests.kit import Row
from snowpipe_platform_tests.torture.landed import (
    LandedRow,
    change_rows,
    fact_rows,
    landed_rows,
    latest_of,
    manifests,
    missing_files,
    stray_paths,
)
from snowpipe_platform_tests.torture.shapes import Shape
from snowpipe_platform_tests.torture.source import Source
from snowpipe_platform_tests.torture.work import BRONZE, ENTITY


@dataclass(frozen=True)
class Problem:
    """lost: a row is missing. doubled: it is there too often. wrong: anything else that is not as promised."""

    kind: Literal["lost", "doubled", "wrong"]
    told: str


@dataclass
class Checker:
    """Looks at one trial's folder, again and again: it remembers the watermark, and the log's entries."""

    source: Source
    ground: Ground
    bronze: Path
    rows_checked: int = 0
    _watermark: str | None = None
    _log: tuple[Row, ...] = ()

    @property
    def shape(self) -> Shape:
        return self.source.shape

    def at_any_time(self) -> list[Problem]:
        """What holds after a kill too: nothing is doubled or invented, nothing committed goes, nothing goes back."""
        rows = landed_rows(self.bronze, self.shape)
        self.rows_checked += len(rows)
        return [*self._doubled(rows), *self._invented(rows), *self._log_problems(), *self._watermark_problems()]

    def after_a_run(self) -> list[Problem]:
        """What holds once a run went through."""
        rows = landed_rows(self.bronze, self.shape)
        found = [*self.at_any_time(), *self._lost(rows), *self._deletes(rows), *self._left_over()]
        found += [*self._silver_problems(rows), *self._present_problems(rows)]
        if self.shape.keyed:
            found += self._fact_problems(rows)
        return found

    def _doubled(self, rows: Sequence[LandedRow]) -> Iterator[Problem]:
        """As often as the source came to show it, at most; and never twice in a row. What a comparison of keys opens
        may have landed before, at an instant when the key was closed."""
        yield from self._said_again(rows)
        counted = [row.version for row in rows if not row.is_delete and not row.is_compared]
        for version, count in Counter(counted).items():
            most = self.source.episodes(version)
            if 0 < most < count:
                yield Problem("doubled", f"{version} is in bronze {count} times, and was shown {most} times")
        if self.shape.keyed:
            yield from self._repeated(rows)

    def _repeated(self, rows: Sequence[LandedRow]) -> Iterator[Problem]:
        """A key's row lands again at its watermark only when another one, or a tombstone, lies between."""
        open_rows: dict[int, dict[int | None, LandedRow]] = defaultdict(dict)
        closed: dict[int, LandedRow] = {}
        for row in rows:
            key, mark = row.version.id, None if self.shape.kind == "snapshot" else row.version.mark
            last = closed.get(key) if row.is_delete else open_rows[key].get(mark)
            is_opened = row.is_compared and not row.is_delete
            if last is not None and last.version == row.version and not is_opened:
                done = "deleted" if row.is_delete else "landed"
                yield Problem("doubled", f"{row.version} is {done} by {last.origin} and again by {row.origin}")
            if row.is_delete:
                open_rows[key], closed[key] = {}, row
            else:
                open_rows[key][mark] = row
                closed.pop(key, None)

    def _said_again(self, rows: Sequence[LandedRow]) -> Iterator[Problem]:
        """A comparison closes what is open and opens what is closed."""
        for row in rows:
            if row.is_compared:
                before = latest_of([other for other in rows if other.origin[0] < row.origin[0]]).get(row.version.id)
                if before is None or before.is_delete == row.is_delete:
                    told = "closed" if row.is_delete else "open"
                    yield Problem("doubled", f"key {row.version.id} is {told} already when {row.origin} says so")

    def _invented(self, rows: Sequence[LandedRow]) -> Iterator[Problem]:
        for row in rows:
            if not row.is_delete and not self.source.episodes(row.version):
                yield Problem("wrong", f"{row.version} of {row.origin} was never at the source")
            if row.is_delete and not self.source.times_absent(row.version.id):
                yield Problem("wrong", f"key {row.version.id} is deleted by {row.origin}, and was never gone")

    def _log_problems(self) -> Iterator[Problem]:
        """Entries are numbered without a hole, none that was there has changed, and their files are there."""
        log = tuple(manifests(self.bronze))
        if [entry["number"] for entry in log] != list(range(1, len(log) + 1)):
            yield Problem("lost", f"the log has the entries {[entry['number'] for entry in log]}")
        if log[: len(self._log)] != self._log:
            yield Problem("wrong", "an entry of the log is not what it was")
        self._log = log
        for path in missing_files(self.bronze):
            yield Problem("lost", f"{path} is gone, with its rows")

    def _watermark_problems(self) -> Iterator[Problem]:
        stored = self.ground.state.watermark(ENTITY)
        if self._watermark is not None and (stored is None or self._value(stored) < self._value(self._watermark)):
            yield Problem("wrong", f"the live watermark went back from {self._watermark} to {stored}")
        if stored is not None and stored not in self._logged_watermarks():
            yield Problem("wrong", f"the live watermark is {stored}, which no entry of the log reached")
        self._watermark = stored

    def _logged_watermarks(self) -> list[str]:
        return [entry["coverage"]["upper"] for entry in manifests(self.bronze) if entry["moves_watermark"]]

    def _value(self, watermark: str) -> Any:
        return Decimal(watermark) if self.shape.kind == "number" else watermark

    def _lost(self, rows: Sequence[LandedRow]) -> Iterator[Problem]:
        found = Counter(row.version for row in rows if not row.is_delete)
        for version, least in self.source.required.items():
            if found[version] < least:
                yield Problem("lost", f"{version} is in bronze {found[version]} times, and was shown {least} times")

    def _deletes(self, rows: Sequence[LandedRow]) -> Iterator[Problem]:
        deleted = Counter(row.version.id for row in rows if row.is_delete)
        for key, count in deleted.items():
            if count > self.source.times_absent(key):
                yield Problem("doubled", f"key {key} is deleted {count} times")
        if not self.shape.sees_deletes:
            return
        there = {row.id for row in self.source.rows}
        for key, row in latest_of(rows).items():
            if key not in there and not row.is_delete:
                yield Problem("lost", f"key {key} is gone from the source, and open in bronze")

    def _left_over(self) -> Iterator[Problem]:
        for path in stray_paths(self.bronze):
            yield Problem("wrong", f"{path} is left over")
        for lease in self.ground.state.leases():
            yield Problem("wrong", f"the lease of {lease.resource} is still held")
        for letter in self.ground.dead_letters.all():
            yield Problem("wrong", f"a dead letter waits: {letter.error}")
        logged = self._logged_watermarks()
        if (stored := self.ground.state.watermark(ENTITY)) != (logged[-1] if logged else None):
            yield Problem("wrong", f"the live watermark is {stored}; {BRONZE} reached {logged[-1:]}")

    def _present_problems(self, rows: Sequence[LandedRow]) -> Iterator[Problem]:
        """The latest state of a key is the source's own row."""
        latest = latest_of(rows) if self.shape.keyed else {}
        for version in self.source.present if self.shape.keyed else ():
            state = latest.get(version.id)
            if state is not None and (state.is_delete or state.version != version):
                yield Problem(
                    "wrong", f"the latest state is {state.version} of {state.origin}; the source has {version}"
                )

    def _silver_problems(self, rows: Sequence[LandedRow]) -> Iterator[Problem]:
        """Valid and quarantined rows are those of bronze, each once."""
        expected, found = {row.origin: _as_change(row) for row in rows}, defaultdict[Any, list[Any]](list)
        for number, position, *values in change_rows(self.ground):
            found[number, position].append(tuple(values))
        self.rows_checked += sum(map(len, found.values()))
        for origin in expected.keys() | found.keys():
            wanted, there = expected.get(origin), found[origin]
            if wanted is None or len(there) > 1:
                yield Problem("doubled", f"row {origin} is in silver {len(there)} times: {there}")
            elif not there:
                yield Problem("lost", f"row {origin} is not in silver: {wanted}")
            elif there != [wanted]:
                yield Problem("wrong", f"row {origin} is {there[0]} in silver, and should be {wanted}")

    def _fact_problems(self, rows: Sequence[LandedRow]) -> Iterator[Problem]:
        latest = latest_of([row for row in rows if row.is_valid])
        wanted = Counter((key, int(row.version.amount)) for key, row in latest.items() if not row.is_delete)
        found = Counter(fact_rows(self.ground))
        self.rows_checked += found.total()
        for row in wanted - found:
            yield Problem("lost", f"{row} is not among the facts")
        for row in found - wanted:
            yield Problem("doubled" if row in wanted else "wrong", f"{row} is among the facts too often")


def _as_change(row: LandedRow) -> tuple[Any, ...]:
    """(status, operation, id, amount, instant): worked out here, from the row as it landed."""
    amount = int(row.version.amount) if row.version.amount.isdigit() else None
    return (
        "valid" if row.is_valid else "quarantined",
        "delete" if row.is_delete else "upsert",
        row.version.id,
        amount,
        row.instant,
    )


def told(problems: Sequence[Problem]) -> str:
    return "\n".join(f"{problem.kind}: {problem.told}" for problem in problems)

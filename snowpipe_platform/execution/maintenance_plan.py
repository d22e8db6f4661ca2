"""What maintenance of one table does: which files become one, which snapshots go. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.execution.inputs import snapshot_with
from snowpipe_platform.records import LakeFile, LakeSnapshot
from snowpipe_platform.spec.consumption import UpstreamCommit
from snowpipe_platform.spec.durations import duration_from_text

TARGET_BYTES = 128 * 1024 * 1024
"""Large enough that opening a file costs little beside reading it, small enough for one to be skipped."""
SMALL = 0.75
"""A file below this share of the target is small. Source: Iceberg's rewrite_data_files, as is FEW."""
FEW = 4
"""So many small files in a partition are left alone."""


@dataclass(frozen=True, kw_only=True)
class Upkeep:
    """What maintenance leaves alone.

    now: ages are counted back from it; what happens later is never old. older_than: how long a state of a table can be
    read after the table moved on from it. grace: how long ago a file must have been written, and a state left, before
    anything of it is removed; longer than the longest run or query. target_bytes: of a merged file.
    """

    now: datetime
    older_than: timedelta = timedelta(days=7)
    grace: timedelta = timedelta(days=1)
    target_bytes: int = TARGET_BYTES

    @property
    def expires_before(self) -> datetime:
        """A state that the table left before the instant can go. Iceberg's clock has milliseconds."""
        return _whole_milliseconds(self.now) - max(self.older_than, self.grace)

    @property
    def removes_before(self) -> datetime:
        """A file that was written before the instant can go."""
        return _whole_milliseconds(self.now) - self.grace


def upkeep_of(*, older_than: str, grace: str) -> Upkeep:
    """As of now, from durations as a person types them. Raises ConfigurationError naming the one that is none."""
    spans = {}
    for name, text in {"older-than": older_than, "grace": grace}.items():
        try:
            spans[name] = duration_from_text(text)
        except ValueError as error:
            raise ConfigurationError(f"{name} {text!r} is {error}. Write one such as 7d, 36h or 90m.") from error
    now = datetime.now(UTC).replace(tzinfo=None)
    return Upkeep(now=now, older_than=spans["older-than"], grace=spans["grace"])


def _whole_milliseconds(instant: datetime) -> datetime:
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def merges(
    files: Sequence[LakeFile], *, spared: Collection[str] = (), target_bytes: int = TARGET_BYTES
) -> tuple[tuple[LakeFile, ...], ...]:
    """Files to make one of, group by group, each within one partition and about the target in size. Only partitions
    with more than a few small files are touched. spared: paths that stay as they are."""
    small: dict[tuple[tuple[str, object], ...], list[LakeFile]] = {}
    for file in sorted(files, key=lambda file: file.path):
        if file.size_bytes < SMALL * target_bytes and file.path not in spared:
            small.setdefault(file.partition, []).append(file)
    groups = (group for found in small.values() if len(found) > FEW for group in _packed(found, target_bytes))
    return tuple(group for group in groups if len(group) > 1)


def _packed(files: Sequence[LakeFile], target_bytes: int) -> list[tuple[LakeFile, ...]]:
    groups: list[list[LakeFile]] = []
    room = 0
    for file in files:
        if file.size_bytes > room or not groups:
            groups.append([])
            room = target_bytes
        groups[-1].append(file)
        room -= file.size_bytes
    return [tuple(group) for group in groups]


def expired(
    snapshots: Sequence[LakeSnapshot], consumed: Collection[UpstreamCommit], *, before: datetime
) -> tuple[int, ...]:
    """Snapshots the table left before the instant. Of what a table downstream has consumed, the newest snapshot stays:
    the next run compares with it."""
    compared = {snapshot_with(commit, snapshots) for commit in consumed}
    left = (one for one in snapshots if one.left_at is not None and one.left_at < before)
    return tuple(one.snapshot_id for one in left if one.snapshot_id not in compared)

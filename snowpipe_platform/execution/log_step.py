"""Which rows of a changes table a step along its log brings, takes away and alters. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from snowpipe_platform.spec.bronze_log import standing
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.origins import Origin, decided


@dataclass(frozen=True)
class LogStep:
    """What changes between the entries a table has consumed and those it will have consumed `after`.

    new: entries that bring rows, to take in. withdrawn: numbers of entries in the table that do not count any more.
    altered: origins of other entries in the table whose standing changes. again: of them, those that count: their rows
    are made anew. gone, discarded: of the rows to take in and to make anew.
    """

    after: frozenset[int]
    new: tuple[Manifest, ...]
    withdrawn: frozenset[int]
    altered: frozenset[Origin]
    again: frozenset[Origin]
    gone: frozenset[Origin]
    discarded: frozenset[Origin]

    @classmethod
    def between(cls, log: Sequence[Manifest], done: frozenset[int], after: frozenset[int]) -> "LogStep":
        before_log = [entry for entry in log if entry.number in done]
        after_log = [entry for entry in log if entry.number in after]
        before, now = decided(before_log), decided(after_log)
        stood, stand = standing(before_log), standing(after_log)
        staying = {entry.number for entry in stood} & {entry.number for entry in stand}
        altered = (before.gone ^ now.gone) | (before.discarded ^ now.discarded)
        altered = frozenset(origin for origin in altered if origin.manifest_number in staying)
        new = tuple(entry for entry in stand if entry.number not in done)
        taken_in = {entry.number for entry in new}
        return cls(
            after=after,
            new=new,
            withdrawn=frozenset(entry.number for entry in stood) - staying,
            altered=altered,
            again=altered - now.gone,
            gone=frozenset(origin for origin in now.gone if origin.manifest_number in taken_in),
            discarded=frozenset(o for o in now.discarded if o.manifest_number in taken_in or o in altered),
        )

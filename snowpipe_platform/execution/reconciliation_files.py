"""Whether the files of bronze are what was written: there, whole, and each row what its content hash says."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from snowpipe_platform.errors import LakeError
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.reconciliation_plan import DayWindow, Difference, Found, Part
from snowpipe_platform.execution.reconciliation_rows import named_rows
from snowpipe_platform.ports import Recognizer, Session
from snowpipe_platform.records import BronzeRows, Landed
from snowpipe_platform.spec.bronze_log import watermark_column
from snowpipe_platform.spec.manifest import CONTENT_HASH, DELETE, OPERATION, BronzeFile, Manifest

NOTHING_LANDED = Landed((), {})


@dataclass
class Damages:
    """What is wrong with files, each looked at once. Paths as manifests name them."""

    ground: Ground
    known: dict[str, str | None] = field(default_factory=dict)

    def of(self, file: BronzeFile) -> str | None:
        if file.path not in self.known:
            self.known[file.path] = self.ground.bronze.damage(file)
        return self.known[file.path]

    def among(self, entries: Sequence[Manifest]) -> list[tuple[Manifest, BronzeFile]]:
        """The damaged files of the entries."""
        return [(entry, file) for entry in entries for file in entry.files if self.of(file) is not None]


def check_files(window: DayWindow, log: Sequence[Manifest], damages: Damages) -> Found:
    """Each file of the day's entries. What is found altered counts as damaged from then on."""
    found = Found()
    with ExitStack() as stack:
        reading = _Reading(damages.ground, stack.enter_context(damages.ground.engine.session()), stack)
        for entry in window.entries:
            watermark = entry.watermark_column or watermark_column(log[: entry.number - 1])
            for file in entry.files:
                found += _checked(window, entry, file, damages, lambda: reading.altered(entry, file, watermark))  # noqa: B023 - called at once
    return found


def file_difference(
    entity: str, entry: Manifest, file: BronzeFile, what: str, keys: tuple[str, ...] = ()
) -> Difference:
    return Difference(
        part=Part.FILES,
        where=file.path,
        what=f"of entry {entry.number} in a file that {what}",
        rows=file.rows,
        keys=keys,
        mend=f"snowpipe bronze withdraw {entity} {entry.number} --reason 'damaged file'",
    )


def _checked(
    window: DayWindow, entry: Manifest, file: BronzeFile, damages: Damages, altered: Callable[[], tuple[int, pa.Table]]
) -> Found:
    """Of a damaged file that still reads, the rows that were changed are named."""
    damage = damages.of(file)
    keys: tuple[str, ...] = ()
    try:
        count, rows = altered()
        keys = named_rows(rows, window.query)
        if damage is None and count != file.rows:
            damage = f"has {count:,} rows where {file.rows:,} were written"
        if damage is None and rows.num_rows:
            damage = f"has {rows.num_rows:,} rows that are not what their content hash says"
    except LakeError as error:
        damage = damage or f"does not read ({error})"
    damages.known[file.path] = damage
    if damage is None:
        return Found(files=1, rows=file.rows)
    difference = file_difference(window.query.entity, entry, file, damage, keys)
    return Found(files=1, rows=file.rows, differences=(difference,))


@dataclass(frozen=True)
class _Reading:
    """Reads files, one at a time, and computes what their rows contain. stack: closes what is opened."""

    ground: Ground
    session: Session
    stack: ExitStack
    recognizers: dict[tuple[object, ...], Recognizer] = field(default_factory=dict)

    def altered(self, entry: Manifest, file: BronzeFile, watermark: str | None) -> tuple[int, pa.Table]:
        """How many rows the file has, and those whose content is not what their stored hash says; a tombstone has a
        word in its place. Holds as many rows as whoever wrote the file did. Raises LakeError."""
        alone = entry.model_copy(update={"files": (file,)})
        self.session.bind("file", BronzeRows((alone,), {file.path: self.ground.bronze.locate(file)}, entry.schema))
        rows = self.session.fetch(ibis.table(entry.schema, name="file"))
        if not rows.num_rows:
            return 0, rows
        (batch,) = rows.drop_columns([CONTENT_HASH]).combine_chunks().to_batches()
        content = self._recognizer(entry, watermark).new_rows(batch).rows[CONTENT_HASH]
        is_tombstone = pc.and_(pc.equal(rows[OPERATION], DELETE), pc.equal(rows[CONTENT_HASH], DELETE))
        agrees = pc.or_kleene(pc.equal(content, rows[CONTENT_HASH]), is_tombstone)
        return rows.num_rows, rows.filter(pc.invert(pc.fill_null(agrees, fill_value=False)))

    def _recognizer(self, entry: Manifest, watermark: str | None) -> Recognizer:
        """One for all files of the same columns: it only computes."""
        asked = (entry.columns, watermark)
        if asked not in self.recognizers:
            schema = ibis.schema({column.name: column.type for column in entry.columns}).to_pyarrow()
            made = self.ground.recognizer(schema=schema, key=(), watermark=watermark, landed=NOTHING_LANDED)
            self.stack.callback(made.close)
            self.recognizers[asked] = made
        return self.recognizers[asked]

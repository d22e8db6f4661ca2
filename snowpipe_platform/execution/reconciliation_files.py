"""Whether the files of bronze are what was written: there, whole, and each row what its content hash says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from snowpipe_platform.errors import LakeError
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.reconciliation_plan import DayWindow, Difference, Found, Part
from snowpipe_platform.execution.reconciliation_rows import named_rows
from snowpipe_platform.ports import Recognizer
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
    for entry in window.entries:
        rows_of = _reader(entry, damages.ground)
        recognizer = damages.ground.recognizer(
            schema=ibis.schema({column.name: column.type for column in entry.columns}).to_pyarrow(),
            key=(),
            watermark=entry.watermark_column or watermark_column(log[: entry.number - 1]),
            landed=NOTHING_LANDED,
        )
        try:
            for file in entry.files:
                found += _checked(window, entry, file, damages, rows_of, recognizer)
        finally:
            recognizer.close()
    return found


def file_difference(
    entity: str, entry: Manifest, file: BronzeFile, what: str, keys: tuple[str, ...] = ()
) -> Difference:
    return Difference(
        part=Part.FILES,
        where=file.path,
        what=f"rows of entry {entry.number} lie in a file that {what}",
        rows=file.rows,
        keys=keys,
        mend=f"restore {file.path}, or: snowpipe bronze withdraw {entity} {entry.number} --reason 'damaged file'",
    )


def _checked(  # noqa: PLR0913, PLR0917 - what a file is checked with
    window: DayWindow,
    entry: Manifest,
    file: BronzeFile,
    damages: Damages,
    rows_of: Callable[[BronzeFile], pa.Table],
    recognizer: Recognizer,
) -> Found:
    """Of a damaged file that still reads, the rows that were changed are named."""
    damage = damages.of(file)
    keys: tuple[str, ...] = ()
    try:
        rows = rows_of(file)
        altered = _altered(rows, recognizer)
        keys = named_rows(altered, window.query)
        if damage is None and rows.num_rows != file.rows:
            damage = f"has {rows.num_rows:,} rows where {file.rows:,} were written"
        if damage is None and altered.num_rows:
            damage = f"has {altered.num_rows:,} rows that are not what their content hash says"
    except LakeError as error:
        damage = damage or f"does not read ({error})"
    damages.known[file.path] = damage
    if damage is None:
        return Found(files=1, rows=file.rows)
    difference = file_difference(window.query.entity, entry, file, damage, keys)
    return Found(files=1, rows=file.rows, differences=(difference,))


def _reader(entry: Manifest, ground: Ground) -> Callable[[BronzeFile], pa.Table]:
    """Reads a file's rows: as many as whoever wrote it had in memory."""

    def rows(file: BronzeFile) -> pa.Table:
        alone = entry.model_copy(update={"files": (file,)})
        locations: Mapping[str, str] = {file.path: ground.bronze.locate(file)}
        with ground.engine.session() as session:
            session.bind("file", BronzeRows((alone,), locations, entry.schema))
            return session.fetch(ibis.table(entry.schema, name="file"))

    return rows


def _altered(rows: pa.Table, recognizer: Recognizer) -> pa.Table:
    """The rows whose content is not what their stored hash says. A tombstone has a word in its place."""
    if not rows.num_rows:
        return rows
    (batch,) = rows.drop_columns([CONTENT_HASH]).combine_chunks().to_batches()
    content = recognizer.new_rows(batch).rows[CONTENT_HASH]
    is_tombstone = pc.and_(pc.equal(rows[OPERATION], DELETE), pc.equal(rows[CONTENT_HASH], DELETE))
    agrees = pc.or_(pc.fill_null(pc.equal(content, rows[CONTENT_HASH]), fill_value=False), is_tombstone)
    return rows.filter(pc.invert(pc.fill_null(agrees, fill_value=False)))

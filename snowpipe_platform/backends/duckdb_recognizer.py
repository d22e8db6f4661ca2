"""Recognition of landed rows, with DuckDB over Arrow batches.

With a key, a row is known when its content equals an image of its key and watermark that the latest manifest holding
that key and watermark landed; so a value that goes back to what it was is new, and a late tie is taken once. In a
snapshot, which has no watermark, the latest manifest holding the key decides. Where rows that lie together show a key
and watermark with several contents at once, none of them has gone back to anything: each is known when any manifest
landed it, or the two would take turns being new for ever. What was landed before the key's last tombstone does not
count; a row the source marks as deleted is no tombstone, and stays known. Without a key, rows are compared as bags: as
many copies are new as were read more than landed.

Content is the md5 of the declared columns' canonical texts, nulls left out, so an added column that is null changes
nothing and a widened number stays what it is. Each landed row is compared over the columns it was landed with: a column
that is new since says nothing of it. A snapshot's is compared over all columns, those it came without being null: every
run shows every row, and a value that is there now is a change.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import duckdb
import ibis
import pyarrow as pa
import pyarrow.compute as pc

from snowpipe_platform.backends.canonical_text import canonical_text, key_text, sized
from snowpipe_platform.backends.duckdb_errors import lake_errors
from snowpipe_platform.backends.duckdb_repeats import Repeats, RepeatsAnywhere, RepeatsInTies
from snowpipe_platform.backends.duckdb_sql import QUIET, bronze_sql, identifier, literal
from snowpipe_platform.backends.spill import spill_folder
from snowpipe_platform.records import Landed, Recognized
from snowpipe_platform.spec.manifest import CONTENT_HASH, DELETE, NANOSECONDS, PLATFORM_COLUMNS, Manifest

MEMORY_LIMIT = "1GB"
"""Above it, what is compared with spills to a temporary folder."""
_READ_ROWS = 100_000
_NO_ROOM = f"Comparing with landed rows may use {MEMORY_LIMIT}: set a lower batch_size for the query."
# A source's columns may have any other name.
_HASH, _HASHES, _KEY, _MARK, _POSITION = "__hash", "__hashes", "__key", "__mark", "__position"
_NEWEST = f"max(manifest_number) OVER (PARTITION BY {_KEY}, {_MARK})"
_DELETION = f"max(manifest_number) FILTER ({CONTENT_HASH} = {literal(DELETE)}) OVER (PARTITION BY {_KEY})"
_NOT_DELETED = f"manifest_number > coalesce({_DELETION}, 0)"


class DuckDBRecognizer:
    """The `Recognizer` of one extraction; what it compares with lies in a private database that spills to disk.

    Table `landed` has the images to compare with: their hash; for a snapshot also the key and its columns; without a
    key how many `copies` no row read has met yet. Table `seen`: the keys of a snapshot that were landed and read again.
    Table `earlier`, made when it is needed first: hashes of the images that a later manifest's took the place of.
    """

    def __init__(
        self, *, schema: pa.Schema, key: Sequence[str], watermark: str | None, landed: Landed, ordered: bool = True
    ) -> None:
        self._types = ibis.Schema.from_pyarrow(schema)
        self._key, self._watermark = list(key), watermark
        self._names = [*schema.names, *PLATFORM_COLUMNS]
        self._compared = self._compared_columns(landed)
        self._spill = spill_folder()
        config = {"memory_limit": MEMORY_LIMIT, "temp_directory": self._spill.name}
        self._database = duckdb.connect(config=config)
        self._database.execute(QUIET)
        tie = list(dict.fromkeys([*([watermark] if watermark else []), *key]))
        self._repeats: Repeats = RepeatsInTies(tie, self._database) if ordered else RepeatsAnywhere(self._database)
        self._landed, self._ordered, self._has_earlier = landed, ordered, False
        self._last: tuple[object, object] | None = None
        self._has_landed = any(manifest.files for manifest in landed.manifests)
        if self._has_landed:
            try:
                self._load()
            except BaseException:
                self.close()
                raise

    @lake_errors(out_of_memory=_NO_ROOM)
    def new_rows(self, batch: pa.RecordBatch) -> Recognized:
        rows = pa.Table.from_batches([batch])
        hashed = self._hashed(rows)
        rows = rows.append_column(CONTENT_HASH, hashed[CONTENT_HASH]).select(self._names)
        if self._has_landed:
            rows = rows.filter(pc.invert(self._known(hashed)))
        if self._key:
            rows = self._repeats.leave_out(rows)
        return Recognized(rows, batch.num_rows - rows.num_rows)

    def missing_keys(self) -> Iterator[pa.RecordBatch]:
        if self._watermark is not None or not self._has_landed:
            return
        keys = ", ".join(identifier(name) for name in self._key)
        sql = f"SELECT DISTINCT {keys}, {_KEY} FROM landed ANTI JOIN seen USING ({_KEY}) ORDER BY {_KEY}"  # noqa: S608
        with lake_errors(out_of_memory=_NO_ROOM):
            for batch in self._database.execute(sql).to_arrow_reader(_READ_ROWS):
                yield batch.select(self._key)

    def close(self) -> None:
        self._database.close()
        self._spill.cleanup()

    def _hashed(self, rows: pa.Table) -> pa.Table:
        """For each row its content hash, the hashes to compare by, its key and its mark."""
        columns = [f"{self._content(list(self._types))} AS {CONTENT_HASH}"]
        if self._has_landed:
            hashes = ", ".join(self._hash(names) for names in self._compared)
            columns += [f"[{hashes}] AS {_HASHES}", f"{self._key_text()} AS {_KEY}", f"{self._mark_text()} AS {_MARK}"]
        with self._registered(batch=rows):
            return self._database.execute(f"SELECT {', '.join(columns)} FROM batch").to_arrow_table()  # noqa: S608

    def _known(self, hashed: pa.Table) -> pa.ChunkedArray:
        """Whether each row was landed before."""
        positions = pa.array(range(hashed.num_rows), pa.int64())
        with self._registered(hashed=hashed.append_column(_POSITION, positions)):
            if not self._key:
                return pc.is_in(positions, value_set=self._known_copies())
            sql = f"SELECT DISTINCT {_POSITION} FROM ({_each_hash('hashed')}) SEMI JOIN landed USING ({_HASH})"  # noqa: S608
            known = self._database.execute(sql).to_arrow_table()[_POSITION].combine_chunks()
            if self._ordered and hashed.num_rows:
                known = pa.concat_arrays([known, *self._known_beside_others(hashed, known)])
            if self._watermark is None:
                self._database.execute(
                    f"INSERT INTO seen SELECT DISTINCT {_KEY} FROM hashed SEMI JOIN landed USING ({_KEY})"  # noqa: S608
                )
        return pc.is_in(positions, value_set=known)

    def _known_copies(self) -> pa.Array:
        """Positions of rows that were landed as often as they were read so far, each of which takes one copy."""
        self._database.execute(f"CREATE OR REPLACE TEMP TABLE met ({_POSITION} BIGINT, {_HASH} VARCHAR)")
        nth = f"row_number() OVER (PARTITION BY {_HASH} ORDER BY {_POSITION})"
        for place in range(1, len(self._compared) + 1):
            unmet = f"SELECT {_POSITION}, {_HASHES}[{place}] AS {_HASH} FROM hashed ANTI JOIN met USING ({_POSITION})"  # noqa: S608
            self._database.execute(
                f"INSERT INTO met SELECT {_POSITION}, {_HASH} FROM ({unmet}) JOIN landed USING ({_HASH}) "  # noqa: S608
                f"QUALIFY {nth} <= copies"
            )
        taken = f"SELECT {_HASH} AS met_hash, count(*) AS n FROM met GROUP BY ALL"  # noqa: S608
        self._database.execute(f"UPDATE landed SET copies = copies - n FROM ({taken}) WHERE {_HASH} = met_hash")  # noqa: S608
        return self._database.execute(f"SELECT {_POSITION} FROM met").to_arrow_table()[_POSITION].combine_chunks()  # noqa: S608

    def _known_beside_others(self, hashed: pa.Table, known: pa.Array) -> list[pa.Array]:
        """Positions of rows that earlier manifests landed and that stand beside others of their key and watermark."""
        first, last = ((hashed[_KEY][at].as_py(), hashed[_MARK][at].as_py()) for at in (0, hashed.num_rows - 1))
        goes_on, self._last = self._last == first, last
        if len(known) == hashed.num_rows:
            return []
        beside = f"min({CONTENT_HASH}) OVER of_key <> max({CONTENT_HASH}) OVER of_key"
        beside += f" OR ({_KEY} = ? AND {_MARK} = ?)" if goes_on else ""
        self._database.execute(
            f"CREATE OR REPLACE TEMP TABLE beside AS SELECT {_POSITION}, {_HASHES} FROM hashed "  # noqa: S608
            f"WINDOW of_key AS (PARTITION BY {_KEY}, {_MARK}) QUALIFY {beside}",
            list(first) if goes_on else [],
        )
        seen = f"SELECT {_POSITION} FROM ({_each_hash('beside')}) SEMI JOIN landed USING ({_HASH})"  # noqa: S608
        unknown = f"SELECT count(*) FROM beside ANTI JOIN ({seen}) USING ({_POSITION})"  # noqa: S608
        if not self._database.execute(unknown).fetchone()[0]:
            return []
        self._load_earlier()
        sql = f"SELECT DISTINCT {_POSITION} FROM ({_each_hash('beside')}) SEMI JOIN earlier USING ({_HASH})"  # noqa: S608
        return [self._database.execute(sql).to_arrow_table()[_POSITION].combine_chunks()]

    def _load_earlier(self) -> None:
        if not self._has_earlier:
            self._database.execute(f"CREATE TEMP TABLE earlier AS {_earlier_images(self._images())}")
            self._has_earlier = True

    @contextmanager
    def _registered(self, **tables: pa.Table) -> Iterator[None]:
        for name, table in tables.items():
            self._database.register(name, table)
        try:
            yield
        finally:
            for name in tables:
                self._database.unregister(name)

    def _compared_columns(self, landed: Landed) -> dict[tuple[str, ...], list[Manifest]]:
        """Which manifests' rows are compared over which columns; all columns of now come first."""
        found: dict[tuple[str, ...], list[Manifest]] = {tuple(self._types): []}
        for manifest in landed.manifests:
            found.setdefault(self._common(manifest), []).append(manifest)
        return found

    def _common(self, manifest: Manifest) -> tuple[str, ...]:
        """The columns that both the manifest's rows and those of now have; all of now's in a snapshot."""
        has = {*manifest.column_names, *self._key, self._watermark}
        return tuple(name for name in self._types if self._watermark is None or name in has)

    @lake_errors(out_of_memory=_NO_ROOM)
    def _load(self) -> None:
        if not self._key:
            sql = f"SELECT {_HASH}, count(*) AS copies FROM ({self._images()}) GROUP BY ALL"  # noqa: S608
        else:
            kept = [] if self._watermark else [_KEY, *map(identifier, self._key)]
            sql = _latest_images(self._images(), ", ".join([_HASH, *kept]))
        self._database.execute(f"CREATE TEMP TABLE landed AS {sql}")
        self._database.execute(f"CREATE TEMP TABLE seen ({_KEY} VARCHAR)")

    def _images(self) -> str:
        """The landed rows, each with its hash to compare by, its key and its watermark."""
        parts = []
        for names, manifests in self._compared.items():
            stored = [one for one in manifests if self._vouches(one, names)]
            others = [one for one in manifests if one not in stored]
            parts += [(f"image.{CONTENT_HASH}", stored), (self._hash(names), others)]
        return " UNION ALL ".join(self._images_of(manifests, content) for content, manifests in parts if manifests)

    def _vouches(self, manifest: Manifest, names: tuple[str, ...]) -> bool:
        """Whether the hashes stored with its rows are of these columns. Nulls are left out of a hash, so a snapshot's
        rows need not have them all."""
        return self._landed.hashes_vouch and names == tuple(self._types) and set(manifest.column_names) <= set(names)

    def _images_of(self, manifests: Sequence[Manifest], content: str) -> str:
        source = self._bronze(replace(self._landed, manifests=tuple(manifests)))
        columns = f"*, {content} AS {_HASH}, {self._key_text()} AS {_KEY}, {self._mark_text()} AS {_MARK}"
        return f"SELECT {columns} FROM ({source}) AS image"  # noqa: S608

    def _hash(self, names: tuple[str, ...]) -> str:
        """The hash of these columns, told apart from those of others."""
        place = list(self._compared).index(names)
        return f"'{place}:' || {self._content(names)}" if place else self._content(names)

    def _bronze(self, landed: Landed) -> str:
        """SQL for landed rows, in the types of the rows they are compared with."""
        return bronze_sql(landed.manifests, landed.locations, ibis.schema(dict(self._types.items()) | PLATFORM_COLUMNS))

    def _mark_text(self) -> str:
        """The whole watermark: rows a nanosecond apart are two."""
        return f"{key_text([self._watermark], self._types)} || '+' || {NANOSECONDS}" if self._watermark else "''"

    def _key_text(self) -> str:
        return key_text(self._key, self._types) if self._key else "''"

    def _content(self, names: Sequence[str]) -> str:
        parts = [f"{literal(name)} || '=' || {sized(self._text(name))}" for name in sorted(names)]
        if self._watermark in names:
            parts.append(f"nullif({NANOSECONDS}, 0)::VARCHAR")
        return f"md5(concat_ws(';', {', '.join(parts)}))"

    def _text(self, name: str) -> str:
        return canonical_text(identifier(name), self._types[name])


def _each_hash(table: str) -> str:
    """A row for each hash of a row."""
    return f"SELECT {_POSITION}, unnest({_HASHES}) AS {_HASH} FROM {table}"  # noqa: S608


def _latest_images(images: str, wanted: str) -> str:
    """Of each key and watermark what the latest manifest holding them landed, unless a tombstone came since."""
    return f"SELECT DISTINCT {wanted} FROM ({images}) QUALIFY manifest_number = {_NEWEST} AND {_NOT_DELETED}"  # noqa: S608


def _earlier_images(images: str) -> str:
    """Hashes of what manifests before the latest holding a key and watermark landed, unless a tombstone came since."""
    return f"SELECT DISTINCT {_HASH} FROM ({images}) QUALIFY manifest_number < {_NEWEST} AND {_NOT_DELETED}"  # noqa: S608

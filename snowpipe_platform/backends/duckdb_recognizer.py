"""Recognition of landed rows, with DuckDB over Arrow batches.

With a key, a row is known when its content equals an image of its key and watermark that the latest manifest holding
that key and watermark landed; so a value that goes back to what it was is new, a late tie is taken once, and a key the
source wrongly has twice lands twice, once. Without a watermark (a snapshot) the latest image of the key decides.
Without a key, rows are compared as bags: as many copies are new as were read more than landed.

Content is the md5 of the declared columns' canonical texts, nulls left out, so an added column that is null changes
nothing and a widened number stays what it is. After a schema change the columns both sides have are compared.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import ibis
import ibis.expr.datatypes as dt
import pyarrow as pa

from snowpipe_platform.backends.duckdb_sql import bronze_sql, identifier, literal
from snowpipe_platform.ports import Landed, Recognized
from snowpipe_platform.spec.manifest import CONTENT_HASH, DELETE, NANOSECONDS, OPERATION, PLATFORM_COLUMNS, ROW_NUMBER

_READ_ROWS = 100_000


class DuckDBRecognizer:
    """The `Recognizer` of one extraction; what it compares with lies in a private database that spills to disk."""

    def __init__(self, *, schema: pa.Schema, key: Sequence[str], watermark: str | None, landed: Landed) -> None:
        self._columns = ibis.Schema.from_pyarrow(schema)
        self._key, self._watermark = list(key), watermark
        self._names = [*schema.names, *PLATFORM_COLUMNS]
        self._database = duckdb.connect()
        self._common = self._common_columns(landed)
        self._has_landed = self._load(landed)
        self._tracks_seen = bool(key) and watermark is None

    def new_rows(self, batch: pa.RecordBatch) -> Recognized:
        if batch.num_rows == 0:
            return Recognized(self._empty(batch.schema), 0)
        self._database.register("batch", pa.table(batch))
        self._database.execute(f"CREATE OR REPLACE TEMP TABLE hashed AS SELECT *, {self._marks()} FROM batch")  # noqa: S608
        sql = self._new_by_key() if self._key else self._new_by_bag()
        rows = self._database.execute(sql).to_arrow_table()
        self._remember()
        self._database.unregister("batch")
        return Recognized(rows.select(self._names), batch.num_rows - rows.num_rows)

    def missing_keys(self) -> Iterator[pa.RecordBatch]:
        if not self._has_landed or not self._tracks_seen:
            return
        keys = ", ".join(identifier(name) for name in self._key)
        yield from self._database.execute(
            f"SELECT {keys} FROM landed WHERE NOT is_deleted AND _key NOT IN (SELECT _key FROM seen) ORDER BY _key"  # noqa: S608
        ).to_arrow_reader(_READ_ROWS)

    def close(self) -> None:
        self._database.close()

    def _common_columns(self, landed: Landed) -> list[str] | None:
        """The columns to compare when some manifest has others than this extraction; None when all are the same."""
        sets = [set(manifest.column_names) for manifest in landed.manifests if manifest.files]
        own = set(self._columns)
        return None if all(names == own for names in sets) else sorted(own.intersection(*sets))

    def _load(self, landed: Landed) -> bool:
        """Table `landed`: the images to compare with. Returns whether there are any."""
        self._database.execute("CREATE TEMP TABLE seen (_key VARCHAR)")
        self._database.execute("CREATE TEMP TABLE tail (_key VARCHAR, _mark VARCHAR, _hash VARCHAR)")
        if not any(manifest.files for manifest in landed.manifests):
            return False
        columns = ibis.schema(dict(self._columns.items()) | PLATFORM_COLUMNS)
        source = bronze_sql(landed.manifests, landed.locations, columns)
        content = f"file.{CONTENT_HASH}" if self._common is None else self._recomputed()
        keys = "".join(f", {identifier(name)}" for name in self._key)
        marked = f"SELECT {self._mark_columns(content)}, manifest_number, {ROW_NUMBER}{keys}, {OPERATION} FROM ({source}) AS file"  # noqa: S608
        self._database.execute(f"CREATE TEMP TABLE landed AS {self._latest(marked)}")
        return True

    def _latest(self, marked: str) -> str:
        if not self._key:
            return f"SELECT _hash, count(*) AS copies, 0::BIGINT AS seen FROM ({marked}) GROUP BY _hash"  # noqa: S608
        if self._watermark is None:
            keys = "".join(f", {identifier(name)}" for name in self._key)
            return (
                f"SELECT _key, _mark, _hash{keys}, {OPERATION} = {literal(DELETE)} AS is_deleted FROM ({marked}) "  # noqa: S608
                f"QUALIFY row_number() OVER (PARTITION BY _key ORDER BY manifest_number DESC, {ROW_NUMBER} DESC) = 1"
            )
        newest = "manifest_number = max(manifest_number) OVER (PARTITION BY _key, _mark)"
        return f"SELECT DISTINCT _key, _mark, _hash FROM ({marked} QUALIFY {newest})"  # noqa: S608

    def _marks(self) -> str:
        """The columns a batch is compared by: `_hash` may leave out columns, the stored content hash never does."""
        full = self._content(list(self._columns))
        compared = "" if self._common is None else f", {self._content(self._common)} AS _compared"
        hash_column = CONTENT_HASH if self._common is None else "_compared"
        return f"{full} AS {CONTENT_HASH}{compared}, {self._mark_columns(hash_column)}"

    def _mark_columns(self, content: str) -> str:
        key = _joined([self._text(name) for name in self._key]) if self._key else "''"
        mark = f"coalesce({self._text(self._watermark)}, '')" if self._watermark else "''"
        return f"{key} AS _key, {mark} AS _mark, {content} AS _hash"

    def _recomputed(self) -> str:
        own = self._content(self._common or [])
        return f"CASE WHEN {OPERATION} = {literal(DELETE)} THEN {literal(DELETE)} ELSE {own} END"

    def _content(self, names: Sequence[str]) -> str:
        parts = [f"{literal(name)} || '=' || {_sized(self._text(name))}" for name in sorted(names)]
        if self._watermark in names:
            parts.append(f"nullif({NANOSECONDS}, 0)::VARCHAR")
        return f"md5(concat_ws(';', {', '.join(parts)}))"

    def _text(self, name: str) -> str:
        return canonical_text(identifier(name), self._columns[name])

    def _new_by_key(self) -> str:
        """Not landed, not repeated in this batch, and not in the tie the batch before ended with."""
        known = "(SELECT * FROM tail)"
        if self._has_landed:
            known = "(SELECT _key, _mark, _hash FROM landed UNION ALL SELECT * FROM tail)"
        return (
            f"SELECT * FROM hashed ANTI JOIN {known} AS known USING (_key, _mark, _hash) "  # noqa: S608
            f"QUALIFY row_number() OVER (PARTITION BY _key, _mark, _hash ORDER BY {ROW_NUMBER}) = 1 ORDER BY {ROW_NUMBER}"
        )

    def _new_by_bag(self) -> str:
        if not self._has_landed:
            return f"SELECT * FROM hashed ORDER BY {ROW_NUMBER}"
        return (
            "SELECT hashed.* FROM hashed LEFT JOIN landed USING (_hash) "
            f"QUALIFY coalesce(seen, 0) + row_number() OVER (PARTITION BY _hash ORDER BY {ROW_NUMBER}) "
            f"> coalesce(copies, 0) ORDER BY {ROW_NUMBER}"
        )

    def _remember(self) -> None:
        """Rows are ordered by watermark, so only the batch's last tie can go on in the next one."""
        if not self._key:
            if self._has_landed:
                self._database.execute(
                    "UPDATE landed SET seen = seen + n FROM (SELECT _hash AS h, count(*) AS n FROM hashed GROUP BY 1) "
                    "WHERE _hash = h"
                )
            return
        if self._tracks_seen:
            self._database.execute("INSERT INTO seen SELECT DISTINCT _key FROM hashed")
        last = f"SELECT arg_max(_mark, {ROW_NUMBER}) FROM hashed"  # noqa: S608
        same_key = f"_key = (SELECT arg_max(_key, {ROW_NUMBER}) FROM hashed)" if self._tracks_seen else "true"  # noqa: S608
        self._database.execute(f"DELETE FROM tail WHERE _mark <> ({last}) OR NOT {same_key}")  # noqa: S608
        self._database.execute(
            f"INSERT INTO tail SELECT DISTINCT _key, _mark, _hash FROM hashed WHERE _mark = ({last}) AND {same_key}"  # noqa: S608
        )

    def _empty(self, schema: pa.Schema) -> pa.Table:
        return schema.append(pa.field(CONTENT_HASH, pa.string())).empty_table().select(self._names)


def canonical_text(column: str, dtype: dt.DataType) -> str:
    """SQL for a text that is the same for equal values, whatever width of type holds them. Null stays null."""
    if dtype.is_decimal():
        text = f"CAST({column} AS VARCHAR)"
        return f"CASE WHEN contains({text}, '.') THEN rtrim(rtrim({text}, '0'), '.') ELSE {text} END"
    if dtype.is_timestamp():
        return f"CAST(epoch_us({column}) AS VARCHAR)"
    if dtype.is_binary():
        return f"hex({column})"
    return f"CAST({column} AS VARCHAR)"


def _sized(text: str) -> str:
    """A length in front makes the concatenation of texts unambiguous."""
    return f"length({text}) || ':' || {text}"


def _joined(texts: Sequence[str]) -> str:
    return " || ';' || ".join(f"coalesce({_sized(text)}, '-')" for text in texts)


def duckdb_recognizer(*, schema: pa.Schema, key: Sequence[str], watermark: str | None, landed: Landed) -> Any:  # noqa: ANN401
    """The `RecognizerFactory` of the embedded ground."""
    return DuckDBRecognizer(schema=schema, key=key, watermark=watermark, landed=landed)

"""A CSV file somebody dropped: a header, commas, UTF-8. Every value is text; an empty field is null, `""` empty text.

Python's reader, which is strict, proves the form and knows the line of what is wrong; Arrow's reads the values, as it
alone tells an empty field from a quoted one. Arrow's alone would take an unclosed quote for a value that goes on to the
end of the file.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from functools import partial

import pyarrow as pa
import pyarrow.csv as arrow_csv

from snowpipe_platform.errors import ArrivalError
from snowpipe_platform.execution.dropped import Dropped, Numbered, Opener, column_names

BLOCK_BYTES = 8 * 1024 * 1024
"""What Arrow parses at a time, and so the longest row."""
OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs"}


def open_csv(name: str, opened: Opener) -> Dropped:
    """Reads the whole file once, to prove its form."""
    header, rows = _proved(name, opened)
    names = column_names(name, header)
    schema = pa.schema([pa.field(column, pa.string()) for column in names])
    spelt = dict(zip(names, header, strict=True))
    return Dropped(name, schema, False, "row", partial(_batches, name, opened, spelt, rows))


def _proved(name: str, opened: Opener) -> tuple[list[str], int]:
    """The header, and how many rows follow it."""
    csv.field_size_limit(BLOCK_BYTES)  # its own is 131,072 characters; the setting is of the whole process
    with opened() as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
        reader = csv.reader(text, strict=True)
        header: list[str] = []
        rows, begin = 0, 1
        try:
            for row in reader:
                if header and row and len(row) != len(header):
                    raise ArrivalError(
                        f"{name}: the row that begins in line {begin} has {len(row)} fields, the header {len(header)}. "
                        "Put values that hold a comma, a quote or a line break in quotes, and write the file again."
                    )
                rows += 1 if header and row else 0
                if row and not header:
                    header = _separated(name, row)
                begin = reader.line_num + 1
        except csv.Error as error:
            msg = f"{name}: the row that begins in line {begin} is no CSV: {error}. Close its quotes, and double those "
            raise ArrivalError(f"{msg}inside a quoted value.") from error
        except UnicodeDecodeError as error:
            msg = f"{name}: the text is not UTF-8, in line {begin} or soon after it. Write the file in UTF-8."
            raise ArrivalError(msg) from error
    if not header:
        raise ArrivalError(f"{name}: the file is empty. Give it a header with the names of the columns.")
    return header, rows


def _separated(name: str, header: list[str]) -> list[str]:
    """The header. Raises ArrivalError where something else than commas separates it."""
    found = next((word for sign, word in OTHER_DELIMITERS.items() if len(header) == 1 and sign in header[0]), None)
    if found is not None:
        raise ArrivalError(
            f"{name}: the header has {found} between its columns. Separate values by commas, and write the file again."
        )
    return header


def _batches(
    name: str, opened: Opener, spelt: dict[str, str], rows: int, columns: Sequence[str] | None
) -> Iterator[Numbered]:
    """spelt: the header's own spelling of each column."""
    wanted = list(spelt if columns is None else columns)
    header = [spelt[column] for column in wanted]
    converting = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(spelt.values(), pa.string()),
        include_columns=header,
        strings_can_be_null=True,
        null_values=[""],
        quoted_strings_can_be_null=False,
    )
    count = 0
    with opened() as file:
        reader = arrow_csv.open_csv(
            file,
            read_options=arrow_csv.ReadOptions(block_size=BLOCK_BYTES),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
            convert_options=converting,
        )
        for batch in reader:
            yield Numbered(batch.rename_columns(wanted), range(count + 1, count + batch.num_rows + 1))
            count += batch.num_rows
    if count != rows:
        raise ArrivalError(f"{name}: {rows:,} rows were counted and {count:,} read. Write the file again.")

from decimal import Decimal
from pathlib import Path

import duckdb
import ibis
import pytest

from snowpipe_platform.backends.duckdb_recognizer import DuckDBRecognizer, canonical_text
from snowpipe_platform.errors import LakeError
from snowpipe_platform.records import Landed
from snowpipe_platform_tests.contracts.recognizer import SCHEMA, Log, RecognizerContract, batch_of


@pytest.fixture(scope="module")
def make_recognizer():
    return DuckDBRecognizer


class TestDuckDBRecognizer(RecognizerContract):
    pass


@pytest.mark.parametrize(
    ("narrow", "wide", "value"),
    [
        ("int8", "int64", "5"),
        ("int32", "decimal(38, 0)", "-5"),
        ("int32", "decimal(12, 2)", "500"),
        ("decimal(5, 1)", "decimal(9, 3)", "2.5"),
        ("decimal(5, 1)", "decimal(9, 3)", "0.0"),
        ("decimal(5, 0)", "decimal(9, 3)", "100"),
        ("float32", "float64", "0.5"),
        ("date", "timestamp(6)", "2024-03-01"),
        ("date", "timestamp(6)", "0001-01-01"),
    ],
)
def test_a_widened_value_has_the_same_text(narrow, wide, value):
    types = {
        "int8": "TINYINT",
        "int32": "INT",
        "int64": "BIGINT",
        "float32": "FLOAT",
        "float64": "DOUBLE",
        "timestamp(6)": "TIMESTAMP",
    }
    texts = {
        duckdb.sql(
            f"SELECT {canonical_text(f'''CAST('{value}' AS {types.get(name, name)})''', ibis.dtype(name))}"
        ).fetchone()
        for name in (narrow, wide)
    }
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("dtype", "value", "text"),
    [
        ("decimal(38, 0)", f"{10**37}::DECIMAL(38,0)", str(10**37)),
        ("decimal(38, 8)", "0.00000001::DECIMAL(38,8)", str(Decimal("0.00000001").__format__("f"))),
        ("timestamp(6)", "'infinity'::TIMESTAMP", "infinity"),
        ("binary", "'\\xFF'::BLOB", "FF"),
        ("boolean", "true", "true"),
        ("float64", "'nan'::DOUBLE", "nan"),
        ("string", "NULL::VARCHAR", None),
    ],
)
def test_the_canonical_text_of_a_value(dtype, value, text):
    assert duckdb.sql(f"SELECT {canonical_text(value, ibis.dtype(dtype))}").fetchone() == (text,)


def test_a_landed_file_that_is_missing_is_named_and_nothing_is_left_open(tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    log = Log(tmp_path / "bronze")
    recognizer = DuckDBRecognizer(schema=SCHEMA, key=["id"], watermark="at", landed=Landed((), {}))
    log.land(recognizer.new_rows(batch_of([(1, 1, "a", 0)])).rows)
    recognizer.close()
    (file,) = log.manifests[0].files
    path = log.store.locate(file)
    Path(path).unlink()
    with pytest.raises(LakeError) as told:
        DuckDBRecognizer(
            schema=SCHEMA, key=["id"], watermark="at", landed=Landed(tuple(log.manifests), {file.path: path})
        )
    assert str(told.value) == f"{path} is missing. Restore it from a backup."
    assert list((tmp_path / "tmp").iterdir()) == []

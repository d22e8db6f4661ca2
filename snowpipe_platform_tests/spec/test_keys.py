import duckdb
import ibis
import pytest

from snowpipe_platform.spec.cleaning import stable_key
from snowpipe_platform.spec.keys import KEY_BITS, key_of


@pytest.mark.parametrize("identity", ["C000001", "", "Ünïcode", "0", "a b"])
def test_a_key_outside_the_engine_is_the_key_inside(identity):
    expression = stable_key(ibis.literal(identity))
    with duckdb.connect() as connection:
        connection.execute("CREATE MACRO conv(digits, f, t) AS CAST(CAST('0x' || digits AS BIGINT) AS VARCHAR)")
        ((inside,),) = connection.execute(f"SELECT {ibis.to_sql(expression, dialect='duckdb')[7:]}").fetchall()
    assert key_of(identity) == inside < 2**KEY_BITS

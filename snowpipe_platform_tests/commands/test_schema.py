"""`snowpipe schema` and the table of it in `snowpipe sql`."""

import pytest

from snowpipe_platform_tests.tiny import TinyShop


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """One day landed, a column added on the second, one renamed on the third."""
    found = TinyShop(tmp_path, monkeypatch)
    found.one_day()
    found.type("run", "bronze/orders")
    found.source.run("ALTER TABLE orders ADD COLUMN country VARCHAR")
    found.source.insert("orders", [("o3", "1", "so", "2024-03-02 10:00", "FR")])
    found.end_day("2024-03-02")
    found.type("run", "bronze/orders")
    found.source.run("ALTER TABLE orders RENAME note TO remark")
    found.end_day("2024-03-03")
    refused = found.type("run", "bronze/orders")
    assert (refused.exit_code, refused.stdout.splitlines()[-1]) == (1, "next: snowpipe schema bronze/orders")
    return found


@pytest.mark.case("A11")
def test_versions_and_what_was_refused_are_told(shop):
    result = shop.type("schema", "orders")
    assert result.exit_code == 0
    assert all(len(line) <= 80 for line in result.stdout.splitlines())
    letter = shop.json("dead-letters", "list")["letters"][0]["id"][:7]
    assert result.stdout == (
        "bronze/orders: 5 columns, version 2\n"
        "version   entry     load day   columns           at (UTC)      verdict\n"
        "1             1   2024-03-01         4   2024-03-02 00:00        first\n"
        "2             2   2024-03-02         5   2024-03-03 00:00   compatible   taken\n"
        "    country is new (string)\n"
        "-             -   2024-03-03         -   2024-03-04 00:00     breaking   refused\n"
        "    note is gone (renamed to remark?)\n"
        "    remark is new (string)\n"
        f"    dead letter {letter}\n"
        "\n"
        "    order_id    string\n"
        "    amount      string\n"
        "    note        string\n"
        "    updated_at  timestamp(6)\n"
        "    country     string\n"
        f"next: snowpipe dead-letters show {letter}\n"
    )


@pytest.mark.case("A11")
def test_the_json_has_columns_and_a_diff_for_each_event(shop):
    told = shop.json("schema", "bronze/orders")
    assert [column["name"] for column in told["columns"]] == ["order_id", "amount", "note", "updated_at", "country"]
    assert [(event["version"], event["verdict"], event["outcome"]) for event in told["history"]] == [
        (1, "first", "taken"),
        (2, "compatible", "taken"),
        (None, "breaking", "refused"),
    ]
    assert told["history"][2]["diff"][0] == {
        "column": "note",
        "kind": "gone",
        "before": "string",
        "after": None,
        "breaking": True,
        "outcome": "refused",
        "renamed_to": "remark",
    }


def test_the_history_is_a_table(shop):
    statement = "select * from bronze.schema_history where kind <> 'first' order by entry, column_name"
    rows = shop.rows(statement)
    told = [(row["table_name"], row["version"], row["column_name"], row["kind"], row["outcome"]) for row in rows]
    assert told == [
        ("orders", 2, "country", "added", "taken"),
        ("orders", None, "note", "gone", "refused"),
        ("orders", None, "remark", "added", "refused"),
    ]
    first = "select column_name, type_after from schema_history where version = 1 order by 1"
    assert shop.rows(first)[0] == {"column_name": "amount", "type_after": "string"}


def test_a_mended_change_says_how_it_ended(shop):
    shop.source.run("ALTER TABLE orders RENAME remark TO note")
    shop.type("run", "bronze/orders")
    assert "next: snowpipe sql" in shop.type("schema", "orders").stdout
    closed = shop.json("schema", "orders")["history"][2]["closed"]
    assert closed.startswith("done by ")
    assert closed.endswith(": a later run extracted the load day")


def test_a_table_without_columns_and_a_name_that_is_none(tmp_path, monkeypatch):
    shop = TinyShop(tmp_path, monkeypatch)
    shop.end_day("2024-03-01")
    empty = shop.type("schema", "orders")
    assert (empty.exit_code, empty.stdout) == (
        0,
        "bronze/orders has no columns yet\nnext: snowpipe run bronze/orders\n",
    )
    wrong = shop.type("schema", "ordes")
    assert wrong.exit_code == 2
    assert wrong.stderr.startswith("error: there is no bronze/ordes. Did you mean 'orders'?\n")
    assert shop.rows("from bronze.schema_history") == []

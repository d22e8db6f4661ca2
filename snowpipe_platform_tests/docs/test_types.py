"""docs/types.md shows the table that the tests carry through bronze and silver."""

from pathlib import Path

from snowpipe_platform_tests.snowflake_types import KINDS

PAGE = Path(__file__).parents[2] / "docs" / "types.md"


def test_the_page_shows_every_type_as_it_is_tested():
    title, *shown = [line for line in PAGE.read_text(encoding="utf8").splitlines() if line.startswith("| ")]
    assert title.startswith("| Snowflake |")
    assert shown == [
        f"| {kind.declared} | {kind.arrives} | {kind.bronze} | {kind.extremes} | {kind.lost} |" for kind in KINDS
    ]

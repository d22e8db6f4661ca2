"""Cards and plots as text."""

from xml.etree import ElementTree as ET

import pytest

from snowpipe_platform.pipeline.models.churn.document import Heading, Image, Paragraph, Table, as_html, as_markdown
from snowpipe_platform.pipeline.models.churn.plots import LEFT, SIDE, TOP, Line, plot

BLOCKS = [
    Heading("A & B"),
    Paragraph("orders_365d < 3"),
    Heading("More"),
    Table(("name", "rows"), [("a|b", "1")]),
    Image("roc.svg", "ROC"),
]


def test_markdown_shows_text_as_it_is():
    table = "| name | rows |\n| --- | ---: |\n| a\\|b | 1 |"
    assert as_markdown(BLOCKS) == f"# A & B\n\norders\\_365d \\< 3\n\n## More\n\n{table}\n\n![ROC](roc.svg)\n"


def test_a_page_needs_no_other_file_and_escapes_text():
    page = as_html(BLOCKS, {"roc.svg": "<svg/>"})
    assert "<title>A &amp; B</title>" in page
    assert "<p>orders_365d &lt; 3</p>" in page
    assert "<tr><td>a|b</td><td>1</td></tr>" in page
    assert "<figure><svg/></figure>" in page
    assert not {"src=", "href=", "<script"} & set(page.split())


@pytest.mark.parametrize(
    ("point", "place"),
    [((0, 0), (LEFT, TOP + SIDE)), ((1, 1), (LEFT + SIDE, TOP)), ((0.5, 0.25), (LEFT + SIDE / 2, TOP + SIDE * 0.75))],
)
def test_a_point_is_drawn_where_its_shares_say(point, place):
    drawn = ET.fromstring(plot("P", across="a", up="b", lines=[Line("only", [point], marks=True)]))
    (circle,) = drawn.iter("{http://www.w3.org/2000/svg}circle")
    assert (float(circle.get("cx")), float(circle.get("cy"))) == place


def test_a_plot_names_its_lines_and_axes_and_is_well_formed():
    text = plot("A & B", across="x", up="y", lines=[Line("one", [(0, 0)]), Line("two", [(0, 1)])], diagonal="chance")
    words = [node.text for node in ET.fromstring(text).iter("{http://www.w3.org/2000/svg}text")]
    assert {"A & B", "x", "y", "one", "two", "chance"} <= set(words)

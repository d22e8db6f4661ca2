import base64
from xml.etree import ElementTree as ET

from snowpipe_platform.orchestration.charts import bar_chart


def _svg(markdown):
    prefix, _, encoded = markdown.partition("base64,")
    assert prefix.endswith("](data:image/svg+xml;")
    return ET.fromstring(base64.b64decode(encoded.removesuffix(")")))


def test_a_chart_is_a_markdown_image_with_a_bar_for_each_value():
    svg = _svg(bar_chart("rows & days", [("2024-03-01", 1.0), ("2024-03-02", 4.0), ("2024-03-03", 2.0)]))
    space = "{http://www.w3.org/2000/svg}"
    heights = [float(bar.get("height")) for bar in svg.findall(f"{space}rect")]
    texts = [text.text for text in svg.findall(f"{space}text")]

    assert [round(height / max(heights), 3) for height in heights] == [0.25, 1.0, 0.5]
    assert texts == ["rows & days, at most 4", "2024-03-01", "2024-03-03"]


def test_a_chart_of_nothing_and_one_of_zeros_are_drawn():
    assert _svg(bar_chart("nothing", [])) is not None
    assert _svg(bar_chart("zeros", [("a", 0.0)])) is not None

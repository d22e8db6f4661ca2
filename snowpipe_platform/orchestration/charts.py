"""Small charts for metadata: SVG images inside Markdown, which the Dagster UI shows in its dialogs."""

import base64
from collections.abc import Callable, Sequence
from html import escape

WIDTH, HEIGHT = 480, 140
TOP, BOTTOM = 24, 22
BAR_COLOUR, TEXT_COLOUR = "#4f8ef7", "#8a8f98"
"""Readable on the light and on the dark theme: an image does not inherit the page's colours."""

Point = tuple[str, float]


def bar_chart(title: str, points: Sequence[Point]) -> str:
    """A Markdown image with a bar for each (label, value); the first and last label and the highest value in text."""
    return _chart(title, points, lambda highest: f"{highest:,.6g}")


def percent_chart(title: str, points: Sequence[Point]) -> str:
    """The same, of percents."""
    return _chart(title, points, lambda highest: f"{highest:.3g} %")


def svg_image(title: str, svg: str) -> str:
    """A Markdown image of an SVG, which the value holds whole."""
    return f"![{title}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def _chart(title: str, points: Sequence[Point], told: Callable[[float], str]) -> str:
    return svg_image(title, _svg(title, points, told))


def _svg(title: str, points: Sequence[Point], told: Callable[[float], str]) -> str:
    highest = max((value for _, value in points), default=0.0)
    step = WIDTH / max(len(points), 1)
    bars = "".join(
        _bar(index * step, step, value / highest if highest else 0.0) for index, (_, value) in enumerate(points)
    )
    labels = _text(0, 14, "start", f"{title}, at most {told(highest)}")
    if points:
        labels += _text(0, HEIGHT - 6, "start", points[0][0])
    if len(points) > 1:
        labels += _text(WIDTH, HEIGHT - 6, "end", points[-1][0])
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{bars}{labels}</svg>'


def _bar(left: float, step: float, share: float) -> str:
    height = share * (HEIGHT - TOP - BOTTOM)
    top = HEIGHT - BOTTOM - height
    return f'<rect x="{left:.1f}" y="{top:.1f}" width="{step * 0.8:.1f}" height="{height:.1f}" fill="{BAR_COLOUR}"/>'


def _text(left: int, top: int, anchor: str, text: str) -> str:
    style = f'font-family="sans-serif" font-size="12" fill="{TEXT_COLOUR}" text-anchor="{anchor}"'
    return f'<text x="{left}" y="{top}" {style}>{escape(text)}</text>'

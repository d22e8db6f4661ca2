"""Plots of two shares, each from 0 to 1, as SVG: the same bytes for the same points, and no library to draw them."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 460, 400
LEFT, TOP, SIDE = 60, 40, 300
"""Of the square that is drawn in."""
TEXT, GRID = "#7a808a", "#b9bec7"
COLOURS = ("#2f6fde", "#d9822b", "#8e5bc0", "#2c9c69")
"""Readable on white and on black: an image does not inherit the page's colours."""
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
FONT = 'font-family="system-ui, sans-serif" font-size="12"'

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """What one contender's points are called. marks: a dot at every point."""

    name: str
    points: Sequence[Point]
    marks: bool = False


def plot(title: str, *, across: str, up: str, lines: Sequence[Line], diagonal: str = "") -> str:
    """A plot with a legend. diagonal: what the dashed line from (0, 0) to (1, 1) means; none if empty."""
    drawn = [_grid(), _text(LEFT, 22, title, "start", f'fill="{TEXT}" font-weight="bold"')]
    drawn.append(_text(LEFT + SIDE / 2, TOP + SIDE + 40, across, "middle", f'fill="{TEXT}"'))
    turned = f'fill="{TEXT}" transform="rotate(-90 16 {TOP + SIDE / 2:g})"'
    drawn.append(_text(16, TOP + SIDE / 2, up, "middle", turned))
    if diagonal:
        drawn.append(_path([(0, 0), (1, 1)], TEXT, 'stroke-dasharray="4 4" stroke-width="1"'))
    # The first line is drawn last, above the others.
    for line, colour in reversed(list(zip(lines, COLOURS, strict=False))):
        drawn.append(_path(line.points, colour, 'stroke-width="2"'))
        drawn.extend(_mark(point, colour) for point in (line.points if line.marks else ()))
    drawn.append(_legend(lines, diagonal))
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    named = f'role="img" aria-label="{escape(title)}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {named} {FONT}>\n' + "\n".join(drawn) + "\n</svg>\n"


def _grid() -> str:
    parts = []
    for tick in TICKS:
        x, y = _place((tick, tick))
        parts.append(
            f'<path d="M{x:.1f} {TOP}V{TOP + SIDE}M{LEFT} {y:.1f}H{LEFT + SIDE}" stroke="{GRID}" opacity=".35"/>'
        )
        parts.append(_text(x, TOP + SIDE + 18, f"{tick:g}", "middle", f'fill="{TEXT}"'))
        parts.append(_text(LEFT - 8, y + 4, f"{tick:g}", "end", f'fill="{TEXT}"'))
    return "\n".join(parts)


def _legend(lines: Sequence[Line], diagonal: str) -> str:
    """In the lower right corner where curves rise along a diagonal, else in the upper right one: where those of a model
    that is any good are not."""
    entries = [(line.name, colour, "") for line, colour in zip(lines, COLOURS, strict=False)]
    entries += [(diagonal, TEXT, ' stroke-dasharray="4 4"')] if diagonal else []
    top = TOP + SIDE - 18 * len(entries) if diagonal else TOP + 18
    parts = []
    for number, (name, colour, dashes) in enumerate(entries):
        y = top + 18 * number
        parts.append(f'<path d="M{LEFT + SIDE - 22} {y}h16" stroke="{colour}" stroke-width="2"{dashes}/>')
        parts.append(_text(LEFT + SIDE - 28, y + 4, name, "end", f'fill="{TEXT}"'))
    return "\n".join(parts)


def _path(points: Sequence[Point], colour: str, style: str) -> str:
    places = "L".join(f"{x:.1f} {y:.1f}" for x, y in map(_place, points))
    return f'<path d="M{places}" fill="none" stroke="{colour}" {style}/>'


def _mark(point: Point, colour: str) -> str:
    x, y = _place(point)
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'


def _place(point: Point) -> Point:
    return LEFT + point[0] * SIDE, TOP + (1 - point[1]) * SIDE


def _text(x: float, y: float, text: str, anchor: str, style: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" {style}>{escape(text)}</text>'

"""A short document that is written as Markdown and as one HTML page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 54rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; margin: 1rem 0; }
th, td { padding: .25rem 0 .25rem 1rem; text-align: right; border-bottom: 1px solid #8884; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
figure { display: inline-block; width: 49%; min-width: 20rem; margin: .5rem 0; } svg { max-width: 100%; height: auto; }
""".strip()


@dataclass(frozen=True)
class Heading:
    """The first is the document's title."""

    text: str


@dataclass(frozen=True)
class Paragraph:
    """Plain text."""

    text: str


@dataclass(frozen=True)
class Table:
    """The first column is text, the others numbers."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Image:
    """An SVG file beside the document."""

    file: str
    alt: str


Block = Heading | Paragraph | Table | Image


def as_markdown(blocks: Sequence[Block]) -> str:
    """Images are links to their files."""
    return "\n\n".join(_markdown(block, is_first=block is blocks[0]) for block in blocks) + "\n"


def as_html(blocks: Sequence[Block], images: Mapping[str, str]) -> str:
    """One page that needs no other file. images: the SVG of each file."""
    title = blocks[0].text if isinstance(blocks[0], Heading) else ""
    body = "\n".join(_html(block, images, is_first=block is blocks[0]) for block in blocks)
    head = (
        f'<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n<title>{escape(title)}</title>'
    )
    return f'<!doctype html>\n<html lang="en">\n{head}\n<style>\n{STYLE}\n</style>\n{body}\n</html>\n'


def _markdown(block: Block, *, is_first: bool) -> str:
    match block:
        case Heading(text):
            return f"{'#' if is_first else '##'} {_plain(text)}"
        case Paragraph(text):
            return _plain(text)
        case Image(file, alt):
            return f"![{_plain(alt)}]({file})"
        case Table(columns, rows):
            rule = ["---", *["---:"] * (len(columns) - 1)]
            return "\n".join(f"| {' | '.join(map(_plain, row))} |" for row in (columns, rule, *rows))


def _html(block: Block, images: Mapping[str, str], *, is_first: bool) -> str:
    match block:
        case Heading(text):
            tag = "h1" if is_first else "h2"
            return f"<{tag}>{escape(text)}</{tag}>"
        case Paragraph(text):
            return f"<p>{escape(text)}</p>"
        case Image(file, _):
            return f"<figure>{images[file]}</figure>"
        case Table(columns, rows):
            head = "".join(f"<th>{escape(name)}</th>" for name in columns)
            lines = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows)
            return f"<table>\n<tr>{head}</tr>\n" + "\n".join(f"<tr>{line}</tr>" for line in lines) + "\n</table>"


def _plain(text: str) -> str:
    """Text that Markdown shows as it is, in a cell too."""
    return "".join(f"\\{sign}" if sign in "\\`*_|<[#" else sign for sign in text)

"""A tree on a terminal: what hangs below what, with a cell beside each line, aligned."""

from collections.abc import Iterator
from dataclasses import dataclass

from snowpipe_platform.commands.terminal import print_heading, print_text


@dataclass(frozen=True)
class Branch:
    """One line of a tree, and what hangs below it. beside: what stands in the second column."""

    label: str
    beside: str = ""
    below: tuple["Branch", ...] = ()


def print_tree(titles: tuple[str, str], root: Branch) -> None:
    """The root first, one line each."""
    lines = [(root.label, root.beside), *_lines(root, "")]
    width = max(len(titles[0]), *(len(label) for label, _ in lines))
    print_heading(f"{titles[0]:<{width}}  {titles[1]}")
    for label, beside in lines:
        print_text(f"{label:<{width}}  {beside}".rstrip())


def _lines(branch: Branch, indent: str) -> Iterator[tuple[str, str]]:
    for number, child in enumerate(branch.below, start=1):
        is_last = number == len(branch.below)
        yield f"{indent}{'└─ ' if is_last else '├─ '}{child.label}", child.beside
        yield from _lines(child, indent + ("   " if is_last else "│  "))

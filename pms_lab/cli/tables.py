"""Tables and foreign texts on a terminal."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Collection, Sequence

import typer


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str] = ()) -> None:
    """Print a table as wide as it needs to be, closer where a terminal is narrow: an id that is cut short is no id.

    Args:
        right: the headings of the columns that are flush right.
    """
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.measure import measure_renderables
    from rich.table import Table

    unbounded = Console(width=10_000)
    for is_close in (False, True):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=not is_close, collapse_padding=is_close)
        for name in head:
            table.add_column(escape(name), justify="right" if name in right else "left")
        for row in rows:
            table.add_row(*map(escape, row))
        needed = measure_renderables(unbounded, unbounded.options, [table]).maximum
        if not sys.stdout.isatty() or needed <= shutil.get_terminal_size().columns:
            break
    Console(width=needed).print(table)


def say(text: str, hanging: int = 0) -> None:
    """Print a line; a terminal that is narrower gets several, those after the first indented by so many blanks."""
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
        lines = textwrap.wrap(text, width, subsequent_indent=" " * hanging, break_on_hyphens=False)
        text = "\n".join(lines)
    typer.echo(text)


def plain(text: str) -> str:
    """Return a text that others wrote as one line that cannot steer the terminal."""
    return "".join(char if char.isprintable() else " " if char.isspace() else "�" for char in text)

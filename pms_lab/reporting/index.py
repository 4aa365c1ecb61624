"""The index of all reports, made from the pages themselves."""

from __future__ import annotations

import html
import json
import re
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from pms_lab.files import in_place_of
from pms_lab.reporting.page import META_NAME, template

META: Final = re.compile(rf'<meta name="{META_NAME}" content="([^"]*)">')
WHAT_IF: Final = "what_if"
HEAD_BYTES: Final = 16_384


def write_index(reports: Path) -> Path:
    """List every page below the folder, by location, the newest first.

    Two processes may do so at once: each looks again after writing, so the last one lists everything.
    """
    target = reports / "index.html"
    listed = None
    while listed != (listed := _pages(reports)):
        with in_place_of(target) as temporary:
            temporary.write_text(_rendered(listed), "utf-8")
    return target


def _pages(reports: Path) -> list[dict[str, Any]]:
    pages = (_page(path, reports) for path in reports.glob("*/*/[!.]*.html"))
    return sorted(filter(None, pages), key=lambda page: (page["location"], page["run_date"], page["link"]))


def _page(path: Path, reports: Path) -> dict[str, Any] | None:
    with path.open(encoding="utf-8", errors="replace") as file:
        found = META.search(file.read(HEAD_BYTES))
    record = json.loads(html.unescape(found[1])) if found else {}
    if "location" not in record:
        return None
    return {
        **record,
        "link": path.relative_to(reports).as_posix(),
        "what_if": WHAT_IF in path.name,
    }


def _rendered(pages: list[dict[str, Any]]) -> str:
    groups = (list(group) for _, group in groupby(pages, lambda page: page["location"]))
    return template("index.html.j2").render(locations=[list(reversed(group)) for group in groups])

"""Production code takes time, chance, files, threads and HTTP from its ports only."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

ROOMS = ("domain", "rules", "engine", "adapters", "checkers")
PURE = [path for room in ROOMS for path in sorted((ROOT / "pms_lab" / room).rglob("*.py"))]

BANNED_MODULES = {
    "asyncio", "importlib", "multiprocessing", "os", "pathlib", "random", "secrets", "simpy", "socket", "sqlalchemy",
    "subprocess", "tempfile", "threading", "time", "uuid",
}  # fmt: skip
BANNED_NAMES = {"open", "__import__", "uuid4"}
TIME_CALLS = {name for name in dir(time) if callable(getattr(time, name))}
CLOCK_READINGS = {"now", "today", "utcnow"}


def violations(source: str) -> list[str]:
    """Return what in a module reaches past its ports, with its line."""
    tree = ast.parse(source)
    clocks = {"datetime", "date"} | {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if alias.asname and alias.name in ("datetime", "date")
    }
    return [f"{what}, line {line}" for node in ast.walk(tree) for what, line in _violations(node, clocks)]


def _violations(node: ast.AST, clocks: set[str]) -> Iterator[tuple[str, int]]:
    match node:
        case ast.Import():
            for alias in node.names:
                if alias.name.split(".")[0] in BANNED_MODULES:
                    yield f"import of {alias.name}", node.lineno
        case ast.ImportFrom(module=str(module)):
            if module.split(".")[0] in BANNED_MODULES:
                yield f"import of {module}", node.lineno
        case ast.Name(id=name) if name in BANNED_NAMES:
            yield name, node.lineno
        case ast.Attribute(attr="elapsed" | "uuid4" as name):
            yield f".{name}", node.lineno
        case ast.Attribute(value=ast.Name(id=owner) | ast.Attribute(attr=owner), attr=reading):
            if owner in clocks and reading in CLOCK_READINGS:
                yield f"{owner}.{reading}", node.lineno
            if owner == "random" or (owner == "time" and reading in TIME_CALLS):
                yield f"{owner}.{reading}", node.lineno


@pytest.mark.parametrize("path", PURE, ids=lambda path: str(path.relative_to(ROOT / "pms_lab")))
def test_production_code_awaits_its_ports_and_reaches_for_nothing_else(path: Path) -> None:
    assert violations(path.read_text()) == []


def test_every_room_that_exists_is_looked_at() -> None:
    rooms = {path.relative_to(ROOT / "pms_lab").parts[0] for path in PURE}
    assert rooms == {room for room in ROOMS if (ROOT / "pms_lab" / room).exists()}


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        *((f"import {module}", f"import of {module}, line 1") for module in sorted(BANNED_MODULES)),
        *((f"from {module} import x as y", f"import of {module}, line 1") for module in sorted(BANNED_MODULES)),
        ("import sqlalchemy.orm as o", "import of sqlalchemy.orm, line 1"),
        ("def f():\n    import os.path", "import of os.path, line 2"),
        ("from datetime import datetime\ndatetime.now(tz)", "datetime.now, line 2"),
        ("from datetime import datetime as dt\ndt.utcnow()", "dt.utcnow, line 2"),
        ("import datetime as d\nd.datetime.now()", "datetime.now, line 2"),
        ("read = datetime.now", "datetime.now, line 1"),
        ("from datetime import date\ndate.today()", "date.today, line 2"),
        ("u.uuid4()", ".uuid4, line 1"),
        ("uuid4()", "uuid4, line 1"),
        ("time.monotonic()", "time.monotonic, line 1"),
        ("random.random()", "random.random, line 1"),
        ("answer.elapsed", ".elapsed, line 1"),
        ("with open(path) as file: pass", "open, line 1"),
        ("__import__('t' + 'ime')", "__import__, line 1"),
    ],
)
def test_a_planted_violation_is_found(planted: str, found: str) -> None:
    assert violations(planted) == [found]


@pytest.mark.parametrize(
    "fine", ["flow.now()", "self._flow.now().date()", "from datetime import date, time", "time.min", "x.time()"]
)
def test_ports_and_values_are_no_violation(fine: str) -> None:
    assert violations(fine) == []

"""Promises about the code that no single test would keep."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PURE = [path for room in ("domain", "rules") for path in sorted((ROOT / "pms_lab" / room).glob("*.py"))]
IMPURE_MODULES = {
    "asyncio",
    "duckdb",
    "os",
    "pathlib",
    "polars",
    "random",
    "simpy",
    "sqlalchemy",
    "subprocess",
    "threading",
    "time",
}
IMPURE_CALLS = {"now", "today", "utcnow", "uuid4", "open", "sleep", "getenv"}


@pytest.mark.parametrize("path", PURE, ids=lambda path: path.stem)
def test_nouns_and_rules_touch_no_clock_no_chance_and_no_file(path: Path) -> None:
    tree = ast.parse(path.read_text())
    imported = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    imported |= {(node.module or "").split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }
    assert imported & IMPURE_MODULES == set()
    assert called & IMPURE_CALLS == set()


def test_nothing_happens_on_import(tmp_path: Path) -> None:
    script = """
import importlib, pkgutil, sys, threading
import pms_lab
modules = [m.name for m in pkgutil.walk_packages(pms_lab.__path__, "pms_lab.")]
for name in modules:
    importlib.import_module(name)
print(len(modules), threading.active_count())
"""
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:pms_lab", "-c", script],
        cwd=tmp_path, env=os.environ | {"HOME": str(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    count, threads = map(int, done.stdout.split())
    assert count > 30
    assert threads == 1
    assert (done.stderr, list(tmp_path.iterdir())) == ("", [])

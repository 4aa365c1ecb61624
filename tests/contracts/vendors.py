"""The vendors that stand under the contract: each names itself in a module `vendor_….py` beside this one."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from tests.contracts.harness import Vendor

VENDORS: list[Vendor] = [
    import_module(f"tests.contracts.{path.stem}").VENDOR for path in sorted(Path(__file__).parent.glob("vendor_*.py"))
]

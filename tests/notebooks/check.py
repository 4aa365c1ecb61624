"""Run every notebook through nbval, strictly, on the shipped data alone: a part of `make test`."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

from pms_lab.settings import HOME_VARIABLE
from tests.conftest import ROOT, ship


def main() -> int:
    """Compare what the notebooks show with what they were committed with; return pytest's exit code."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ[HOME_VARIABLE] = str(ship(Path(folder)))
        return pytest.main(["--nbval", "--nbval-cell-timeout=60", "-p", "no:cacheprovider", str(ROOT / "notebooks")])


if __name__ == "__main__":
    sys.exit(main())

"""Run every notebook from the top and save it with its outputs, naming no machine: `make notebooks`.

Both this and `tests.notebooks.check` run in a home of their own, so that only the shipped data count.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from pms_lab.settings import HOME_VARIABLE
from tests.conftest import ROOT, ship

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def main() -> None:
    """Renew the outputs of all notebooks, in place."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ[HOME_VARIABLE] = str(ship(Path(folder)))
        for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
            node = nbformat.read(path, as_version=4)
            NotebookClient(node, timeout=60, record_timing=False).execute()
            node.metadata = METADATA
            nbformat.write(node, path)
            print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()

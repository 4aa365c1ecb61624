"""Run every notebook from the top and save it with its outputs, naming no machine: `make notebooks`."""

from __future__ import annotations

import nbformat
from nbclient import NotebookClient

from tests.conftest import ROOT

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def main() -> None:
    """Renew the outputs of all notebooks, in place."""
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        node = nbformat.read(path, as_version=4)
        resources = {"metadata": {"path": str(path.parent)}}
        NotebookClient(node, timeout=60, resources=resources, record_timing=False).execute()
        node.metadata = METADATA
        nbformat.write(node, path)
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()

"""Promises about the notebooks themselves; nbval checks their outputs."""

import ast
from pathlib import Path

import nbformat
import pytest

from pms_lab.reporting.anatomy import EXPOSED, TITLES
from tests.conftest import ROOT
from tests.notebooks.renew import METADATA

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def code_of(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def shows(source: str) -> bool:
    """Whether a cell ends in an expression, whose value Jupyter shows."""
    return isinstance(ast.parse(source).body[-1], ast.Expr)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_thin(path: Path) -> None:
    defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    for cell in code_of(path):
        assert not any(isinstance(node, defined) for node in ast.walk(ast.parse(cell.source))), cell.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_one_cell_of_parameters_and_it_comes_first(path: Path) -> None:
    assert ["parameters" in cell.metadata.get("tags", []) for cell in code_of(path)].index(True) == 0


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_as_run_from_the_top_with_what_each_cell_shows(path: Path) -> None:
    cells = code_of(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        assert bool(cell.outputs) == shows(cell.source), cell.source
        assert all(output.output_type == "execute_result" for output in cell.outputs), cell.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_s_metadata_name_no_machine(path: Path) -> None:
    assert nbformat.read(path, as_version=4).metadata == METADATA


def test_the_anatomy_of_a_push_shows_every_scene_that_there_is() -> None:
    path = ROOT / "notebooks" / "02_push_anatomy.ipynb"
    shown = {cell.source for cell in code_of(path)}
    assert {f'anatomy.timeline("{name}")' for name in TITLES} <= shown
    assert {f'anatomy.exposed("{name}")' for name in EXPOSED} <= shown

from pathlib import Path

import nbformat
import pytest

from pms_lab.errors import BadParameter, ReportFailed
from pms_lab.reporting.runner import Run, checked, executed

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def notebook(folder: Path, *cells: str) -> Run:
    """Write a notebook whose first cell holds the parameters."""
    node = nbformat.v4.new_notebook(metadata={"kernelspec": KERNEL})
    node.cells = [
        nbformat.v4.new_code_cell(text) for text in ("nights: int = 2\nname = 'x'\nshare = 0.5\nloud = True", *cells)
    ]
    node.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(node, folder / "source.ipynb")
    return Run(folder / "source.ipynb", folder / "runs" / "report.ipynb", folder)


def test_parameters_take_the_types_of_the_notebook(tmp_path: Path) -> None:
    told = checked(notebook(tmp_path).notebook, {"nights": "3", "share": "0.25", "loud": "false", "name": "y"})
    assert told == {"nights": 3, "share": 0.25, "loud": False, "name": "y"}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"nigths": 3}, r"has no parameter 'nigths': it has loud, name, nights, share \(did you mean nights\?\)"),
        ({"nights": "three"}, "parameter nights = 'three' is not int"),
        ({"nights": 2.5}, "parameter nights = 2.5 is not int"),
        ({"share": "much"}, "parameter share = 'much' is not float"),
        ({"name": 5}, "parameter name = 5 is not str"),
    ],
)
def test_a_mistyped_parameter_is_refused_before_anything_runs(
    tmp_path: Path, parameters: dict[str, object], message: str
) -> None:
    run = notebook(tmp_path, "open('ran', 'w').close()")
    with pytest.raises(BadParameter, match=message), executed(run, parameters):
        pass
    assert not (tmp_path / "ran").exists()
    assert not run.executed.exists()


def test_a_run_is_kept_with_what_was_injected(tmp_path: Path) -> None:
    run = notebook(tmp_path, "nights * 2")
    with executed(run, {"nights": "21"}):
        assert not run.executed.exists()
    cells = nbformat.read(run.executed, as_version=4).cells
    assert cells[-1].outputs[0].data["text/plain"] == "42"


def test_a_failed_run_leaves_its_notebook_says_which_cell_and_spares_the_good_one(tmp_path: Path) -> None:
    run = notebook(tmp_path, "1 / (nights - 3)")
    with executed(run, {"nights": 2}):
        pass
    good = run.executed.read_bytes()
    with (
        pytest.raises(ReportFailed, match="raised ZeroDivisionError: division by zero") as failure,
        executed(run, {"nights": 3}),
    ):
        pass
    assert failure.value.notebook == run.failed
    cells = nbformat.read(run.failed, as_version=4).cells
    assert [cell.source for cell in cells if cell.get("execution_count") == failure.value.cell] == ["1 / (nights - 3)"]
    assert run.executed.read_bytes() == good
    assert sorted(path.name for path in run.executed.parent.iterdir()) == ["report.failed.ipynb", "report.ipynb"]


def test_a_good_run_clears_what_failed_before(tmp_path: Path) -> None:
    run = notebook(tmp_path, "1 / (nights - 3)")
    with pytest.raises(ReportFailed), executed(run, {"nights": 3}):
        pass
    with executed(run, {"nights": 2}):
        pass
    assert not run.failed.exists()


def test_a_kernel_that_dies_is_a_failed_run(tmp_path: Path) -> None:
    run = notebook(tmp_path, "import os; os._exit(1)")
    with pytest.raises(ReportFailed, match=r"kernel of .* died"), executed(run, {}):
        pass
    assert run.failed.exists()
    assert not run.executed.exists()

"""Run a notebook with parameters: papermill executes it, its page replaces the last good one only when it is done."""

from __future__ import annotations

import os
from ast import literal_eval
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from pms_lab.errors import BadParameter, ReportFailed, hint, listed
from pms_lab.files import in_place_of

TYPES: Final[Mapping[str, Any]] = {"str": str, "int": int, "float": float, "bool": bool}


@dataclass(frozen=True)
class Run:
    """Where one run of a report goes.

    Attributes:
        notebook: the source, with a cell tagged `parameters`.
        executed: where the executed notebook goes; a failed run goes beside it, as `….failed.ipynb`.
        home: the folder in which its kernel starts.
    """

    notebook: Path
    executed: Path
    home: Path

    @property
    def failed(self) -> Path:
        """Where a failed run is left for reading."""
        return self.executed.with_suffix(".failed.ipynb")


def checked(notebook: Path, parameters: Mapping[str, object]) -> dict[str, object]:
    """Return the parameters as the notebook's own types; text such as ``2`` becomes a number where it wants one.

    Raises:
        BadParameter: the notebook has no such parameter, or the value is not of its type.
    """
    import papermill

    known = {name: _type_name(told) for name, told in papermill.inspect_notebook(str(notebook)).items()}
    return {name: _typed(notebook, name, value, known) for name, value in parameters.items()}


def _type_name(told: Mapping[str, str]) -> str:
    """Name a parameter's type: the annotated one, else that of its default."""
    annotated = told["inferred_type_name"]
    return annotated if annotated in TYPES else type(literal_eval(told["default"])).__name__


def _typed(notebook: Path, name: str, value: object, known: Mapping[str, str]) -> object:
    if name not in known:
        raise BadParameter(f"{notebook.name} has no parameter {name!r}: it has {listed(known)}{hint(name, known)}")
    try:
        return TypeAdapter(TYPES.get(known[name], str)).validate_python(value)
    except ValidationError as exc:
        raise BadParameter(f"{notebook.name}: parameter {name} = {value!r} is not {known[name]}") from exc


@contextmanager
def executed(run: Run, parameters: Mapping[str, object]) -> Iterator[Path]:
    """Execute the notebook and yield it for rendering; when the block ends well it replaces the last good run.

    Raises:
        BadParameter: see `checked`; nothing has run.
        ReportFailed: a cell raised or the kernel died; the failed run is kept, the last good one untouched.
    """
    typed = checked(run.notebook, parameters)
    with in_place_of(run.executed) as temporary:
        try:
            _execute(run, typed, temporary)
            yield temporary
        except Exception:
            if temporary.exists():
                os.replace(temporary, run.failed)
            raise
    run.failed.unlink(missing_ok=True)


def _execute(run: Run, parameters: Mapping[str, object], output: Path) -> None:
    import papermill
    from nbclient.exceptions import CellControlSignal, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    try:
        papermill.execute_notebook(
            str(run.notebook),
            str(output),
            parameters,
            progress_bar=False,
            log_output=False,
            cwd=str(run.home),
            extra_arguments=["--log-level=CRITICAL"],
        )
    except PapermillExecutionError as exc:
        first_line = exc.source.strip().partition("\n")[0]
        message = f"cell In [{exc.exec_count}] of {run.failed}, `{first_line}`, raised {exc.ename}: {exc.evalue}"
        raise ReportFailed(message, cell=exc.exec_count, notebook=run.failed) from exc
    except (DeadKernelError, CellControlSignal, RuntimeError) as exc:
        raise ReportFailed(f"the kernel of {run.failed} died: {exc}", cell=None, notebook=run.failed) from exc

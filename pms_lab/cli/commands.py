"""What each command does: one call into the lab, and its outcome printed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from pms_lab.cli.exits import Exit
from pms_lab.cli.progress import bar
from pms_lab.errors import BadParameter, NoEvidence, PmsLabError
from pms_lab.lab import Lab, open_lab

if TYPE_CHECKING:
    from pms_lab.scoring.importing import ImportOutcome

OPTIONS: Final = {"location": "--location", "run_date": "--date"}


def dry_run(
    location: str,
    run_date: date | None,
    tolerance: str | None,
    *,
    again: bool,
    compare: bool,
    every_cell: bool,
    as_json: bool,
) -> None:
    """Print the dry run of one location and day."""
    from pms_lab.reporting.text import as_record, text_report

    lab = open_lab()
    with bar(f"dry runs of {location}") as progress:
        scores = lab.dry_run(location, run_date, tolerance, progress, again=again)
    if as_json:
        print_json(as_record(scores))
    else:
        typer.echo(text_report(scores, lab.settings.run_at, compare=compare, every_cell=every_cell))


def import_rows(kind: str, file: Path, as_json: bool) -> Exit:
    """Import a file and tell what became of its rows."""
    lab = open_lab()
    with bar(f"importing {file.name}") as progress:
        outcome = lab.import_file(kind, file, progress)
    if as_json:
        print_json({**vars(outcome), "reasons": dict(outcome.reasons)})
    else:
        _tell_import(outcome)
    if outcome.refused:
        return Exit.SOME_REFUSED if outcome.accepted else Exit.ALL_REFUSED
    return Exit.DONE


def report_daily(run_date: date | None, locations: Sequence[str], assignments: Sequence[str], as_json: bool) -> Exit:
    """Run the daily report for the locations named, or all with evidence; one failure does not stop the rest."""
    lab = open_lab()
    parameters = dict(_assigned(text) for text in assignments)
    wanted = [lab.location(name).code for name in locations] or _with_evidence(lab, run_date)
    pages: dict[str, Path] = {}
    failures: dict[str, str] = {}
    with bar("daily report") as progress:
        for done, location in enumerate(wanted, start=1):
            try:
                pages[location] = lab.run_daily_report(location, run_date, parameters)
            except PmsLabError as exc:
                failures[location] = str(exc)
            progress(done / len(wanted))
    index = lab.write_index()
    if as_json:
        print_json({"index": index, "pages": pages, "failures": failures})
    else:
        _tell(index, pages, failures)
    return Exit.FAILED if failures else Exit.DONE


def print_json(record: dict[str, Any]) -> None:
    """Print one JSON object; decimals and paths as text, dates and times as ISO 8601 has them."""
    typer.echo(json.dumps(record, default=_as_text, ensure_ascii=False, indent=2))


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _tell_import(outcome: ImportOutcome) -> None:
    typer.echo(f"{outcome.accepted:,} {outcome.kind} went in, {outcome.refused:,} were refused")
    for reason, count in outcome.reasons:
        typer.echo(f"  {count:>9,}  {reason}")
    if outcome.quarantine:
        typer.echo(f"Refused rows, each with its reason: {outcome.quarantine}")


def _assigned(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise BadParameter(f"parameter {text!r} has no value: write it as name=value")
    if name in OPTIONS:
        raise BadParameter(f"parameter {name} is set by {OPTIONS[name]}")
    return name, value


def _with_evidence(lab: Lab, run_date: date | None) -> list[str]:
    days = {code: lab.run_dates(code) for code in lab.locations}
    found = [code for code, known in days.items() if known and (run_date is None or run_date in known)]
    if not found:
        asked = f" on {run_date}" if run_date else ""
        raise NoEvidence(
            f"no location has a recommendation{asked}: import some with `pms-lab import recommendations FILE`"
        )
    return found


def _tell(index: Path, pages: dict[str, Path], failures: dict[str, str]) -> None:
    for page in pages.values():
        typer.echo(page)
    for location, why in failures.items():
        typer.echo(f"pms-lab: {location}: {why}", err=True)
    typer.echo(f"All reports: {index.resolve().as_uri()}")

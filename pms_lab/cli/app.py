"""`pms-lab`: the commands. Heavy imports wait until a command runs, so that --help is quick."""

from __future__ import annotations

import sys
from datetime import datetime
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from pms_lab import __version__
from pms_lab.cli import push
from pms_lab.cli.exits import EXIT_CODES, Exit
from pms_lab.cli.pms import pms_app


class ImportKind(StrEnum):
    """What `pms-lab import` takes."""

    RECOMMENDATIONS = "recommendations"
    RATES = "rates"


app = typer.Typer(
    help="A workbench for integrations with property management systems (PMS).",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
report_app = typer.Typer(help="Run the notebook of a report and render its page.", no_args_is_help=True)
app.add_typer(report_app, name="report")
app.add_typer(pms_app, name="pms")
app.add_typer(push.review_app, name="review")
app.add_typer(push.people_app, name="people")

Day = Annotated[
    datetime | None,
    typer.Option(
        "--date", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Run date. Default: the last one in the data."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """A workbench for integrations with property management systems (PMS)."""
    if version:
        typer.echo(f"pms-lab {__version__}")
        raise typer.Exit(Exit.DONE)


@app.command("dry-run")
def dry_run(
    location: Annotated[str, typer.Option(metavar="NAME", help="A location of data/locations.toml.")],
    date: Day = None,
    compare_to_manual: Annotated[bool, typer.Option("--compare-to-manual", help="Add the manual rates.")] = False,
    tolerance: Annotated[
        str | None, typer.Option(metavar="LIMIT", help="What counts as agreement: 2.00 or 5%.")
    ] = None,
    every_cell: Annotated[bool, typer.Option("--all", help="Show dated cells without a manual rate too.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Make the day anew with the weights of today.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print what the agents recommend for a day, and how it compares with the rates that people set."""
    from pms_lab.cli import commands

    commands.dry_run(
        location,
        date and date.date(),
        tolerance,
        again=again,
        compare=compare_to_manual,
        every_cell=every_cell,
        as_json=as_json,
    )


@app.command("import", epilog=EXIT_CODES)
def import_(
    kind: Annotated[ImportKind, typer.Argument(help="What the file holds.")],
    file: Annotated[Path, typer.Argument(help="CSV, Parquet or JSON lines: .csv .parquet .jsonl .ndjson")],
    as_json: AsJson = False,
) -> None:
    """Take recommendations or rates from a file; refused rows go to a quarantine file, each with its reason."""
    from pms_lab.cli import commands

    raise typer.Exit(commands.import_rows(kind.value, file, as_json))


@report_app.command("daily")
def report_daily(
    date: Day = None,
    location: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Repeat for several. Default: all.")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="Set a parameter of the notebook."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the daily dry-run report: an executed notebook, a page that needs no network, and an index of all."""
    from pms_lab.cli import commands

    raise typer.Exit(commands.report_daily(date and date.date(), location or [], parameter or [], as_json))


for command in (push.push, push.revert, push.recover, push.transactions, push.history, push.alerts):
    app.command(epilog=EXIT_CODES)(command)


def main() -> None:
    """Run the command line; an error of ours becomes one line on stderr and exit code 1, or 4 for a refused file."""
    from pms_lab.errors import FileRefused, PmsLabError

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show ✓ shows ? instead
    try:
        app()
    except FileRefused as exc:
        typer.echo(f"pms-lab: {exc}", err=True)
        sys.exit(Exit.ALL_REFUSED)
    except PmsLabError as exc:
        typer.echo(f"pms-lab: {exc}", err=True)
        sys.exit(Exit.FAILED)

"""`pms-lab push` and what belongs to it: commands that write to a PMS, and that look up what was written."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from pms_lab.cli.exits import EXIT_CODES

review_app = typer.Typer(help="Decide on pushes that wait for a person.", no_args_is_help=True)
people_app = typer.Typer(help="The people who asked for pushes; their names are kept encrypted.", no_args_is_help=True)

Place = Annotated[str, typer.Option("--location", metavar="NAME", help="A location of data/locations.toml.")]
AnyPlace = Annotated[str | None, typer.Option("--location", metavar="NAME", help="Default: all.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask. A push that needs a review waits for it all the same.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="End after the preflight; nothing is written to the PMS.")]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who asks. Default: your login name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Last = Annotated[int, typer.Option("--last", min=1, help="How many to show.")]
PushId = Annotated[str, typer.Argument(metavar="ID", help="The push, as `pms-lab review list` shows it.")]


def push(
    location: Place,
    sheet: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV, Parquet or JSON lines: product, stay_date, rate, …")
    ] = None,
    from_dry_run: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="The consensus of the dry run of this day."),
    ] = None,
    first: Annotated[
        datetime | None,
        typer.Option(
            "--from", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="First night of the rates that have none."
        ),
    ] = None,
    nights: Annotated[int | None, typer.Option(min=1, help="How many nights from then on.")] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Push a sheet of rates to a location's PMS: all of it or nothing, verified, and kept in the ledger."""
    from pms_lab.cli import push_commands

    source = sheet or _day(from_dry_run)
    if source is None or (sheet and from_dry_run):
        raise typer.BadParameter("give either --sheet or --from-dry-run")
    if (first is None) is not (nights is None):
        raise typer.BadParameter("--from and --nights go together")
    asked = push_commands.Asked(location, dry_run, yes, by, as_json)
    raise typer.Exit(push_commands.push(asked, source, _day(first), nights))


def revert(
    location: Place,
    to: Annotated[
        datetime,
        typer.Option("--to", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Go back to the end of this day."),
    ],
    dry_run: DryRun = False,
    yes: Yes = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Push the rates that the nights to come held at the end of a day, through the same guards as any push."""
    from pms_lab.cli import push_commands

    raise typer.Exit(push_commands.revert(push_commands.Asked(location, dry_run, yes, by, as_json), to.date()))


def recover(
    location: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Repeat for several. Default: all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Settle the pushes that a process which died has left open, from what the PMS says."""
    from pms_lab.cli import push_commands

    raise typer.Exit(push_commands.recover(location or [], as_json))


def transactions(
    location: AnyPlace = None,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that have not ended.")] = False,
    number: Annotated[str | None, typer.Option("--id", metavar="ID", help="All of one push, cell by cell.")] = None,
    last: Last = 20,
    as_json: AsJson = False,
) -> None:
    """List the pushes of the ledger, the latest first, or show one."""
    from pms_lab.cli import push_queries

    if number is not None:
        push_queries.transaction(number, as_json)
    else:
        push_queries.transactions(location, only_open, last, as_json)


def history(
    location: Place,
    product: Annotated[str, typer.Option(metavar="CODE", help="A product of the location.")],
    night: Annotated[
        datetime, typer.Option("--date", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="The night of the stay.")
    ],
    on: Annotated[
        datetime | None,
        typer.Option("--on", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="At the end of this day. Default: now."),
    ] = None,
    last: Last = 20,
    as_json: AsJson = False,
) -> None:
    """Tell what the rate of a cell was on a day, and why: votes, binding rule, transaction and who asked."""
    from pms_lab.cli import push_queries

    push_queries.history(location, product, night.date(), _day(on), last, as_json)


def alerts(location: AnyPlace = None, last: Last = 20, as_json: AsJson = False) -> None:
    """List what pushes had to tell people, the latest first, each with its next step."""
    from pms_lab.cli import push_queries

    push_queries.alerts(location, last, as_json)


@review_app.command("list")
def review_list(location: AnyPlace = None, as_json: AsJson = False) -> None:
    """List the pushes that wait for a decision, the oldest first."""
    from pms_lab.cli import push_queries

    push_queries.reviews(location, as_json)


@review_app.command("approve", epilog=EXIT_CODES)
def review_approve(
    number: PushId,
    why: Annotated[str, typer.Option(metavar="TEXT", help="Kept with the decision.")] = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Approve a push: a new one is made of it at once, with a fresh preflight under all other guards."""
    from pms_lab.cli import push_commands

    raise typer.Exit(push_commands.approve(number, why, by, as_json))


@review_app.command("reject")
def review_reject(
    number: PushId,
    why: Annotated[str, typer.Option(metavar="TEXT", help="Kept with the decision.")],
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Close a review: nothing more happens to the push."""
    from pms_lab.cli import push_commands

    push_commands.reject(number, why, by, as_json)


@people_app.command("erase")
def people_erase(
    who: Annotated[str, typer.Argument(metavar="NAME|ID", help="Whose name to forget.")], as_json: AsJson = False
) -> None:
    """Forget a person's name for good; what they asked for stays, under their id."""
    from pms_lab.cli import push_queries

    push_queries.erase(who, as_json)


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None

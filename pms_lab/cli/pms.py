"""`pms-lab pms`: an engineer's quick look at a PMS, and a simulated one to look at."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer


class VendorName(StrEnum):
    """The vendors that pms_lab speaks to."""

    OPERA = "opera"
    MEWS = "mews"
    CLOUDBEDS = "cloudbeds"
    QLOAPPS = "qloapps"


pms_app = typer.Typer(
    help="Ask a PMS that the settings name, or serve a simulated one. Nothing here writes to a PMS.",
    no_args_is_help=True,
)

Asked = Annotated[
    VendorName | None, typer.Option("--vendor", help="The PMS of this vendor, where the settings have one of it.")
]
Place = Annotated[str | None, typer.Option("--location", metavar="NAME", help="The PMS of this location.")]
Day = Annotated[
    datetime | None,
    typer.Option("--date", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Default: today by the property's clock."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


@pms_app.command()
def capabilities(vendor: Asked = None, as_json: AsJson = False) -> None:
    """Print what each vendor can promise, as a table."""
    from pms_lab.cli import pms_commands

    pms_commands.capabilities(vendor, as_json)


@pms_app.command()
def ping(vendor: Asked = None, location: Place = None, as_json: AsJson = False) -> None:
    """Connect and ask a harmless question; exit code 1 where the PMS is not up."""
    from pms_lab.cli import pms_commands

    raise typer.Exit(pms_commands.ping(vendor, location, as_json))


@pms_app.command()
def reservation(
    number: Annotated[str, typer.Argument(metavar="ID", help="The vendor's id, with or without its name: opera:123.")],
    vendor: Asked = None,
    location: Place = None,
    as_json: AsJson = False,
) -> None:
    """Print one reservation, without the guest's name."""
    from pms_lab.cli import pms_commands

    pms_commands.reservation(number, vendor, location, as_json)


@pms_app.command()
def arrivals(vendor: Asked = None, location: Place = None, date: Day = None, as_json: AsJson = False) -> None:
    """Print the reservations that arrive on a day, without the guests' names."""
    from pms_lab.cli import pms_commands

    pms_commands.arrivals(vendor, location, date and date.date(), as_json)


@pms_app.command()
def rates(
    vendor: Asked = None,
    location: Place = None,
    date: Day = None,
    nights: Annotated[int, typer.Option(min=1, max=366, help="How many nights from the date on.")] = 7,
    product: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="Repeat for several. Default: the location's products.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the rate of each product on each night."""
    from pms_lab.cli import pms_commands

    pms_commands.rates(vendor, location, date and date.date(), nights, product or [], as_json)


@pms_app.command()
def serve(
    vendor: Annotated[VendorName, typer.Option(help="Whose wire format to speak.")],
    port: Annotated[int, typer.Option(min=1, max=65535, help="On 127.0.0.1.")] = 8089,
    location: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Its name in the settings. Default: SAMPLE_ and the vendor."),
    ] = None,
    webhooks: Annotated[
        str | None, typer.Option(metavar="URL", help="Post what the vendor tells by webhook to this address.")
    ] = None,
) -> None:
    """Serve a simulated PMS with a sample hotel until interrupted, and print the settings that reach it."""
    from pms_lab.cli import pms_commands

    pms_commands.serve(vendor, port, location, webhooks)

"""What each command of `pms-lab pms` does: one exchange with a PMS, and its answer printed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

import typer

from pms_lab.cli.commands import print_json
from pms_lab.cli.exits import Exit
from pms_lab.cli.tables import print_table
from pms_lab.domain.money import Money
from pms_lab.domain.pms import Health, PmsId, Reservation
from pms_lab.domain.stay import StayDates
from pms_lab.errors import InputError, NoEvidence, PmsError, hint, listed
from pms_lab.lab import Lab, open_lab

if TYPE_CHECKING:
    from pms_lab.domain.pms import Capabilities
    from pms_lab.engine.pms import PMSAdapter

T = TypeVar("T")

SHOWN: Final = (
    "id",
    "confirmation",
    "status",
    "arrival",
    "departure",
    "product",
    "room",
    "rate_plan",
    "total",
    "balance",
)


SAMPLE_LOCATION: Final = """name = "Sample hotel"
zone = "America/New_York"
currency = "USD"
price_step = "0.01"
products.GEN = { label = "General rooms" }
products.DLX = { label = "Delux rooms" }
products.EXE = { label = "Executive rooms" }
products.LUX = { label = "Luxury rooms" }"""


def capabilities(vendor: str | None, as_json: bool) -> None:
    """Print what each vendor can promise."""
    from pms_lab.adapters.vendors import VENDORS

    known = {name: one.capabilities for name, one in VENDORS.items() if vendor in (None, name)}
    if as_json:
        print_json({name: _record(one) for name, one in known.items()})
        return
    rows = {name: _promises(one) for name, one in known.items()}
    print_table(["", *known], [[what, *(row[what] for row in rows.values())] for what in next(iter(rows.values()))])


def ping(vendor: str | None, location: str | None, as_json: bool) -> Exit:
    """Ask whether the PMS is up."""
    lab = open_lab()
    code = lab.pms_location(vendor, location)
    try:
        health = _asked(lab, code, lambda pms: pms.health_check())
    except PmsError as error:
        health = Health(is_up=False, latency_s=0.0, detail=str(error))
    if as_json:
        print_json({"location": code, "vendor": lab.settings.pms[code].vendor, **asdict(health)})
    else:
        state = "up" if health.is_up else "DOWN"
        typer.echo(
            f"{code} ({lab.settings.pms[code].vendor}): {state}, {health.latency_s * 1000:.0f} ms, {health.detail}"
        )
    return Exit.DONE if health.is_up else Exit.FAILED


def reservation(number: str, vendor: str | None, location: str | None, as_json: bool) -> None:
    """Print one reservation."""
    lab = open_lab()
    named = PmsId.parse(number) if ":" in number else None
    code = lab.pms_location(named.vendor if named else vendor, location)
    asked = named or PmsId(lab.settings.pms[code].vendor, number)
    found = _asked(lab, code, lambda pms: pms.get_reservation(asked))
    if found is None:
        raise NoEvidence(f"{code} has no reservation {asked}: look for its id with `pms-lab pms arrivals`")
    shown = _shown(found)
    if as_json:
        print_json(shown)
    else:
        print_table(["", str(asked)], [[name, str(value or "–")] for name, value in shown.items()])


def arrivals(vendor: str | None, location: str | None, day: date | None, as_json: bool) -> None:
    """Print the arrivals of a day."""
    lab = open_lab()
    code = lab.pms_location(vendor, location)
    asked = StayDates.starting(day or _today(lab, code), 2).check_in  # a day that has a morrow

    async def listed(pms: PMSAdapter) -> list[dict[str, Any]]:
        return [_shown(one) async for one in pms.get_arrivals(asked)]

    rows = _asked(lab, code, listed)
    if as_json:
        print_json({"location": code, "date": asked, "arrivals": rows})
        return
    typer.echo(f"{code}, {asked}: {len(rows)} arrivals")
    if rows:
        print_table(list(SHOWN), [[str(row[name] or "–") for name in SHOWN] for row in rows])


def rates(
    vendor: str | None, location: str | None, day: date | None, nights: int, products: list[str], as_json: bool
) -> None:
    """Print rates by night and product."""
    lab = open_lab()
    code = lab.pms_location(vendor, location)
    asked = StayDates.starting(day or _today(lab, code), nights)
    wanted = products or list(lab.location(code).products)
    for product in wanted:
        if product not in lab.location(code).products:
            known = lab.location(code).products
            raise InputError(f"unknown product {product!r} of {code}: it has {listed(known)}{hint(product, known)}")
    found = _asked(lab, code, lambda pms: pms.get_rates(asked, wanted))
    if not found:
        rule = "check rate_plan and products in its table of pms_lab.toml"
        raise NoEvidence(f"{code} has no rate for {', '.join(wanted)} from {asked.check_in} on: {rule}")
    told = {(cell.product, cell.stay_date): rate for cell, rate in found.items()}
    currency = lab.location(code).currency
    if as_json:
        cells = [
            {"product": product, "night": night, "rate": rate.amount, "is_own": rate.is_own}
            for (product, night), rate in told.items()
        ]
        print_json({"location": code, "currency": currency, "rates": cells})
        return
    rows = [[str(night), *(_rate(told.get((product, night))) for product in wanted)] for night in asked]
    print_table([f"night ({currency})", *wanted], rows)
    if not all(rate.is_own for rate in told.values()):
        typer.echo("in brackets: inherited from a base price or another rule")


def serve(vendor: str, port: int, location: str | None, webhooks: str | None) -> None:
    """Serve a simulated PMS until interrupted."""
    from pms_lab.live.serve import listening, poster
    from pms_lab.live.serve import serve as serve_app
    from pms_lab.sim.pms.served import notifying, sample_server
    from pms_lab.sim.pms.webhooks import subscribe

    url, code = f"http://127.0.0.1:{port}", location or f"SAMPLE_{vendor.upper()}"
    taken = listening(port)
    server, settings = sample_server(vendor, url, datetime.now(UTC))
    if webhooks:
        subscribe(notifying(server.face, vendor), poster(webhooks))
    typer.echo(f"A simulated {vendor} PMS at {url} until Ctrl-C. These settings reach it, in pms_lab.toml:\n")
    typer.echo(f"[pms.{code}]\n{settings}\n\nand these in data/locations.toml:\n\n[{code}]\n{SAMPLE_LOCATION}")
    serve_app(server, taken)


def _asked(lab: Lab, code: str, question: Callable[[PMSAdapter], Awaitable[T]]) -> T:
    async def once() -> T:
        async with lab.pms(code) as pms:
            return await question(pms)

    return asyncio.run(once())


def _today(lab: Lab, code: str) -> date:
    return datetime.now(lab.location(code).zone).date()


def _shown(found: Reservation) -> dict[str, Any]:
    """Return what is shown of a reservation: no name, no notes."""
    return {
        "id": str(found.id),
        "confirmation": found.confirmation,
        "status": found.status.value,
        "arrival": found.stay.check_in.isoformat(),
        "departure": found.stay.check_out.isoformat(),
        "product": found.product,
        "room": found.room,
        "rate_plan": found.rate_plan,
        "total": _amount(found.total),
        "balance": _amount(found.balance),
    }


def _amount(money: Money | None) -> str | None:
    return None if money is None else f"{money.amount:.2f} {money.currency}"


def _rate(rate: Any) -> str:
    if rate is None:
        return "–"
    return f"{rate.amount:.2f}" if rate.is_own else f"({rate.amount:.2f})"


def _record(one: Capabilities) -> dict[str, Any]:
    return {**asdict(one), "repeatable": sorted(one.repeatable), "reconcilable": sorted(one.reconcilable)}


def _promises(one: Capabilities) -> dict[str, str]:
    yes_no = {True: "yes", False: "no"}
    limits = [f"{limit.requests} in {limit.window_s:g} s per {limit.counted_by}" for limit in one.rate_limits]
    return {
        "may be repeated": _lines(one.repeatable),
        "sent once, found by reading": _lines(one.reconcilable),
        "not possible": _lines(one.unsupported),
        "conditional write": yes_no[one.conditional_write],
        "last room sold once": yes_no[one.atomic_create],
        "rate batch whole or not": yes_no[one.atomic_rates],
        "rates in a request": str(one.rate_batch),
        "first rate sent twice": "leaves two" if one.creates_rates else "is one",
        "rate limit": _lines(limits),
        "read lag": f"{one.read_lag_s:g} s",
        "in flight at most": f"{one.in_flight_s:g} s",
        "tells of deletions": yes_no[one.shows_deletions],
        "webhooks": yes_no[one.webhooks],
    }


def _lines(names: Iterable[str]) -> str:
    return "\n".join(sorted(names)) or "–"

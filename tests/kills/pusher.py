"""What each killed process runs: one push through the settings of a home, as the command line does it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path

from pms_lab.domain.money import Money
from pms_lab.domain.push import Origin, PushOrder, PushOutcome
from pms_lab.domain.rates import RateCell, RateSheet
from pms_lab.engine.push import push
from pms_lab.engine.pushing.ports import PushPorts, unwatched
from pms_lab.lab import Lab, open_lab
from pms_lab.live.push import office, push_ports

PortsWork = Callable[[PushPorts], Awaitable[PushOutcome | None]]

LOCATION = "HOTEL"
PRODUCTS = ("GEN", "DLX", "EXE")
NIGHTS = 30
FIRST_OFFSET = 2


def cells(today: date) -> list[RateCell]:
    """Return the cells of every push: three parts of thirty."""
    return [
        RateCell(LOCATION, product, today + timedelta(days=FIRST_OFFSET + night))
        for product in PRODUCTS
        for night in range(NIGHTS)
    ]


def amounts(today: date, step: int) -> dict[RateCell, Decimal]:
    """Return the rates of a push, no two cells and no two consecutive pushes alike."""
    return {cell: Decimal(1000 + 10 * (step % 10)) + number for number, cell in enumerate(cells(today))}


def order_of(rates: dict[RateCell, Decimal]) -> PushOrder:
    """Return the order to push these rates."""
    sheet = RateSheet({cell: Money(amount, "USD") for cell, amount in rates.items()})
    return PushOrder(sheet, "a test", Origin("file", "rates.csv"))


async def with_ports(lab: Lab, work: PortsWork) -> PushOutcome | None:
    """Open what a push awaits, and do some work with it."""
    place = lab.location(LOCATION)
    async with (
        office(lab.home, lab.settings) as opened,
        push_ports(opened, place, lab.settings.pms[LOCATION], lab.settings.push[LOCATION], unwatched) as ports,
    ):
        return await work(ports)


def run_push(connected: Connection, home: Path, today: date, step: int) -> None:
    """Connect, say so, push, and end."""

    async def pushed(ports: PushPorts) -> PushOutcome:
        connected.send(None)
        return await push(ports, order_of(amounts(today, step)))

    asyncio.run(with_ports(open_lab(home), pushed))

"""The first step: look at everything that the preflight judges. Nothing is written to the PMS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from pms_lab.domain.pms import Health, NightlyRate
from pms_lab.domain.rates import RateCell, RateSheet
from pms_lab.domain.stay import StayDates
from pms_lab.engine.ledger import Past
from pms_lab.engine.pushing.ports import PushPorts
from pms_lab.errors import PmsLabError, StoreError
from pms_lab.rules.preflight import Seen
from pms_lab.rules.settling import CLOCK_SKEW_S

A_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Survey:
    """What was seen, and what of it the ledger does not know yet.

    Attributes:
        read_at: when the rates were read; None where they could not be.
        inventory_at: when the availability was read for this push; None where it was fresh or could not be.
        was_down: whether it was told before that the PMS is down.
    """

    seen: Seen
    read_at: datetime | None
    inventory_at: datetime | None
    was_down: bool


async def survey(ports: PushPorts, sheet: RateSheet, active: str | None) -> Survey:
    """Look at the PMS, the ledger and the clock.

    Args:
        active: who is pushing at the location already, as far as the locks tell.
    """
    now = ports.flow.now()
    past = await _past(ports, sheet, now)
    known = Past((), {}, None, None) if isinstance(past, str) else past
    health = await _health(ports)
    cells = _readable(ports, sheet, now)
    if not health.is_up:
        held: Mapping[RateCell, NightlyRate] | str = "the PMS is down"
        inventory: datetime | str | None = "the PMS is down" if _is_stale(ports, known, now) else known.inventory_at
    else:
        held = await _held(ports, cells)
        inventory = await _inventory(ports, cells, now) if _is_stale(ports, known, now) else known.inventory_at
    seen = Seen(
        now=now,
        health=health,
        held=held,
        day_base=known.day_base,
        inventory_at=inventory,
        ledger_at=known.last_at,
        ledger=past if isinstance(past, str) else None,
        active=_open_push(known) or active,
    )
    fetched = inventory if isinstance(inventory, datetime) and inventory is not known.inventory_at else None
    return Survey(seen, None if isinstance(held, str) else now, fetched, known.pms_down)


async def read_cells(ports: PushPorts, cells: Iterable[RateCell]) -> dict[RateCell, NightlyRate]:
    """Return what the PMS holds for cells that have a night, and nothing else, whatever it answers.

    Raises:
        PmsError: it cannot be read.
    """
    wanted = list(cells)
    nights = nights_of(wanted)
    if nights is None:
        return {}
    found = await ports.pms.get_rates(nights, sorted({cell.product for cell in wanted}))
    return {cell: held for cell in wanted if (held := found.get(cell)) is not None}


def nights_of(cells: Iterable[RateCell]) -> StayDates | None:
    """Return the nights from the first to the last of some cells; None where no cell has one."""
    nights = {cell.stay_date for cell in cells if cell.stay_date}
    return StayDates(min(nights), max(nights) + A_DAY) if nights else None


async def _past(ports: PushPorts, sheet: RateSheet, now: datetime) -> Past | str:
    zone = ports.place.zone
    midnight = datetime.combine(now.astimezone(zone).date(), time(), zone)
    cells = list(sheet) if len(sheet) <= ports.policy.max_cells else []
    try:
        return await ports.ledger.past(ports.place.code, cells, midnight)
    except StoreError as error:
        return str(error)


async def _health(ports: PushPorts) -> Health:
    limit_s = ports.policy.health_s
    try:
        async with ports.flow.timeout(limit_s):
            return await ports.pms.health_check()
    except TimeoutError:
        return Health(is_up=False, latency_s=limit_s, detail=f"no answer within {limit_s:g} s")


def _readable(ports: PushPorts, sheet: RateSheet, now: datetime) -> list[RateCell]:
    """Return the cells that are worth reading: a mistyped year must not make us read a century."""
    today, products = now.astimezone(ports.place.zone).date(), ports.place.products
    last = today + timedelta(days=ports.policy.horizon_days)
    if len(sheet) > ports.policy.max_cells:
        return []
    return [cell for cell in sheet if cell.product in products and cell.stay_date and today <= cell.stay_date <= last]


async def _held(ports: PushPorts, cells: list[RateCell]) -> Mapping[RateCell, NightlyRate] | str:
    try:
        return await read_cells(ports, cells)
    except PmsLabError as error:
        return str(error)


def _is_stale(ports: PushPorts, past: Past, now: datetime) -> bool:
    if past.inventory_at is None:
        return True
    age_s = (now - past.inventory_at).total_seconds()
    return not -CLOCK_SKEW_S <= age_s <= ports.policy.inventory_age_h * 3600


async def _inventory(ports: PushPorts, cells: list[RateCell], now: datetime) -> datetime | str | None:
    nights = nights_of(cells)
    if nights is None:
        return None
    try:
        await ports.pms.get_availability(nights, sorted({cell.product for cell in cells}))
    except PmsLabError as error:
        return str(error)
    return now


def _open_push(past: Past) -> str | None:
    if not past.open_pushes:
        return None
    return f"push {past.open_pushes[0]} has not ended: `pms-lab recover` settles it"

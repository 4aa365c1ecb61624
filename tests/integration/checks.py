"""What a configured sandbox is asked: every read, and with leave also writes that are undone again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from time import monotonic
from typing import Any

from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Applied, Outcome
from pms_lab.domain.rates import RateSheet
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import AddNote, CancelReservation, ClearRates, CreateReservation, UpdateRates
from pms_lab.engine.pms import PMSAdapter
from pms_lab.errors import PmsLabError, Unsupported


@dataclass(frozen=True)
class Sandbox:
    """What is asked, and about what.

    Attributes:
        today: the property's own date.
        products: those whose rates and availability are asked for.
        run: tells the writes of this run from those of others.
    """

    pms: PMSAdapter
    today: date
    products: list[str]
    currency: str
    run: str

    @property
    def week(self) -> StayDates:
        """The seven nights from today on."""
        return StayDates.starting(self.today, 7)

    @property
    def far_off(self) -> StayDates:
        """One night that nobody is likely to care about."""
        return StayDates.starting(self.today + timedelta(days=300), 1)


Check = Callable[[Sandbox], Awaitable[str]]


async def health(it: Sandbox) -> str:
    """Ask whether it is up."""
    answer = await it.pms.health_check()
    assert answer.is_up, answer.detail
    return answer.detail


async def arrivals(it: Sandbox) -> str:
    """Read the arrivals of the week, and one of them by its id."""
    found = [one for night in it.week async for one in it.pms.get_arrivals(night)]
    if found:
        again = await it.pms.get_reservation(found[0].id)
        assert again is not None
        assert again.stay == found[0].stay
    return f"{len(found)} arrivals within a week"


async def departures(it: Sandbox) -> str:
    """Read the departures of today."""
    return f"{await _count(it.pms.get_departures(it.today))} departures today"


async def in_house(it: Sandbox) -> str:
    """Read who is in house."""
    return f"{await _count(it.pms.get_in_house())} in house"


async def rooms(it: Sandbox) -> str:
    """Read all rooms."""
    return f"{await _count(it.pms.get_all_room_statuses())} rooms"


async def rates(it: Sandbox) -> str:
    """Read the rates of the week."""
    found = await it.pms.get_rates(it.week, it.products)
    return f"{len(found)} of {len(it.products) * 7} cells have a rate"


async def availability(it: Sandbox) -> str:
    """Read the availability of the week."""
    return f"{len(await it.pms.get_availability(it.week, it.products))} nights of products"


async def changes(it: Sandbox) -> str:
    """Start to follow changes."""
    told = await it.pms.changes_since(None)
    assert told.cursor
    return "a cursor was given"


async def reservation_made_and_cancelled(it: Sandbox) -> str:
    """Book a night far off, add a note, read both back, and cancel."""
    made = await it.pms.create_reservation(
        CreateReservation(f"{it.run}-book", it.far_off, it.products[0], "Integration", "Check", "check@example.com")
    )
    assert isinstance(made, Applied), made
    try:
        _applied(await it.pms.add_reservation_note(AddNote(f"{it.run}-note", made.value, "integration check")))
        found = await it.pms.get_reservation(made.value)
        assert found is not None
        assert found.stay == it.far_off
    finally:
        cancel = CancelReservation(f"{it.run}-cancel", made.value, "integration check")
        _applied(await it.pms.cancel_reservation(cancel))
    return f"{made.value} was made, noted and cancelled"


async def rate_pushed_and_restored(it: Sandbox) -> str:
    """Publish a rate one unit higher for a night far off, read it back, and restore it."""
    before = await it.pms.get_rates(it.far_off, it.products[:1])
    assert before, f"{it.products[0]} has no rate on {it.far_off.check_in}"
    (cell, old), *_ = before.items()
    inherits = not old.is_own and "clear_rates" not in it.pms.capabilities().unsupported
    for name, amount in (("push", old.amount + 1), ("restore", old.amount)):
        if name == "restore" and inherits:
            outcomes = await it.pms.clear_rates(ClearRates(f"{it.run}-{name}", (cell,)))
        else:
            sheet = RateSheet({cell: Money(amount, it.currency)})
            outcomes = await it.pms.update_rates(UpdateRates(f"{it.run}-{name}", sheet))
        assert isinstance(outcomes[cell], Applied), outcomes[cell]
        assert (await it.pms.get_rates(it.far_off, it.products[:1]))[cell].amount == amount
    return f"{cell.product} on {cell.stay_date}: {old.amount} + 1 and back"


READS: tuple[Check, ...] = (health, arrivals, departures, in_house, rooms, rates, availability, changes)
WRITES: tuple[Check, ...] = (reservation_made_and_cancelled, rate_pushed_and_restored)


async def run(it: Sandbox, checks: tuple[Check, ...]) -> list[Mapping[str, Any]]:
    """Run all checks, whatever fails, and return one record for each."""
    return [await _recorded(it, check) for check in checks]


async def _recorded(it: Sandbox, check: Check) -> Mapping[str, Any]:
    began_s = monotonic()
    try:
        result, detail = "passed", await check(it)
    except Unsupported as exc:
        result, detail = "unsupported", str(exc)
    except (PmsLabError, AssertionError) as exc:
        result, detail = "failed", f"{type(exc).__name__}: {exc}"
    return {"check": check.__name__, "result": result, "detail": detail, "took_s": round(monotonic() - began_s, 3)}


async def _count(items: AsyncIterator[object]) -> int:
    return len([item async for item in items])


def _applied(outcome: Outcome[object]) -> None:
    assert isinstance(outcome, Applied), outcome

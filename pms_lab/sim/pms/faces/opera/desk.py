"""What the operations of OPERA's face share."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from pms_lab.adapters.writing import Json
from pms_lab.domain.stay import StayDates
from pms_lab.engine.ports import HttpResponse
from pms_lab.sim.pms.faces.opera.forms import Id
from pms_lab.sim.pms.faces.opera.shown import USUAL, Shown, page
from pms_lab.sim.pms.faces.opera.wire import Asked, answer, bare
from pms_lab.sim.pms.state import Pms, Rejected


class Desk:
    """The hotel, and what OPERA keeps beside it.

    Attributes:
        system: the external system that may ask.
        titles: of comments, by their id.
        priced: the names of the rates that a room type has for a night, where they are not just `USUAL`: others too,
            or none, when its schedule was deleted.
    """

    def __init__(self, pms: Pms, system: str) -> None:
        self.pms = pms
        self.system = system
        self.titles: dict[str, str] = {}
        self.priced: dict[tuple[str, date], frozenset[str]] = {}

    def shown(self, as_of: datetime) -> Shown:
        """Return the hotel as it was at a time."""
        return Shown(self.pms, as_of, self.titles, self.system, self.priced)

    def price(self, product: str, night: date, names: Iterable[str]) -> None:
        """Note that a night has these rates besides those that it had; without names, that it has none."""
        added = frozenset(names)
        self.priced[product, night] = added and added | self.priced.get((product, night), USUAL)

    def paged(self, asked: Asked, outer: str, inner: str, rows: list[dict[str, Json]]) -> HttpResponse:
        """Answer with one page of a list; 204 where nothing is on it."""
        info = page(inner, rows, asked.number("limit", 20, 1), asked.number("offset", 0, 0))
        return answer({outer: info}) if info[inner] else bare(204)

    def check_named(self, booking: str, ids: Iterable[Id], hotel: str) -> None:
        """Refuse a body that names another reservation or hotel than the path."""
        if [one.id for one in ids if one.type == "Reservation"] != [booking] or hotel != self.pms.hotel.code:
            raise Rejected("invalid", "path and body name different reservations or hotels")

    def check_product(self, product: str) -> None:
        """Refuse an unknown room type."""
        if product not in self.pms.room_types:
            raise Rejected("invalid", f"no room type {product}")

    def check_plan(self, plan: str) -> None:
        """Refuse an unknown rate plan."""
        if plan != self.pms.hotel.rate_plan:
            raise Rejected("not_found", f"no rate plan {plan}")


def parts(asked: Asked, default: str) -> list[str]:
    """Return which parts are to be fetched."""
    return asked.all("fetchInstructions") or [default]


def nights_of(first: date, morning_after: date) -> StayDates:
    """Return the nights of a stay."""
    if morning_after <= first:
        raise Rejected("invalid", "the last day is not after the first")
    return StayDates(first, morning_after)

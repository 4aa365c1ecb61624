"""What has changed in the shop: by the times of its records, which are whole seconds of its own clock.

Orders and room lines are both asked: a cancellation shows in the order only, a check-in in the line only. A record's
time is set when a write begins, and the record may be seen half a minute later, when a lock is released; so each fetch
looks back further than that, and what comes twice has the same key. What changes while the lists are read may be in
none of them: so the cursor is the time of a record that was there before. Of two changes within one second the later
shows only where it alters what the key is made of. Source: QloApps 1.6.1.0, measured.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from pms_lab.adapters.qloapps.models import Customer, Dated, Line, Order
from pms_lab.adapters.qloapps.reservations import VENDOR, Desk, local_id
from pms_lab.adapters.qloapps.shop import Shop
from pms_lab.domain.pms import Change, Changes, EntityKind, PmsId
from pms_lab.domain.property import Property
from pms_lab.engine.ports import Flow
from pms_lab.errors import InputError

WATCHED: Final[tuple[type[Dated], ...]] = (Order, Line, Customer)
OVERLAP: Final = timedelta(seconds=60)
"""Twice the longest stall that was measured."""
HOUR: Final = timedelta(hours=1)
BEGINNING: Final = "2000-01-01 00:00:00"


class Feed:
    """The changes of one property."""

    def __init__(self, shop: Shop, desk: Desk, place: Property, flow: Flow) -> None:
        self._shop = shop
        self._desk = desk
        self._place = place
        self._flow = flow

    async def since(self, cursor: str | None) -> Changes:
        """Return what has changed since a cursor, which is a time by the shop's clock; None starts at its last change.

        Raises:
            InputError: the cursor is none that this returned.
        """
        start = _time(BEGINNING if cursor is None else cursor)
        reached = max([start, *[await self._newest(kind) for kind in WATCHED]])
        if cursor is None:
            return Changes((), str(reached))
        since = {"date_upd": f">[{start - OVERLAP - self._repeated(start)}]"}
        orders = [one async for one in self._shop.all(Order, since)]
        lines = [one async for one in self._shop.all(Line, {**since, "id_hotel": f"[{self._place.code}]"})]
        guests = [one async for one in self._shop.all(Customer, since)]
        changes = [*self._of_orders(orders), *await self._of_lines(lines, orders), *map(self._of_guest, guests)]
        return Changes(tuple(changes), str(reached))

    async def _newest(self, kind: type[Dated]) -> datetime:
        """Return the time of the last change until now.

        Times after now come from a shop's clock that is ahead: a cursor from there would miss what follows once the
        clock is set right.
        """
        now = self._flow.now().astimezone(self._place.zone)
        until = {"date_upd": f"[{BEGINNING},{now:%Y-%m-%d %H:%M:%S}]"}
        found = await self._shop.some(kind, until, sort="[date_upd_DESC]", limit=1)
        return max((one.date_upd for one in found), default=_time(BEGINNING))

    def _repeated(self, start: datetime) -> timedelta:
        """Return how far the shop's clock is put back within the hour after a time: those readings come twice."""
        later = (start.replace(tzinfo=self._place.zone).astimezone(UTC) + HOUR).astimezone(self._place.zone)
        return max(start + HOUR - later.replace(tzinfo=None), timedelta(0))

    def _of_orders(self, orders: list[Order]) -> list[Change]:
        return [
            self._change(
                EntityKind.RESERVATION,
                local,
                order,
                (order.current_state, order.total_paid_tax_incl, order.total_paid_real, order.id_customer),
                is_gone=order.is_cancelled,
            )
            for order in orders
            for local in [local_id(order.id, line.id, _size(order)) for line in order.associations.bookings]
        ]

    async def _of_lines(self, lines: list[Line], orders: list[Order]) -> list[Change]:
        known = {order.id: order for order in orders}
        known |= await self._desk.orders(line.id_order for line in lines if line.id_order not in known)
        return [
            self._change(
                EntityKind.RESERVATION,
                local_id(line.id_order, line.id, _size(known[line.id_order])),
                line,
                (line.id_status, line.is_gone, line.date_from, line.date_to, line.id_room, line.total_price_tax_incl),
                is_gone=line.is_gone,
            )
            for line in lines
        ]

    def _of_guest(self, guest: Customer) -> Change:
        parts = (guest.firstname, guest.lastname, guest.email, guest.phone, guest.note)
        return self._change(EntityKind.GUEST, guest.id, guest, parts, is_gone=guest.deleted)

    def _change(
        self, kind: EntityKind, local: str, record: Dated, parts: tuple[object, ...], *, is_gone: bool
    ) -> Change:
        digest = sha256(repr(tuple(map(str, parts))).encode()).hexdigest()[:16]
        key = f"{record.resource}:{record.id}:{local}:{record.date_upd}:{digest}"
        at = record.date_upd.replace(tzinfo=self._place.zone)
        return Change(kind, PmsId(VENDOR, local), at, key, is_deletion=is_gone)


def _size(order: Order) -> int:
    return len(order.associations.bookings)


def _time(cursor: str) -> datetime:
    try:
        if re.fullmatch(r"(19|20|21)\d\d-\d\d-\d\d \d\d:\d\d:\d\d", cursor, re.ASCII):
            return datetime.fromisoformat(cursor)
    except ValueError:
        pass
    raise InputError(f"cursor {cursor!r} is no time of the shop: give one that changes_since returned")

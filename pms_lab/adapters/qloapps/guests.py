"""Guests: found, read, and written back as a whole, since what a PUT leaves out is blanked and hides the guest."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Final

from pms_lab.adapters.qloapps.models import Customer
from pms_lab.adapters.qloapps.reservations import VENDOR
from pms_lab.adapters.qloapps.shop import Filters, Shop
from pms_lab.adapters.qloapps.xml import record_in, written_back
from pms_lab.adapters.reading import beforehand
from pms_lab.domain.pms import Guest, GuestQuery, PmsId
from pms_lab.domain.property import Property
from pms_lab.domain.writes import UpdateGuest
from pms_lab.errors import PmsRefused

FIELDS: Final = {
    "first_name": "firstname",
    "last_name": "lastname",
    "email": "email",
    "phone": "phone",
    "language": "id_lang",
}
"""Our fields of a guest that can be changed, and QloApps'."""

_SYNTAX = re.compile(r"[\[\]|,%!<>]+")


class Guests:
    """The guests of the shop: all hotels of a shop share them."""

    def __init__(self, shop: Shop, place: Property) -> None:
        self._shop = shop
        self._place = place

    async def find(self, guest: PmsId) -> Customer | None:
        """Return a guest; None where there is none, or it was deleted."""
        if guest.vendor != VENDOR or not re.fullmatch(r"[0-9]{1,18}", guest.local, re.ASCII):
            return None
        found = await self._shop.get(Customer, guest.local)
        return None if found is None or found.deleted else found

    async def search(self, query: GuestQuery) -> AsyncIterator[Guest]:
        """Yield the guests to whom everything in the query applies."""
        seen: set[str] = set()
        for filters in _searches(query):
            async for customer in self._shop.all(Customer, filters):
                if customer.id not in seen and not customer.deleted and _is_meant(customer, query):
                    seen.add(customer.id)
                    yield self.guest(customer)

    async def change(self, write: UpdateGuest) -> None:
        """Read a guest, change what is given, and write all of it back.

        Raises:
            PmsError: its `effect` says whether the guest may have been changed.
        """
        if await beforehand(self.find(write.guest)) is None:
            raise PmsRefused(f"no guest {write.guest}", status=404)
        if changes := _changes(write):
            record = record_in(await beforehand(self._shop.whole("customers", write.guest.local)), "customer")
            await self._shop.tell_xml("PUT", f"customers/{write.guest.local}", written_back(record, changes))

    async def holds(self, write: UpdateGuest) -> bool:
        """Whether a guest is as a write would have it."""
        found = await self.find(write.guest)
        return found is not None and all(
            (getattr(found, name) or "") == wanted for name, wanted in _changes(write).items()
        )

    def guest(self, customer: Customer) -> Guest:
        """Return what was read as a guest."""
        return Guest(
            id=PmsId(VENDOR, customer.id),
            first_name=customer.firstname,
            last_name=customer.lastname,
            email=customer.email or None,
            phone=customer.phone or None,
            language=customer.id_lang,
            notes=customer.note or None,
            updated_at=customer.date_upd.replace(tzinfo=self._place.zone),
        )


def _changes(write: UpdateGuest) -> dict[str, str]:
    return {theirs: value for ours, theirs in FIELDS.items() if (value := getattr(write, ours)) is not None}


def _searches(query: GuestQuery) -> list[Filters]:
    """Return the lists in which those meant are: the conditions are loose, and looked at again one by one."""
    filters: dict[str, str] = {}
    if query.email and not _SYNTAX.search(query.email):
        filters["email"] = f"[{query.email}]"
    if query.phone and (digits := _digits(query.phone)):
        # However the digits are set apart: the percent sign stands for anything in between.
        filters["phone"] = f"%[{'%'.join(digits)}]%"
    if not query.name or not query.name.strip():
        return [filters]
    # Every word stands in the first name or in the last: the longest part of one finds all who may be meant.
    part = max(_SYNTAX.split(max(query.name.split(), key=len)), key=len)
    return [{**filters, name: f"%[{part}]%"} for name in ("lastname", "firstname")]


def _is_meant(customer: Customer, query: GuestQuery) -> bool:
    name = f"{customer.firstname} {customer.lastname}".casefold()
    return (
        all(word in name for word in (query.name or "").casefold().split())
        and (not query.email or query.email.casefold() == customer.email.casefold())
        and (not query.phone or _digits(query.phone) == _digits(customer.phone or "") != "")
    )


def _digits(phone: str) -> str:
    return "".join(letter for letter in phone if letter.isascii() and letter.isdecimal())

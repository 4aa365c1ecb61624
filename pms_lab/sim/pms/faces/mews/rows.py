"""The records of the simulated PMS as Mews shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

from pms_lab.adapters.writing import Json
from pms_lab.domain.pms import Condition, ReservationStatus
from pms_lab.sim.pms.faces.mews.ids import ADULTS, CHILDREN, ENTERPRISE, EXTRAS, STAY, TAX_CODE, guid
from pms_lab.sim.pms.records import Booking, Person, Posting, Room
from pms_lab.sim.pms.state import Pms

Row = dict[str, Any]

ARRIVAL: Final = time(15)
DEPARTURE: Final = time(11)
TAX: Final = Decimal("1.10")
CENT: Final = Decimal("0.01")

STATES: Final[Mapping[ReservationStatus, str]] = {
    ReservationStatus.REQUESTED: "Optional",
    ReservationStatus.WAITLISTED: "Requested",
    ReservationStatus.CONFIRMED: "Confirmed",
    ReservationStatus.IN_HOUSE: "Started",
    ReservationStatus.CHECKED_OUT: "Processed",
    ReservationStatus.CANCELLED: "Canceled",
    ReservationStatus.NO_SHOW: "Canceled",
}

CONDITIONS: Final[Mapping[Condition, str]] = {
    Condition.CLEAN: "Clean",
    Condition.DIRTY: "Dirty",
    Condition.PICKUP: "Dirty",
    Condition.INSPECTED: "Inspected",
    Condition.OUT_OF_ORDER: "OutOfOrder",
    Condition.OUT_OF_SERVICE: "OutOfService",
}


def utc_text(at: datetime) -> str:
    """Return a time as Mews writes it, in whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def room_id(room: str) -> str:
    """Return Mews's id of a room."""
    return guid("resource", room)


@dataclass(frozen=True)
class Books:
    """A hotel's books, as Mews writes them.

    Attributes:
        pricing: whether the amounts in the books are gross or net.
        includes_ends: whether intervals hold their end; Mews's own pages disagree.
    """

    pms: Pms
    pricing: Literal["gross", "net"] = "gross"
    includes_ends: bool = True

    def on(self, day: date, at: time) -> datetime:
        """Return a time of a local day."""
        return datetime.combine(day, at, self.pms.hotel.zone)

    def amount(self, value: Decimal, *, is_taxed: bool = True) -> Row:
        """Return an amount with and without tax."""
        tax = TAX if is_taxed else Decimal(1)
        gross = value if self.pricing == "gross" else (value * tax).quantize(CENT)
        net = value if self.pricing == "net" else (value / tax).quantize(CENT)
        taxes: list[Json] = [{"Code": TAX_CODE, "Value": gross - net}] if is_taxed else []
        return {
            "Currency": self.pms.hotel.currency,
            "NetValue": net,
            "GrossValue": gross,
            "TaxValues": taxes,
            "Breakdown": {"Items": []},
        }

    def reservation(self, one: Booking) -> Row:
        """Return a reservation, in the form of 2023-06-06."""
        leaves = one.checkout_at or self.on(one.stay.check_out, DEPARTURE)
        counts = ((ADULTS, one.adults), (CHILDREN, one.children))
        return {
            "Id": one.id,
            "ServiceId": STAY,
            "AccountId": one.guest,
            "AccountType": "Customer",
            "Number": one.confirmation,
            "State": STATES[one.status],
            "Origin": "Connector",
            "CreatedUtc": utc_text(one.created_at),
            "UpdatedUtc": utc_text(one.updated_at),
            "CancellationReason": "NoShow" if one.status is ReservationStatus.NO_SHOW else None,
            "RateId": one.rate_plan,
            "GroupId": one.group,
            "RequestedResourceCategoryId": one.product,
            "AssignedResourceId": room_id(one.room) if one.room else None,
            "AssignedResourceLocked": False,
            "ChannelNumber": one.key,
            "ScheduledStartUtc": utc_text(self.on(one.stay.check_in, ARRIVAL)),
            "ScheduledEndUtc": utc_text(leaves),
            "ActualStartUtc": None,
            "ActualEndUtc": None,
            "PersonCounts": [{"AgeCategoryId": age, "Count": count} for age, count in counts if count],
        }

    def customer(self, one: Person) -> Row:
        """Return a guest."""
        return {
            "Id": one.id,
            "FirstName": one.first_name,
            "LastName": one.last_name,
            "Email": one.email,
            "HasOtaEmail": False,
            "Phone": one.phone,
            "PreferredLanguageCode": one.language,
            "LanguageCode": one.language,
            "LoyaltyCode": one.loyalty_number,
            "Notes": one.notes or "",
            "UpdatedUtc": None if one.updated_at is None else utc_text(one.updated_at),
            "Classifications": [],
            "Options": [],
            "IsActive": True,
        }

    def account_notes(self, one: Person) -> list[Row]:
        """Return the notes about a guest, newest first: its preferences, by classification and content."""
        notes = [
            {
                "Id": guid("account note", one.id, index),
                "AccountId": one.id,
                "AccountType": "Customer",
                "Content": note.value,
                "Classifications": [note.kind],
                "IsActive": True,
            }
            for index, note in enumerate(one.preferences)
        ]
        return notes[::-1]

    def order_notes(self, one: Booking) -> list[Row]:
        """Return the notes of a reservation, newest first."""
        requests = [("SpecialRequest", one.special_requests)] if one.special_requests else []
        texts = [*requests, *(("General", text) for text in one.notes)]
        notes = [
            {
                "Id": guid("order note", one.id, kind, index),
                "OrderId": one.id,
                "Text": text,
                "Type": kind,
                "CreatedUtc": utc_text(one.created_at),
                "UpdatedUtc": utc_text(one.updated_at),
            }
            for index, (kind, text) in enumerate(texts)
        ]
        return notes[::-1]

    def resource(self, one: Room) -> Row:
        """Return a room."""
        return {
            "Id": room_id(one.id),
            "EnterpriseId": ENTERPRISE,
            "IsActive": one.is_active,
            "ParentResourceId": None,
            "Name": one.number,
            "State": CONDITIONS[one.condition],
            "Data": {"Discriminator": "Space", "Value": {"FloorNumber": "1", "LocationNotes": ""}},
        }

    def assignment(self, one: Room) -> Row:
        """Return that a room is of a type."""
        return {
            "Id": guid("assignment", one.id),
            "ResourceId": room_id(one.id),
            "CategoryId": one.product,
            "IsActive": one.is_active,
        }

    def stay_item(self, one: Booking) -> Row:
        """Return what the stay itself costs, as one item."""
        state = {"Canceled": "Canceled", "Optional": "Inactive"}.get(STATES[one.status], "Open")
        return self._item(guid("item", one.id), one.id, STAY, one.total, state, "SpaceOrder", None)

    def order_item(self, one: Posting) -> Row:
        """Return a charge."""
        return self._item(guid("item", one.id), order_id(one), EXTRAS, one.amount, "Open", "CustomItem", one.key) | {
            "BillingName": one.description
        }

    def _item(
        self, key: str, order: str, service: str, value: Decimal, state: str, kind: str, external: str | None
    ) -> Row:
        amount = self.amount(value)
        return {
            "Id": key,
            "EnterpriseId": ENTERPRISE,
            "ServiceId": service,
            "ServiceOrderId": order,
            "UnitCount": 1,
            "UnitAmount": amount,
            "Amount": amount,
            "AccountingState": state,
            "Type": kind,
            "ExternalIdentifier": external,
        }

    def order(self, one: Posting) -> Row:
        """Return the order that a charge belongs to."""
        return {"Id": order_id(one), "ServiceId": EXTRAS, "State": "Confirmed", "LinkedReservationId": one.booking}

    def payment(self, one: Posting) -> Row:
        """Return a payment; its amount is negative."""
        return {
            "Id": guid("payment", one.id),
            "ReservationId": one.booking,
            "Amount": self.amount(one.amount, is_taxed=False),
            "AccountingState": "Open",
            "State": "Charged",
            "Type": "CashPayment",
        }

    def nights(self, first: datetime, last: datetime) -> Sequence[date] | None:
        """Return the nights whose time units start from one time to another; None where those are no such starts."""
        days = [at.astimezone(self.pms.hotel.zone).date() for at in (first, last)]
        if [self.on(day, time()) for day in days] != [first, last] or not 0 <= (days[1] - days[0]).days < 367:
            return None
        return [days[0] + timedelta(days=away) for away in range((days[1] - days[0]).days + 1)]

    def unit_starts(self, nights: Sequence[date]) -> list[Json]:
        """Return when the time units of nights start."""
        return [utc_text(self.on(night, time())) for night in nights]

    def adjustment(self, product: str, night: date, as_of: datetime) -> int:
        """Return by how much a limit lowers, or raises, what may be sold."""
        limit = self.pms.limits.get((product, night), as_of)
        return 0 if limit is None else limit - len(self.pms.rooms_of(product, as_of))


def order_id(one: Posting) -> str:
    """Return the id of the order that a charge belongs to."""
    return guid("order", one.id)


def charges(books: Books, as_of: datetime) -> Iterator[Posting]:
    """Yield the charges, newest first."""
    return (one for one in reversed(list(books.pms.postings.values(as_of))) if one.amount >= 0)

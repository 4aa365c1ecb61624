"""What has changed in Mews, asked for and told by webhook."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from pms_lab.adapters.mews.api import MewsApi
from pms_lab.adapters.mews.models import (
    Configuration,
    CustomerRow,
    Customers,
    Event,
    ReservationRow,
    Reservations,
    State,
    WebhookMessage,
)
from pms_lab.adapters.mews.reading import key_of, ref
from pms_lab.adapters.mews.reads import EVER, guests_where
from pms_lab.adapters.mews.times import intervals, utc_text
from pms_lab.domain.pms import Change, Changes, EntityKind
from pms_lab.domain.property import Property
from pms_lab.errors import BadAnswer, InputError

OVERLAP: Final = timedelta(minutes=5)
"""How far before the cursor is read once more: what was being written at the last fetch may show only later."""

KINDS: Final[Mapping[str, EntityKind]] = {
    "ServiceOrderUpdated": EntityKind.RESERVATION,
    "CustomerAdded": EntityKind.GUEST,
    "CustomerUpdated": EntityKind.GUEST,
    "ResourceUpdated": EntityKind.ROOM,
    "ResourceBlockUpdated": EntityKind.AVAILABILITY,
    "PaymentUpdated": EntityKind.FOLIO,
}
"""Of the events of general webhooks, those about what we read; Mews names no event of its own for a cancellation."""


async def changes_since(api: MewsApi, service: str, cursor: str | None) -> Changes:
    """Return what has changed since a cursor: reservations of a service and guests, by the time of update.

    The cursor is Mews's own clock before the fetch, so neither our clock nor a late answer can hide a change.

    Raises:
        InputError: the cursor is none of ours.
    """
    now = (await api.ask("configuration/get", Configuration, {})).now_utc
    if cursor is None:
        return Changes((), utc_text(now))
    found: list[Change] = []
    for updated in intervals(_start_of(cursor), now + OVERLAP):
        async for reservations in api.pages(Reservations, {"ServiceIds": [service], "UpdatedUtc": updated}):
            found += map(_of_reservation, reservations)
        async for guests in api.pages(Customers, guests_where({"UpdatedUtc": updated}, EVER)):
            found += map(_of_guest, guests)
    return Changes(tuple({change.key: change for change in found}.values()), utc_text(now))


def changes_told(message: WebhookMessage, place: Property, at: datetime) -> tuple[Change, ...]:
    """Return what a webhook tells, each entity once: a new guest comes as added and as updated.

    Mews numbers neither messages nor events, so a message that it sends again has other keys.

    Args:
        at: when the message came.

    Raises:
        BadAnswer: it is about another enterprise, or an event has no id.
    """
    if message.enterprise_id != place.code:
        raise BadAnswer(f"a webhook is about enterprise {message.enterprise_id}, not about {place.code}")
    told = ((KINDS[one.discriminator], _id_of(one)) for one in message.events if one.discriminator in KINDS)
    return tuple(
        Change(kind, ref(local), None, f"webhook:{kind}:{local}@{at.isoformat()}")
        for kind, local in dict.fromkeys(told)
    )


def _of_reservation(row: ReservationRow) -> Change:
    gone = row.state is State.CANCELED
    return Change(EntityKind.RESERVATION, ref(row.id), row.updated_utc, f"reservation:{row.id}#{key_of(row)}", gone)


def _of_guest(row: CustomerRow) -> Change:
    return Change(EntityKind.GUEST, ref(row.id), row.updated_utc, f"guest:{row.id}#{key_of(row)}", not row.is_active)


def _id_of(event: Event) -> str:
    local = event.value.get("Id")
    if not isinstance(local, str) or not local:
        raise BadAnswer(f"a webhook's event {event.discriminator} has no id")
    return local


def _start_of(cursor: str) -> datetime:
    try:
        return datetime.strptime(cursor, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) - OVERLAP
    except (ValueError, OverflowError) as exc:
        raise InputError(f"cursor {cursor!r} is none of Mews's: start anew, without one") from exc

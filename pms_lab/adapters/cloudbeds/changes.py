"""What has changed at Cloudbeds: by asking for what was modified, and by its webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any, Final

from pms_lab.adapters.cloudbeds.models import LocalTime, Model, ModifiedGuest, Page, local_time
from pms_lab.adapters.cloudbeds.nouns import STATUSES, in_local, in_utc, ours, status_of
from pms_lab.adapters.cloudbeds.reads import CloudbedsReads
from pms_lab.adapters.reading import json_of
from pms_lab.domain.pms import Change, Changes, EntityKind, ReservationStatus
from pms_lab.domain.property import Property
from pms_lab.engine.ports import HttpResponse
from pms_lab.errors import BadAnswer, InputError

OVERLAP: Final = timedelta(minutes=62)
"""Cloudbeds writes local times without their offset: when the clocks go back, an hour of them comes twice."""

AHEAD: Final = timedelta(days=1)
"""How far into the future is asked: Cloudbeds' clock may be ahead of ours."""

LATEST_S: Final = 10**11
"""Past any time of ours, and still a date: to reckon with a number of a million digits would take half a minute."""

FORM: Final = "%Y-%m-%d %H:%M:%S"

KINDS: Final = {
    "reservation": EntityKind.RESERVATION,
    "guest": EntityKind.GUEST,
    "housekeeping": EntityKind.ROOM,
}
IDS: Final = {
    EntityKind.RESERVATION: "reservationid",
    EntityKind.GUEST: "guestid",
    EntityKind.ROOM: "roomid",
}


async def changes_since(cursor: str | None, reads: CloudbedsReads, now: datetime) -> Changes:
    """Return what was modified since a cursor, which is the newest time of a modification that was seen.

    Cloudbeds warns that not every modification moves that time; a change within its second does not either. The key
    holds a digest of what is told, so that what differs is never taken for the same.
    """
    clock = in_local(now, reads.place)
    since = clock if cursor is None else _read(cursor)
    seen: dict[str, Change] = {}
    if cursor is not None:
        async for change in _modified(since - OVERLAP, clock + AHEAD, reads):
            seen.setdefault(change.key, change)
    newest = max((in_local(one.at, reads.place) for one in seen.values() if one.at), default=since)
    # A time in the future is an error of somebody's clock: to follow it would be to miss what comes before it.
    return Changes(tuple(seen.values()), max(since, min(newest, clock)).strftime(FORM))


async def _modified(since: datetime, until: datetime, reads: CloudbedsReads) -> AsyncIterator[Change]:
    async for row in reads.rows(modifiedFrom=since, modifiedTo=until):
        is_gone = status_of(row.status) is ReservationStatus.CANCELLED
        yield _change(EntityKind.RESERVATION, row.reservation_id, row.date_modified, row, is_gone, reads.place)
    guests = reads.exchange.rows(
        Page[ModifiedGuest],
        "getGuestsModified",
        lambda guest: guest.guest_id,
        propertyIDs=reads.place.code,
        resultsFrom=since,
        resultsTo=until,
    )
    async for guest in guests:
        yield _change(EntityKind.GUEST, guest.guest_id, guest.date_modified, guest, guest.is_merged, reads.place)


def _change(kind: EntityKind, number: str, at: LocalTime | None, row: Model, is_gone: bool, place: Property) -> Change:
    digest = sha256(row.model_dump_json().encode()).hexdigest()[:16]
    return Change(kind, ours(number), at and in_utc(at, place), f"{kind}/{number}/{digest}", is_gone)


def _read(cursor: str) -> datetime:
    try:
        return local_time(cursor)
    except ValueError as exc:
        raise InputError(f"cursor {cursor[:40]!r} is none of Cloudbeds': begin anew with None") from exc


def parse_webhook(body: bytes, place: Property) -> tuple[Change, ...]:
    """Read a notification; nothing where it is about another property, or about what we do not keep.

    Field names come in several spellings (``propertyID``, ``propertyId``, ``propertyID_str``); all are taken.

    Raises:
        BadAnswer: it is no notification of Cloudbeds'.
    """
    record = json_of(HttpResponse(200, {"content-type": "application/json"}, body))
    if not isinstance(record, dict):
        raise BadAnswer("the notification is no JSON object")
    fields = dict(_plain(record))
    thing, slash, action = str(fields.get("event", "")).partition("/")
    if not (thing and slash and action):
        raise BadAnswer("the notification has no event of the form object/action")
    if "propertyid" not in fields:
        raise BadAnswer("the notification does not say about which property it is")
    kind = KINDS.get(thing)
    if kind is None or fields["propertyid"] != place.code:
        return ()
    number = fields.get(IDS.get(kind, ""))
    stamp = fields.get("timestamp", "")
    is_gone = action == "deleted" or STATUSES.get(fields.get("status", "")) is ReservationStatus.CANCELLED
    key = f"{thing}/{action}/{number}/{stamp}"
    return (Change(kind, ours(number) if number else None, _at(stamp), key, is_gone),)


def _plain(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the fields that are texts or numbers, under one spelling of their names."""
    for name, value in record.items():
        if isinstance(value, str | int | Decimal) and not isinstance(value, bool):
            yield name.casefold().removesuffix("_str"), str(value)


def _at(stamp: str) -> datetime | None:
    """Read seconds since 1970."""
    if not stamp:
        return None
    try:
        seconds = Decimal(stamp)
        if not 0 <= seconds < LATEST_S:
            raise BadAnswer(f"the notification's timestamp is not from 0 to {LATEST_S}, in seconds since 1970")
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(seconds * 1_000_000))
    except InvalidOperation as exc:
        raise BadAnswer("the notification's timestamp is no number") from exc

"""Changes at Cloudbeds: by asking for what was modified, and by webhooks."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from pms_lab.domain.pms import Change, EntityKind, ReservationStatus
from pms_lab.errors import BadAnswer, InputError
from tests.adapters.cloudbeds_bench import booked, edited, guest, hotel, ref, sent
from tests.contracts.harness import Bench, now


def started(it: Bench) -> str:
    return now(it.pms.changes_since(None)).cursor


def told(it: Bench, cursor: str, kind: EntityKind = EntityKind.RESERVATION) -> list[Change]:
    return [one for one in now(it.pms.changes_since(cursor)).changes if one.kind is kind]


def test_the_cursor_is_the_newest_modification_and_the_next_question_overlaps() -> None:
    it = hotel()
    cursor = started(it)
    it.flow.elapsed_s += 600
    booked(it)
    it.flow.elapsed_s += 3600
    changes = now(it.pms.changes_since(cursor))
    assert changes.cursor == "2026-11-30 12:10:00"
    now(it.pms.changes_since(changes.cursor))
    first, second = sent(it, "getReservations")
    assert first["modifiedFrom"] == "2026-11-30 10:58:00"
    assert second["modifiedFrom"] == "2026-11-30 11:08:00"
    assert sent(it, "getGuestsModified")[1]["resultsFrom"] == "2026-11-30 11:08:00"
    assert {"modifiedTo", "resultsTo"} <= set(second) | set(sent(it, "getGuestsModified")[1])


def test_a_change_within_the_same_second_has_another_key() -> None:
    it = hotel()
    cursor = started(it)
    booking = booked(it)
    before = told(it, cursor)
    it.flow.elapsed_s += 0.4
    it.face.pms.set_status(booking.id, ReservationStatus.CANCELLED, it.flow.now())
    after = told(it, cursor)
    assert [one.at for one in before] == [one.at for one in after]
    assert {one.key for one in before} & {one.key for one in after} == set()
    assert [one.is_deletion for one in (*before, *after)] == [False, True]


def test_nothing_is_lost_in_the_hour_that_comes_twice() -> None:
    before = datetime(2026, 11, 1, 5, 58, tzinfo=UTC)  # 01:58 in New York, two minutes before the clocks go back
    it = hotel(before)
    booked(it)
    cursor = now(it.pms.changes_since(started(it))).cursor
    it.flow.elapsed_s += 10 * 60  # 01:08 once more
    late = booked(it)
    changes = now(it.pms.changes_since(cursor))
    assert ref(late.id) in {one.id for one in changes.changes}
    assert changes.cursor == cursor == "2026-11-01 01:58:00"


def test_a_time_in_the_future_is_not_followed() -> None:
    it = hotel()
    cursor = started(it)
    booked(it)
    edited(it, "getReservations", lambda record: record["data"][0].update(dateModified="2031-01-01 00:00:00"))
    it.flow.elapsed_s += 60
    assert now(it.pms.changes_since(cursor)).cursor == "2026-11-30 12:01:00"


def test_a_guest_of_two_rooms_is_one_change() -> None:
    it = hotel()
    cursor = started(it)
    person = guest(it)
    booked(it, person=person)
    booked(it, person=person)
    assert [one.id for one in told(it, cursor, EntityKind.GUEST)] == [ref(person.id)]


def test_a_guest_that_was_merged_into_another_is_gone() -> None:
    it = hotel()
    cursor = started(it)
    guest(it)
    edited(it, "getGuestsModified", lambda record: record["data"][0].update(isMerged=True, newGuestID="5"))
    assert [one.is_deletion for one in told(it, cursor, EntityKind.GUEST)] == [True]


def test_a_modification_without_a_time_is_told_all_the_same() -> None:
    it = hotel()
    cursor = started(it)
    booking = booked(it)
    edited(it, "getReservations", lambda record: record["data"][0].update(dateModified=None))
    assert [(one.id, one.at) for one in told(it, cursor)] == [(ref(booking.id), None)]


@pytest.mark.parametrize(
    "cursor", ["", "yesterday", "2026-11-30T12:00:00", "2026-11-30 25:00:00", "0001-01-01 00:00:00"]
)
def test_a_cursor_of_another_vendor_is_refused(cursor: str) -> None:
    with pytest.raises(InputError, match="begin anew"):
        now(hotel().pms.changes_since(cursor))


AT = datetime(2026, 11, 30, 17, 0, 0, 250000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "kind", "number"),
    [
        ({"propertyID": 318002, "reservationID": "77"}, "reservation/created", "77"),
        ({"propertyID": "318002", "reservationId": 77}, "reservation/status_changed", "77"),
        ({"propertyId": "318002", "reservationID": "77"}, "reservation/dates_changed", "77"),
        ({"propertyID_str": "318002", "reservationID_str": "77"}, "reservation/notes_changed", "77"),
        ({"propertyID": 318002, "propertyID_str": "318002", "guestID": 5, "guestID_str": "5"}, "guest/created", "5"),
        ({"propertyId_str": "318002", "roomId": "9"}, "housekeeping/room_condition_changed", "9"),
        ({"propertyID": "318002"}, "guest/details_changed", None),
    ],
)
def test_a_notification_is_read_in_all_its_spellings(fields: dict[str, Any], kind: str, number: str | None) -> None:
    kinds = {"reservation": EntityKind.RESERVATION, "guest": EntityKind.GUEST, "housekeeping": EntityKind.ROOM}
    (change,) = notified({"version": "1.0", "event": kind, "timestamp": 1796058000.25} | fields)
    assert change.kind is kinds[kind.partition("/")[0]]
    assert change.id == (number and ref(number))
    assert change.at == AT
    assert not change.is_deletion


def notified(record: Any) -> tuple[Change, ...]:
    return hotel().pms.parse_webhook({}, json.dumps(record).encode())


RESERVATION = {"propertyID": "318002", "reservationID": "77", "timestamp": 1796058000.25}


@pytest.mark.parametrize(
    ("fields", "is_gone"),
    [
        ({"event": "reservation/deleted"}, True),
        ({"event": "reservation/status_changed", "status": "canceled"}, True),
        ({"event": "reservation/status_changed", "status": "checked_in"}, False),
        ({"event": "reservation/status_changed", "status": 7}, False),
    ],
)
def test_a_notification_may_be_of_an_end(fields: dict[str, Any], is_gone: bool) -> None:
    (change,) = notified(RESERVATION | fields)
    assert change.is_deletion is is_gone


def test_the_same_notification_twice_has_one_key() -> None:
    (first,) = notified(RESERVATION | {"event": "reservation/created"})
    (again,) = notified(RESERVATION | {"event": "reservation/created", "propertyID": 318002})
    (other,) = notified(RESERVATION | {"event": "reservation/created", "timestamp": 1796058001})
    assert first.key == again.key != other.key


@pytest.mark.parametrize(
    "fields",
    [{"event": "night_audit/completed"}, {"event": "reservation/created", "propertyID": "1"}],
    ids=["no entity of ours", "another property"],
)
def test_what_is_not_about_us_is_nothing(fields: dict[str, Any]) -> None:
    assert notified(RESERVATION | fields) == ()


@pytest.mark.parametrize(
    "record",
    [
        None,
        [],
        {},
        {"event": "reservation/created"},
        {"event": "created", "propertyID": "318002"},
        {"event": ["reservation/created"], "propertyID": "318002"},
        {"event": "reservation/created", "propertyID": "318002", "timestamp": "soon"},
        {"event": "reservation/created", "propertyID": "318002", "timestamp": "1e99"},
        {"event": "reservation/created", "propertyID": "318002", "timestamp": "NaN"},
        {"event": "reservation/created", "propertyID": "318002", "timestamp": 10**30},
        {"event": "reservation/created", "propertyID": "318002", "timestamp": -1},
    ],
    ids=str,
)
def test_what_is_no_notification_is_a_bad_answer(record: Any) -> None:
    with pytest.raises(BadAnswer):
        notified(record)


@pytest.mark.parametrize("stamp", ["1e999999", "1e999990", "-1e999990"])
def test_a_timestamp_of_a_million_digits_is_turned_down_at_once(stamp: str) -> None:
    body = f'{{"event": "reservation/created", "propertyID": "318002", "timestamp": {stamp}}}'
    with pytest.raises(BadAnswer, match="timestamp"):
        hotel().pms.parse_webhook({}, body.encode())


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"<html>", b"[" * 100_000], ids=str)
def test_a_body_that_is_no_json_is_a_bad_answer(body: bytes) -> None:
    with pytest.raises(BadAnswer):
        hotel().pms.parse_webhook({}, body)


def test_an_exact_time_is_kept_to_the_microsecond() -> None:
    (change,) = notified(RESERVATION | {"event": "reservation/created", "timestamp": str(Decimal("1796058000.123456"))})
    assert change.at == datetime(2026, 11, 30, 17, 0, 0, 123456, tzinfo=UTC)

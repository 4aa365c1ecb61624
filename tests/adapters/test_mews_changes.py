"""What has changed in Mews, asked for and told."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from pms_lab.domain.pms import EntityKind, ReservationStatus
from pms_lab.errors import BadAnswer, InputError
from pms_lab.sim.pms.faces.mews.ids import STAY
from pms_lab.sim.pms.state import Wish
from tests.adapters.mews_desk import GEN, TWO_NIGHTS, Desk, ref
from tests.contracts.harness import NOON, Immediate, now
from tests.contracts.vendor_mews import PLACE


@pytest.mark.parametrize("skew_h", [-30, 30])
def test_a_wrong_clock_of_ours_hides_nothing(skew_h: int) -> None:
    desk = Desk(ours=Immediate(NOON + timedelta(hours=skew_h)))
    start = now(desk.mews.changes_since(None))
    desk.flow.elapsed_s += 3600
    booking = desk.pms.book(Wish(TWO_NIGHTS, GEN, desk.guest().id), desk.flow.now())
    told = now(desk.mews.changes_since(start.cursor)).changes
    assert ref(booking.id) in {one.id for one in told}


def test_what_was_being_written_at_the_last_fetch_is_read_at_the_next() -> None:
    desk = Desk()
    start = now(desk.mews.changes_since(None))
    person = desk.pms.add_guest(NOON - timedelta(minutes=4), first_name="Ada", last_name="Byron")
    told = now(desk.mews.changes_since(start.cursor)).changes
    assert [one.id for one in told] == [ref(person.id)]


def test_two_changes_within_a_second_have_two_keys() -> None:
    desk = Desk()
    start = now(desk.mews.changes_since(None))
    booking = desk.pms.book(Wish(TWO_NIGHTS, GEN, desk.guest().id), NOON)
    first = keys_of(desk, start.cursor)
    desk.pms.set_status(booking.id, ReservationStatus.IN_HOUSE, NOON + timedelta(milliseconds=300))
    desk.flow.elapsed_s += 1
    assert not first & keys_of(desk, start.cursor)


def keys_of(desk: Desk, cursor: str) -> set[str]:
    told = now(desk.mews.changes_since(cursor)).changes
    return {one.key for one in told if one.kind is EntityKind.RESERVATION}


def test_a_cancellation_and_a_removed_guest_are_deletions() -> None:
    desk = Desk()
    start = now(desk.mews.changes_since(None))
    booking = desk.pms.book(Wish(TWO_NIGHTS, GEN, desk.guest(email=None).id), NOON)
    desk.pms.set_status(booking.id, ReservationStatus.CANCELLED, NOON)
    desk.pms.change_guest(booking.guest, NOON, phone="1")
    desk.tampering("customers/getAll", lambda answer: [row.update(IsActive=False) for row in answer["Customers"]])
    told = now(desk.mews.changes_since(start.cursor)).changes
    assert {(one.kind, one.is_deletion) for one in told} == {
        (EntityKind.RESERVATION, True),
        (EntityKind.GUEST, True),
    }


def test_a_long_absence_is_read_in_intervals_that_mews_allows() -> None:
    desk = Desk()
    booking = desk.booking()
    told = now(desk.mews.changes_since("2025-11-30T17:00:00Z")).changes
    assert ref(booking.id) in {one.id for one in told}
    asked = desk.bodies("reservations/getAll/2023-06-06")
    assert len(asked) == 5
    assert all(body["ServiceIds"] == [STAY] for body in asked)


@pytest.mark.parametrize("cursor", ["", "yesterday", "2025-13-01T00:00:00Z", "0001-01-01T00:00:00Z"])
def test_a_cursor_of_another_kind_is_an_error_of_the_caller(cursor: str) -> None:
    with pytest.raises(InputError, match="cursor"):
        now(Desk().mews.changes_since(cursor))


@pytest.mark.parametrize(
    ("discriminator", "kind"),
    [
        ("ServiceOrderUpdated", EntityKind.RESERVATION),
        ("ResourceUpdated", EntityKind.ROOM),
        ("ResourceBlockUpdated", EntityKind.AVAILABILITY),
        ("CustomerAdded", EntityKind.GUEST),
        ("CustomerUpdated", EntityKind.GUEST),
        ("PaymentUpdated", EntityKind.FOLIO),
    ],
)
def test_an_event_says_what_to_fetch(discriminator: str, kind: EntityKind) -> None:
    (change,) = told(event(discriminator))
    assert (change.kind, change.id, change.at) == (kind, ref("x1"), None)


def test_a_new_guest_is_told_twice_and_read_once() -> None:
    assert len(told(event("CustomerAdded"), event("CustomerUpdated"))) == 1


def test_what_we_do_not_read_is_left_out() -> None:
    assert told(event("MessageAdded"), event("SomethingNew")) == ()


def test_a_later_message_about_the_same_is_another_change() -> None:
    desk = Desk()
    body = message(event("ServiceOrderUpdated"))
    (first,) = desk.mews.parse_webhook({}, body)
    desk.flow.elapsed_s += 60
    (second,) = desk.mews.parse_webhook({}, body)
    assert first.key != second.key


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"EnterpriseId": null, "Events": []}',
        b'{"Events": []}',
        b"\xff\xfe",
        b'{"EnterpriseId": "another", "Events": []}',
    ],
)
def test_what_mews_did_not_send_is_an_error(body: bytes) -> None:
    with pytest.raises(BadAnswer):
        Desk().mews.parse_webhook({}, body)


@pytest.mark.parametrize("value", [{}, {"Id": None}, {"Id": 3}, {"Id": ""}, None, []])
def test_an_event_without_an_id_is_an_error(value: Any) -> None:
    with pytest.raises(BadAnswer):
        told({"Discriminator": "ServiceOrderUpdated", "Value": value})


def told(*events: Any) -> Any:
    return Desk().mews.parse_webhook({}, message(*events))


def event(discriminator: str) -> dict[str, Any]:
    return {"Discriminator": discriminator, "Value": {"Id": "x1"}}


def message(*events: Any) -> bytes:
    return json.dumps({"EnterpriseId": PLACE.code, "IntegrationId": "i", "Events": events}).encode()

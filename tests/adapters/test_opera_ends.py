"""How it ends: events that are taken once, and writes that are read back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from pms_lab.adapters.opera import CAPABILITIES
from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Applied, Refused, Unknown, Why
from pms_lab.domain.pms import EntityKind, PmsId, ReservationStatus
from pms_lab.domain.rates import RateSheet
from pms_lab.domain.writes import (
    AddNote,
    PostCharge,
    SetAvailability,
    SetStatus,
    UpdateCheckoutTime,
    UpdateRates,
    Write,
)
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.errors import BadAnswer, NotSent, PmsRefused, Unanswered, Unsupported
from pms_lab.rules.settling import settling_s
from pms_lab.sim.pms.records import Person
from tests.adapters.opera_bench import (
    TODAY,
    TYPE,
    booked,
    cell,
    creation,
    done,
    guest_of,
    published,
    ref,
    refused,
    rewritten,
    sent,
    with_credentials,
)
from tests.contracts.harness import NOON, Bench, bench, now
from tests.contracts.vendor_opera import VENDOR


@pytest.fixture
def it() -> Bench:
    return bench(VENDOR)


def happen(it: Bench, count: int) -> list[Person]:
    return [guest_of(it, email=f"{number}@example.com") for number in range(count)]


def test_events_are_taken_twenty_at_a_time_until_none_is_left(it: Bench) -> None:
    people = happen(it, 45)
    told = now(it.pms.changes_since(None))
    assert [one.id for one in told.changes] == [ref(person) for person in people]
    assert len({one.key for one in told.changes}) == 45
    assert told.is_complete
    assert [one.status for one in it.http.answered[-4:]] == [200, 200, 200, 204]
    assert now(it.pms.changes_since(told.cursor)).changes == ()


def losing(it: Bench, kth: int, loss: Callable[[HttpResponse], HttpResponse]) -> None:
    """Let the answer to the k-th dequeue be lost."""
    counted = iter(range(1, 100))

    def tamper(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        is_lost = "businessEvents" in request.url and next(counted) == kth
        return loss(response) if is_lost else response

    it.http.tamper = tamper


def unanswered(response: HttpResponse) -> HttpResponse:
    raise Unanswered("the answer was lost")


@pytest.mark.parametrize(
    "loss",
    [unanswered, lambda response: HttpResponse(503), lambda response: HttpResponse(200, TYPE, b'{"half": ')],
    ids=["unanswered", "failed", "unreadable"],
)
@pytest.mark.parametrize(("kth", "kept"), [(1, 0), (2, 20)])
def test_a_dequeue_without_an_answer_is_not_repeated_and_said_to_have_lost_changes(
    it: Bench, kth: int, kept: int, loss: Callable[[HttpResponse], HttpResponse]
) -> None:
    happen(it, 45)
    losing(it, kth, loss)
    told = now(it.pms.changes_since(None))
    assert not told.is_complete
    assert len(told.changes) == kept
    assert len(sent(it, "businessEvents")) == kth
    rest = now(it.pms.changes_since(told.cursor))
    assert rest.is_complete
    assert len(rest.changes) == 45 - 20 * kth


def test_what_was_taken_before_a_refusal_is_handed_over_and_nothing_is_lost(it: Bench) -> None:
    happen(it, 45)

    def busy(request: HttpRequest) -> None:
        if len(sent(it, "businessEvents")) == 2:
            raise NotSent("no connection")

    it.http.before = busy
    told = now(it.pms.changes_since(None))
    assert told.is_complete
    assert len(told.changes) == 20
    assert len(now(it.pms.changes_since(told.cursor)).changes) == 25


def test_a_queue_that_is_not_ours_is_an_error() -> None:
    it = with_credentials(external_system="OTHER")
    with pytest.raises(PmsRefused, match="404"):
        now(it.pms.changes_since(None))


def test_events_say_what_they_are_about_and_others_are_left_out(it: Bench) -> None:
    booking = booked(it)
    it.face.pms.set_status(booking.id, ReservationStatus.CANCELLED, NOON)
    it.face.pms.set_condition("1", next(iter(it.face.pms.rooms.values())).condition, NOON)
    it.face.pms.post(booking.id, "Minibar", Decimal(1), NOON)
    rewritten(it, b'"Profile"', b'"Catering"')
    told = now(it.pms.changes_since(None)).changes
    assert [(one.kind, one.id, one.is_deletion) for one in told] == [
        (EntityKind.RESERVATION, ref(booking), False),
        (EntityKind.RESERVATION, ref(booking), True),
        (EntityKind.ROOM, PmsId("opera", "101"), False),
        (EntityKind.FOLIO, None, False),
    ]
    assert told[1].at == NOON


def test_there_are_no_webhooks(it: Bench) -> None:
    with pytest.raises(Unsupported, match="calls nobody"):
        it.pms.parse_webhook({}, b"{}")


def later(it: Bench) -> datetime:
    """Let the bound after which nothing can come late pass; return when the write would have been sent."""
    sent_at = it.flow.now()
    it.flow.elapsed_s += settling_s(CAPABILITIES) + 1
    return sent_at


def test_equal_notes_and_charges_are_told_apart_by_their_keys(it: Bench) -> None:
    booking = booked(it)
    note = AddNote("n1", ref(booking), "Needs a cot")
    charge = PostCharge("c1", ref(booking), "Minibar", Money.of("5", "USD"), "4510")
    done(it.pms.add_reservation_note(note))
    done(it.pms.post_charge(charge))
    sent_at = later(it)
    pairs: list[tuple[Write, Write]] = [(note, replace(note, key="n2")), (charge, replace(charge, key="c2"))]
    for write, other in pairs:
        assert isinstance(now(it.pms.reconcile(write, sent_at)), Applied)
        assert refused(it.pms.reconcile(other, sent_at)).why is Why.NOT_APPLIED


def test_a_creation_is_found_by_its_key_also_when_it_was_cancelled_since(it: Bench) -> None:
    created = done(it.pms.create_reservation(creation()))
    it.face.pms.set_status(created.local, ReservationStatus.CANCELLED, NOON)
    sent_at = later(it)
    assert now(it.pms.reconcile(creation(), sent_at)) == Applied(created)
    assert refused(it.pms.reconcile(creation(key="k"), sent_at)).why is Why.NOT_APPLIED


@pytest.mark.parametrize(
    ("shown", "is_found"),
    [(b'"externalReferences":[{"id":"k10",', False), (b'"unused":[{"id":"k10",', True)],
    ids=["another reference", "no reference shown"],
)
def test_a_reservation_of_a_longer_key_is_not_taken_for_ours(it: Bench, shown: bytes, is_found: bool) -> None:
    done(it.pms.create_reservation(creation()))
    sent_at = later(it)
    rewritten(it, b'"externalReferences":[{"id":"k1",', shown)
    assert isinstance(now(it.pms.reconcile(creation(), sent_at)), Applied) is is_found


def test_what_is_not_there_may_still_come_while_two_clocks_may_be_apart(it: Bench) -> None:
    note = AddNote("n1", ref(booked(it)), "Needs a cot")
    sent_at = it.flow.now()
    it.flow.elapsed_s += settling_s(CAPABILITIES) - 1
    assert isinstance(now(it.pms.reconcile(note, sent_at)), Unknown)
    it.flow.elapsed_s += 2
    assert refused(it.pms.reconcile(note, sent_at)).why is Why.NOT_APPLIED


@pytest.mark.parametrize("year", [b"9999", b"0001"])
def test_a_departure_far_from_our_years_is_no_answer_and_leaves_the_doubt(it: Bench, year: bytes) -> None:
    booking = booked(it)
    it.face.pms.change_booking(booking.id, NOON, checkout_at=NOON)
    write = UpdateCheckoutTime("t1", ref(booking), NOON)
    now(it.pms.connect())
    rewritten(it, b'DepartureTime":"2026', b'DepartureTime":"' + year)
    assert isinstance(now(it.pms.reconcile(write, later(it))), Unknown)
    with pytest.raises(BadAnswer):
        now(it.pms.get_reservation(ref(booking)))


def test_who_has_left_was_checked_in(it: Bench) -> None:
    booking = booked(it)
    for status in (ReservationStatus.IN_HOUSE, ReservationStatus.CHECKED_OUT):
        it.face.pms.set_status(booking.id, status, NOON)
    write = SetStatus("s1", ref(booking), ReservationStatus.IN_HOUSE)
    assert isinstance(now(it.pms.reconcile(write, later(it))), Applied)


def test_a_look_that_fails_and_a_limit_that_cannot_be_seen_are_unknown(it: Bench) -> None:
    booking = booked(it)
    limit = SetAvailability("a1", {("GEN", TODAY): 4})
    assert isinstance(now(it.pms.reconcile(limit, later(it))), Unknown)
    it.http.tamper = lambda request, response: HttpResponse(500)
    assert isinstance(now(it.pms.reconcile(AddNote("n1", ref(booking), "x"), later(it))), Unknown)


def test_rates_are_read_back_cell_by_cell(it: Bench) -> None:
    amounts = {cell("GEN", day): "99.00" for day in range(3)}
    published(it, amounts)
    sheet = RateSheet({one: Money.of("99.00", "USD") for one in amounts})
    sent_at = later(it)
    assert isinstance(now(it.pms.reconcile(UpdateRates("r1", sheet), sent_at)), Applied)
    it.face.pms.set_rate("GEN", "BAR", TODAY, Decimal("98.99"), it.flow.now())
    assert isinstance(now(it.pms.reconcile(UpdateRates("r1", sheet), sent_at)), Refused)

"""Lists of OPERA's that change while they are read, and the one breaker of all calls to its host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pms_lab.adapters.opera import OperaPms
from pms_lab.adapters.opera.paging import PAGE, rows_of
from pms_lab.domain.outcome import Why
from pms_lab.domain.pms import ReservationStatus
from pms_lab.domain.writes import AddNote
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.engine.resilience.breaker import BreakerState
from pms_lab.errors import BadAnswer
from tests.adapters.opera_bench import booked, ref, refused
from tests.contracts.harness import NOON, Bench, Vendor, bench, collected, now
from tests.contracts.vendor_opera import CREDENTIALS, PLACE, VENDOR


@pytest.fixture
def it() -> Bench:
    return bench(VENDOR)


def full_house(it: Bench, count: int) -> list[str]:
    """Check in more bookings than there are rooms; return their ids in the order of the list."""
    first = booked(it)
    it.face.pms.change_booking(first.id, NOON, status=ReservationStatus.IN_HOUSE)
    for _ in range(count - 1):
        number = it.face.pms.id_of("booking")
        twin = replace(it.face.pms.booking(first.id), id=number, group=number, room=None)
        it.face.pms.bookings.put(number, twin, NOON)
    return [one.id for one in it.face.pms.bookings.values()]


@pytest.mark.parametrize("leaving", [4, 5, 50, 135])
def test_who_stays_in_house_is_listed_once_though_others_leave_between_two_pages(it: Bench, leaving: int) -> None:
    guests = full_house(it, 230)
    now(it.pms.connect())

    def left(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        for guest in guests[:leaving]:
            it.face.pms.change_booking(guest, NOON, status=ReservationStatus.CHECKED_OUT)
        return response

    it.http.tamper = left
    listed = [one.id.local for one in now(collected(it.pms.get_in_house()))]
    assert len(listed) == len(set(listed))
    assert set(guests[leaving:]) <= set(listed)


class Changing:
    """A list in order, from which rows leave, and to which rows come, after each page."""

    def __init__(self, size: int, changes: Sequence[tuple[set[int], set[int]]], limit: int) -> None:
        self.rows = [10 * row for row in range(size)]
        self.stayed = set(self.rows)
        self.changes = iter(changes)
        self.limit = limit
        self.asked = 0

    async def page_at(self, offset: int) -> tuple[Sequence[int], bool]:
        self.asked += 1
        page, has_more = self.rows[offset : offset + self.limit], offset + self.limit < len(self.rows)
        gone, come = next(self.changes, (set[int](), set[int]()))
        leaving = {self.rows[place % len(self.rows)] for place in gone} if self.rows else set()
        self.rows = sorted((set(self.rows) - leaving) | come)
        self.stayed -= leaving
        return page, has_more

    def read(self) -> list[int]:
        return now(collected(rows_of(self.page_at, lambda row: row)))


PLACES = st.sets(st.integers(0, 400), max_size=120)


@given(st.integers(0, 400), st.lists(st.tuples(PLACES, PLACES), max_size=6), st.sampled_from([7, 50, PAGE]))
def test_whatever_comes_and_goes_meanwhile_who_stays_is_read_once(
    size: int, changes: list[tuple[set[int], set[int]]], limit: int
) -> None:
    changing = Changing(size, changes, limit)
    try:
        read = changing.read()
    except BadAnswer:
        return
    assert len(read) == len(set(read))
    assert changing.stayed <= set(read)


@pytest.mark.parametrize(("size", "pages"), [(0, 1), (100, 1), (101, 2), (1_000, 11)])
def test_a_list_that_stays_as_it_is_costs_few_pages_more(size: int, pages: int) -> None:
    still = Changing(size, [], PAGE)
    assert still.read() == still.rows
    assert still.asked == pages


def test_a_list_that_shows_its_first_page_for_ever_is_an_error() -> None:
    async def page_at(offset: int) -> tuple[Sequence[int], bool]:
        return range(PAGE), True

    with pytest.raises(BadAnswer, match="nothing new"):
        now(collected(rows_of(page_at, lambda row: row)))


def test_tokens_and_answers_have_one_breaker_since_they_come_from_one_host() -> None:
    changes: list[Any] = []

    def adapter(link: Any) -> OperaPms:
        heard = replace(link, on_breaker=lambda old, new, why: changes.append((old, new)))
        return OperaPms(PLACE, CREDENTIALS, heard)

    it = bench(Vendor("opera", VENDOR.face, adapter, VENDOR.limits))
    note = AddNote("n1", ref(booked(it)), "Needs a cot")
    now(it.pms.connect())
    it.http.tamper = lambda request, response: HttpResponse(503)
    for _ in range(5):
        now(it.pms.add_reservation_note(note))
    now(it.pms.disconnect())
    asked = len(it.http.sent)
    assert refused(it.pms.add_reservation_note(note)).why is Why.BREAKER_OPEN
    assert len(it.http.sent) == asked
    assert changes == [(BreakerState.CLOSED, BreakerState.OPEN)]

"""What a poller of QloApps must not miss: seconds, clocks that are put back, writes that show late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import unquote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pms_lab.domain.pms import Change, EntityKind, ReservationStatus
from pms_lab.domain.stay import StayDates
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.errors import InputError
from pms_lab.sim.pms.state import Wish
from tests.adapters.qloapps_bench import TODAY, booked, face_of, ref, shop, two_rooms
from tests.adapters.qloapps_recorded import path_of
from tests.contracts.harness import Bench, bench, now
from tests.contracts.vendor_qloapps import VENDOR

CLOCKS_BACK = datetime(2026, 11, 1, 6, tzinfo=UTC)  # New York: after 01:59:59 comes 01:00:00


def reservations(changes: tuple[Change, ...]) -> set[str]:
    return {one.id.local for one in changes if one.kind is EntityKind.RESERVATION and one.id}


def book(it: Bench, nights_away: int = 0) -> str:
    guest = it.face.pms.add_guest(
        it.flow.now(), first_name="Ada", last_name="Byron", email=f"{it.flow.now()}@example.com"
    )
    stay = StayDates.starting(TODAY + timedelta(days=nights_away), 1)
    return it.face.pms.book(Wish(stay, "1", guest.id), it.flow.now()).id


def test_a_cancellation_shows_in_the_order_and_a_check_in_in_the_line() -> None:
    it = shop()
    cancelled, checked_in = booked(it), booked(it, email="b@example.com")
    start = now(it.pms.changes_since(None))
    it.flow.elapsed_s += 600
    face_of(it).books.cancel(int(cancelled.id), it.flow.now())
    face_of(it).books.mark()
    it.face.pms.set_status(checked_in.id, ReservationStatus.IN_HOUSE, it.flow.now())
    told = now(it.pms.changes_since(start.cursor)).changes
    changes = [one for one in told if one.kind is EntityKind.RESERVATION]
    assert {(one.id, one.is_deletion) for one in changes} == {(ref(cancelled.id), True), (ref(checked_in.id), False)}
    assert {one.key.partition(":")[0] for one in changes} == {"orders", "room_bookings"}


def test_the_rooms_of_one_order_are_told_one_by_one() -> None:
    it = shop()
    start = now(it.pms.changes_since(None))
    two_rooms(it)
    assert reservations(now(it.pms.changes_since(start.cursor)).changes) == {"1-1", "1-2"}


def test_the_time_of_a_change_is_that_of_the_property() -> None:
    it = shop()
    start = now(it.pms.changes_since(None))
    it.flow.elapsed_s += 600
    book(it)
    changes = now(it.pms.changes_since(start.cursor)).changes
    assert {one.at for one in changes} == {it.flow.now()}


def test_keys_and_cursors_say_nothing_of_guests() -> None:
    it = shop()
    start = now(it.pms.changes_since(None))
    book(it)
    found = now(it.pms.changes_since(start.cursor))
    told = " ".join([found.cursor, *(one.key for one in found.changes)])
    assert "Byron" not in told
    assert "example.com" not in told


def test_two_changes_within_one_second_have_two_keys() -> None:
    it = shop()
    booking = booked(it)
    start = now(it.pms.changes_since(None))
    it.flow.elapsed_s += 600
    keys = set()
    for status in (ReservationStatus.IN_HOUSE, ReservationStatus.CHECKED_OUT):
        it.face.pms.set_status(booking.id, status, it.flow.now())
        keys |= {one.key for one in now(it.pms.changes_since(start.cursor)).changes if "room_bookings" in one.key}
    assert len(keys) == 2


def test_a_write_that_shows_half_a_minute_after_its_time_is_not_missed() -> None:
    it = shop()
    start = now(it.pms.changes_since(None))
    it.flow.elapsed_s += 600
    began = it.flow.now()
    it.flow.elapsed_s += 35
    book(it, 1)
    cursor = now(it.pms.changes_since(start.cursor)).cursor
    late = it.face.pms.book(Wish(StayDates.starting(TODAY, 1), "1", "1"), began)
    assert late.id in reservations(now(it.pms.changes_since(cursor)).changes)


def test_the_cursor_never_goes_back() -> None:
    it = shop()
    book(it)
    cursor = now(it.pms.changes_since(None)).cursor
    it.flow.elapsed_s += 3600
    assert now(it.pms.changes_since(cursor)).cursor == cursor
    assert now(it.pms.changes_since("2026-11-30 12:00:30")).cursor == "2026-11-30 12:00:30"


def test_the_shop_is_asked_by_the_time_of_change_with_the_word_that_it_wants() -> None:
    it = shop()
    now(it.pms.changes_since("2026-11-30 12:00:00"))
    asked = [unquote_plus(request.url) for request in it.http.sent]
    assert all("date=1" in url for url in asked)
    assert ["filter[date_upd]=>[2026-11-30 11:59:00]" in url for url in asked] == [False] * 3 + [True] * 3
    assert all("filter[date_upd]=[2000-01-01 00:00:00,2026-11-30 12:00:00]" in url for url in asked[:3])


@pytest.mark.parametrize("after", ["orders", "room_bookings", "customers"])
def test_what_changes_while_the_lists_are_slowly_read_is_told_by_the_next_fetch(after: str) -> None:
    it = shop()
    booking = booked(it)
    start = now(it.pms.changes_since(None))
    it.flow.elapsed_s += 600
    now(it.pms.connect())

    def tamper(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if path_of(request)[0] == after and "sort=%5Bid_ASC" in request.url:
            it.http.tamper = lambda request, response: response
            face_of(it).books.cancel(int(booking.id), it.flow.now())
            face_of(it).books.mark()
            it.flow.elapsed_s += 300
            book(it, 1)
        return response

    it.http.tamper = tamper
    first = now(it.pms.changes_since(start.cursor))
    second = now(it.pms.changes_since(first.cursor))
    assert booking.id in {one.id.local for one in second.changes if one.id and one.is_deletion}


@pytest.mark.parametrize("ahead", [timedelta(minutes=10), timedelta(days=400)])
def test_a_shops_clock_that_was_ahead_and_is_set_right_loses_no_change(ahead: timedelta) -> None:
    it = shop()
    booking = booked(it)
    start = now(it.pms.changes_since(None))
    books = face_of(it).books
    books.save_order(books.orders.known(int(booking.id)), it.flow.now(), updated_at=it.flow.now() + ahead)
    cursor = now(it.pms.changes_since(start.cursor)).cursor
    it.flow.elapsed_s += 60
    later = book(it, 1)
    assert later in reservations(now(it.pms.changes_since(cursor)).changes)


@pytest.mark.parametrize("cursor", ["", "yesterday", "2026-13-01 00:00:00", "2026-11-30", "0000-00-00 00:00:00", "]|["])
def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    it = shop()
    with pytest.raises(InputError, match="give one that changes_since returned"):
        now(it.pms.changes_since(cursor))
    assert it.http.sent == []


def test_what_happens_in_the_hour_that_comes_twice_is_not_missed() -> None:
    it = bench(VENDOR, CLOCKS_BACK - timedelta(minutes=30))
    start = now(it.pms.changes_since(None))
    it.flow.elapsed_s = timedelta(minutes=29, seconds=50).total_seconds()
    book(it)
    before = now(it.pms.changes_since(start.cursor))
    assert before.cursor == "2026-11-01 01:59:50"
    it.flow.elapsed_s += 40
    second = book(it, 1)
    assert second in reservations(now(it.pms.changes_since(before.cursor)).changes)


STEPS = st.lists(st.tuples(st.integers(0, 1500), st.booleans(), st.booleans()), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_no_change_is_missed_whatever_the_clock_does(steps: list[tuple[int, bool, bool]]) -> None:
    """Bookings and cancellations around the hour that comes twice; a poll after some of them."""
    it = bench(VENDOR, CLOCKS_BACK - timedelta(hours=1))
    cursor = now(it.pms.changes_since(None)).cursor
    made: list[str] = []
    cancelled: set[str] = set()
    seen: set[tuple[str, bool]] = set()
    for number, (wait_s, is_cancellation, is_polled) in enumerate(steps):
        it.flow.elapsed_s += wait_s
        if is_cancellation and made:
            it.face.pms.set_status(made[-1], ReservationStatus.CANCELLED, it.flow.now())
            cancelled.add(made.pop())
        else:
            made.append(book(it, number))
        if is_polled or number == len(steps) - 1:
            found = now(it.pms.changes_since(cursor))
            cursor = found.cursor
            seen |= {(one.id.local, one.is_deletion) for one in found.changes if one.id}
    assert {(local, False) for local in made} | {(local, True) for local in cancelled} <= seen

"""The contract of `PMSAdapter`: what every adapter does against its vendor's face."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import pytest

from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Applied, Outcome, Refused, Unknown, Why
from pms_lab.domain.pms import Condition, EntityKind, GuestQuery, NightlyRate, PmsId, Preference, ReservationStatus
from pms_lab.domain.rates import RateCell, RateSheet
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import (
    OPERATIONS,
    AddNote,
    AddPreferences,
    CancelReservation,
    ClearRates,
    CreateReservation,
    ModifyDates,
    PostCharge,
    SetAvailability,
    SetSpecialRequests,
    SetStatus,
    UpdateCheckoutTime,
    UpdateGuest,
    UpdateRates,
    Write,
)
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.errors import BadAnswer, InputError, PmsError, Unanswered, Unsupported
from pms_lab.rules.settling import settling_s
from pms_lab.sim.pms.records import Booking, Person
from pms_lab.sim.pms.state import Wish
from tests.contracts.doors import Simulated, Sockets
from tests.contracts.harness import NOON, Bench, Doors, Vendor, bench, collected, now
from tests.contracts.vendors import VENDORS

TODAY = date(2026, 11, 30)
TWO_NIGHTS = StayDates.starting(TODAY, 2)

pytestmark = pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)


@pytest.fixture(scope="module")
def sockets() -> Iterator[Sockets]:
    served = Sockets()
    yield served
    served.shut()


@pytest.fixture(autouse=True, params=["in process", "simulated", "simulated, httpx", "loopback"])
def door(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run every promise through every door."""
    usual = Doors.used
    match request.param:
        case "simulated" | "simulated, httpx":
            Doors.used = Simulated(through_httpx=request.param != "simulated")
        case "loopback":
            Doors.used = request.getfixturevalue("sockets")
    try:
        yield
    finally:
        Doors.used.close()
        Doors.used = usual


def guest_of(it: Bench, **fields: Any) -> Person:
    known = {"first_name": "Ada", "last_name": "Byron", "email": "ada@example.com", "phone": "+15550100"}
    return it.face.pms.add_guest(NOON - timedelta(days=2), **(known | fields))


def product_of(it: Bench) -> str:
    """The room type that stands first in the sample hotel, as the adapter calls it."""
    return "GEN"


def vendor_product(it: Bench) -> str:
    return next(iter(it.face.pms.room_types))


def booked(it: Bench, stay: StayDates = TWO_NIGHTS, guest: Person | None = None, **fields: Any) -> Booking:
    person = guest or guest_of(it)
    wish = Wish(stay, vendor_product(it), person.id, **fields)
    return it.face.pms.book(wish, NOON - timedelta(days=1))


def ref(it: Bench, local: str) -> PmsId:
    return PmsId(it.pms.capabilities().vendor, local)


def settled(it: Bench) -> None:
    """Let the vendor's read lag pass."""
    it.flow.elapsed_s += it.pms.capabilities().read_lag_s


@contextmanager
def unless_unsupported(it: Bench, operation: str) -> Iterator[None]:
    """Run the body; where the vendor cannot do the operation, it must say so by `Unsupported`."""
    if operation in it.pms.capabilities().unsupported:
        with pytest.raises(Unsupported):
            yield
        pytest.skip(f"unsupported: {it.pms.capabilities().unsupported[operation]}")
    else:
        yield


def done(work: Awaitable[Outcome[Any]]) -> Any:
    outcome = now(work)
    assert isinstance(outcome, Applied), outcome
    return outcome.value


def perform(it: Bench, write: Write) -> Outcome[Any]:
    """Do a write; one of rates is about one cell."""
    method: Callable[[Any], Awaitable[Any]] = getattr(it.pms, OPERATIONS[type(write)])
    outcome: Any = now(method(write))
    if isinstance(outcome, Mapping):
        (outcome,) = outcome.values()
    return cast(Outcome[Any], outcome)


def charge(it: Bench, booking: Booking, key: str = "c1") -> PostCharge:
    return PostCharge(
        key, ref(it, booking.id), "Minibar", Money(Decimal("12.50"), it.face.pms.hotel.currency), "MINIBAR"
    )


def creation(key: str = "k1", stay: StayDates = TWO_NIGHTS) -> CreateReservation:
    return CreateReservation(key, stay, "GEN", "Ada", "Byron", "ada@example.com", "+15550100")


def test_it_connects_and_is_healthy(vendor: Vendor) -> None:
    it = bench(vendor)
    now(it.pms.connect())
    assert now(it.pms.health_check()).is_up
    now(it.pms.disconnect())


def test_an_outage_is_an_answer_to_the_health_check_and_not_an_error(vendor: Vendor) -> None:
    it = bench(vendor)

    def down(request: HttpRequest) -> None:
        raise Unanswered("nobody there")

    it.http.before = down
    assert not now(it.pms.health_check()).is_up


def test_a_guest_is_read_with_all_that_is_known(vendor: Vendor) -> None:
    it = bench(vendor)
    person = guest_of(it)
    guest = now(it.pms.get_guest(ref(it, person.id)))
    assert guest is not None
    assert (guest.id, guest.first_name, guest.last_name) == (ref(it, person.id), "Ada", "Byron")
    assert (guest.email, guest.phone) == ("ada@example.com", "+15550100")


def test_who_or_what_does_not_exist_is_none(vendor: Vendor) -> None:
    it = bench(vendor)
    booked(it)
    missing = ref(it, it.face.pms._new_id("booking", 999))
    assert now(it.pms.get_reservation(missing)) is None
    assert now(it.pms.get_guest(ref(it, it.face.pms._new_id("guest", 999)))) is None
    with unless_unsupported(it, "get_room_status"):
        assert now(it.pms.get_room_status("no such room")) is None


@pytest.mark.parametrize(
    "query",
    [GuestQuery(name="byron"), GuestQuery(email="ADA@example.com"), GuestQuery(name="Ada Byron")],
    ids=["last name", "e-mail", "full name"],
)
def test_guests_are_found_by_what_is_known_of_them(vendor: Vendor, query: GuestQuery) -> None:
    it = bench(vendor)
    guest_of(it, first_name="Charles", last_name="Babbage", email="charles@example.com", phone="+15550199")
    ada = guest_of(it)
    assert [guest.id.local for guest in now(collected(it.pms.search_guests(query)))] == [ada.id]


def test_guests_are_found_by_phone(vendor: Vendor) -> None:
    it = bench(vendor)
    guest_of(it, email="charles@example.com", phone="+15550199")
    ada = guest_of(it)
    with unless_unsupported(it, "search_guests_by_phone"):
        found = now(collected(it.pms.search_guests(GuestQuery(phone="+1 555 0100"))))
        assert [guest.id.local for guest in found] == [ada.id]


def test_a_search_goes_through_all_pages(vendor: Vendor) -> None:
    it = bench(vendor)
    for number in range(430):
        guest_of(it, first_name=f"Guest {number}", email=f"{number}@example.com")
    found = now(collected(it.pms.search_guests(GuestQuery(name="Byron"))))
    assert len({guest.id for guest in found}) == 430


def test_a_reservation_is_read_as_it_is(vendor: Vendor) -> None:
    it = bench(vendor)
    person = guest_of(it)
    booking = booked(it, guest=person, adults=2)
    reservation = now(it.pms.get_reservation(ref(it, booking.id)))
    assert reservation is not None
    assert reservation.status is ReservationStatus.CONFIRMED
    assert (reservation.stay, reservation.product) == (TWO_NIGHTS, product_of(it))
    assert reservation.guest == ref(it, person.id)
    assert reservation.room in (None, it.face.pms.room(str(booking.room)).number)
    assert reservation.total in (None, Money(Decimal("2000.00"), "USD"))
    assert reservation.updated_at is None or reservation.updated_at.tzinfo is not None


@pytest.mark.parametrize("status", list(ReservationStatus))
def test_every_status_is_read_as_what_it_means(vendor: Vendor, status: ReservationStatus) -> None:
    it = bench(vendor)
    booking = booked(it)
    it.face.pms.change_booking(booking.id, NOON, status=status)
    try:
        reservation = now(it.pms.get_reservation(ref(it, booking.id)))
    except BadAnswer:
        pytest.skip("the vendor has no such status; its face cannot say it")
    assert reservation is not None
    assert reservation.status is status


def test_arrivals_are_those_of_one_local_day_without_the_cancelled(vendor: Vendor) -> None:
    it = bench(vendor)
    mine = booked(it)
    for away in (-1, 1):
        booked(it, StayDates.starting(TODAY + timedelta(days=away), 3))
    gone = booked(it)
    it.face.pms.set_status(gone.id, ReservationStatus.CANCELLED, NOON)
    assert [one.id.local for one in now(collected(it.pms.get_arrivals(TODAY)))] == [mine.id]


def test_departures_are_those_of_one_local_day(vendor: Vendor) -> None:
    it = bench(vendor)
    mine = booked(it, StayDates(TODAY - timedelta(days=1), TODAY))
    booked(it, StayDates(TODAY - timedelta(days=1), TODAY + timedelta(days=1)))
    booked(it, StayDates(TODAY - timedelta(days=3), TODAY - timedelta(days=1)))
    assert [one.id.local for one in now(collected(it.pms.get_departures(TODAY)))] == [mine.id]


@pytest.mark.parametrize("day", [date(2026, 3, 8), date(2026, 11, 1)], ids=["clocks forward", "clocks back"])
def test_a_day_on_which_the_clocks_change_is_a_day_like_others(vendor: Vendor, day: date) -> None:
    start = datetime(day.year, day.month, day.day, 17, tzinfo=UTC)
    it = bench(vendor, start)
    person = it.face.pms.add_guest(start, first_name="Ada", last_name="Byron", email="ada@example.com")
    kind = vendor_product(it)
    stays = {away: StayDates.starting(day + timedelta(days=away), 1) for away in (-1, 0, 1)}
    made = {away: it.face.pms.book(Wish(stay, kind, person.id), start) for away, stay in stays.items()}
    assert [one.id.local for one in now(collected(it.pms.get_arrivals(day)))] == [made[0].id]
    assert [one.stay for one in now(collected(it.pms.get_arrivals(day)))] == [stays[0]]
    assert [one.id.local for one in now(collected(it.pms.get_departures(day)))] == [made[-1].id]


def test_in_house_are_those_checked_in(vendor: Vendor) -> None:
    it = bench(vendor)
    mine, _other = booked(it), booked(it)
    it.face.pms.set_status(mine.id, ReservationStatus.IN_HOUSE, NOON)
    assert [one.id.local for one in now(collected(it.pms.get_in_house()))] == [mine.id]


def test_lists_come_page_by_page_and_not_collected(vendor: Vendor) -> None:
    it = bench(vendor)
    crowd(it, 260)

    async def first_and_count() -> tuple[int, int]:
        arrivals = it.pms.get_arrivals(TODAY)
        await anext(arrivals)
        after_first = len(it.http.sent)
        count = 1 + len(await collected(arrivals))
        return after_first, count

    after_first, count = now(first_and_count())
    assert count == 260
    assert after_first < len(it.http.sent)


def crowd(it: Bench, size: int) -> None:
    """More bookings than rooms: they hold none."""
    person = guest_of(it)
    first = booked(it, guest=person)
    for _ in range(size - 1):
        number = it.face.pms.id_of("booking")
        twin = replace(first, id=number, group=number, confirmation=f"C{number}", room=None)
        it.face.pms.bookings.put(number, twin, first.created_at)


def test_the_balance_is_the_stay_and_what_was_posted(vendor: Vendor) -> None:
    it = bench(vendor)
    booking = booked(it)
    it.face.pms.post(booking.id, "Minibar", Decimal("12.50"), NOON)
    with unless_unsupported(it, "get_balance"):
        assert now(it.pms.get_balance(ref(it, booking.id))) == Money(Decimal("2012.50"), "USD")


def test_rooms_are_read_one_by_one_and_all(vendor: Vendor) -> None:
    it = bench(vendor)
    with unless_unsupported(it, "get_room_status"):
        rooms = now(collected(it.pms.get_all_room_statuses()))
        assert [room.number for room in rooms] == [room.number for room in it.face.pms.rooms.values()]
        first = next(iter(it.face.pms.rooms.values()))
        it.face.pms.set_condition(first.id, Condition.DIRTY, NOON)
        one = now(it.pms.get_room_status(first.number))
        assert one is not None
        assert (one.number, one.product, one.condition in (None, Condition.DIRTY)) == (first.number, "GEN", True)


def cell(it: Bench, night: date) -> RateCell:
    found = now(it.pms.get_rates(StayDates.starting(night, 1), ["GEN"]))
    return next(iter(found))


def sheet(it: Bench, amounts: dict[date, str]) -> RateSheet:
    return RateSheet({cell(it, night): Money(Decimal(amount), "USD") for night, amount in amounts.items()})


def test_published_rates_are_read_back_to_the_cent(vendor: Vendor) -> None:
    it = bench(vendor)
    amounts = {TODAY + timedelta(days=away): f"{1100 + away}.37" for away in range(3)}
    wanted = sheet(it, amounts)
    outcomes = now(it.pms.update_rates(UpdateRates("p1", wanted)))
    assert outcomes == dict.fromkeys(wanted, Applied(None))
    settled(it)
    rates = now(it.pms.get_rates(StayDates.starting(TODAY, 4), ["GEN"]))
    assert {night.stay_date: rate.amount for night, rate in rates.items()} == {
        **{night: Decimal(amount) for night, amount in amounts.items()},
        TODAY + timedelta(days=3): Decimal("1000.00"),
    }


def test_a_cell_without_a_plan_and_one_that_names_the_settings_plan_are_the_same(vendor: Vendor) -> None:
    it = bench(vendor)
    bare = cell(it, TODAY)
    assert (bare.product, bare.stay_date, bare.rate_plan, bare.occupancy) == ("GEN", TODAY, None, None)
    named = replace(bare, rate_plan=it.face.pms.hotel.rate_plan)
    for number, one in enumerate((bare, named)):
        wanted = RateSheet({one: Money(Decimal(1100 + number), "USD")})
        assert now(it.pms.update_rates(UpdateRates(f"p{number}", wanted))) == {one: Applied(None)}
        settled(it)
        assert now(it.pms.get_rates(StayDates.starting(TODAY, 1), ["GEN"]))[bare].amount == 1100 + number
    both = RateSheet({one: Money(Decimal(1200), "USD") for one in (bare, named)})
    outcomes = now(it.pms.update_rates(UpdateRates("p2", both)))
    assert outcomes.keys() == {bare, named}
    assert all(isinstance(outcome, Refused) for outcome in outcomes.values())


def test_a_sheet_of_another_location_is_refused_and_nothing_is_sent(vendor: Vendor) -> None:
    it = bench(vendor)
    stranger = replace(cell(it, TODAY), location="ELSEWHERE")
    before = len(it.face.pms.events)
    outcomes = now(it.pms.update_rates(UpdateRates("p1", RateSheet({stranger: Money(Decimal(1), "USD")}))))
    assert isinstance(outcomes[stranger], Refused)
    assert len(it.face.pms.events) == before


@pytest.mark.parametrize("kind", [PmsId("other", "1"), PmsId("qloapps_", "1")], ids=str)
def test_an_id_of_another_vendor_is_refused_before_anything_is_sent(vendor: Vendor, kind: PmsId) -> None:
    it = bench(vendor)
    booking = booked(it)
    before = len(it.face.pms.events)
    try:
        outcome = now(it.pms.add_reservation_note(AddNote("n1", replace(kind, local=booking.id), "Needs a cot")))
    except InputError:
        pass
    else:
        assert isinstance(outcome, Refused)
    assert len(it.face.pms.events) == before


def test_a_sheet_longer_than_the_vendor_takes_at_once_goes_in_parts(vendor: Vendor) -> None:
    it = bench(vendor)
    size = it.pms.capabilities().rate_batch + 1
    pattern = cell(it, TODAY)
    nights = [TODAY + timedelta(days=away) for away in range(size)]
    wanted = RateSheet(
        {replace(pattern, stay_date=night): Money(Decimal(1000 + at), "USD") for at, night in enumerate(nights)}
    )
    outcomes = now(it.pms.update_rates(UpdateRates("p1", wanted)))
    assert outcomes == dict.fromkeys(wanted, Applied(None))
    kind = vendor_product(it)
    assert [it.face.pms.rate(kind, night) for night in nights] == [Decimal(1000 + at) for at in range(size)]


def test_a_rate_for_an_unknown_product_is_refused_and_nothing_of_it_is_written(vendor: Vendor) -> None:
    it = bench(vendor)
    stranger = replace(cell(it, TODAY), product="NOSUCH")
    outcomes = now(it.pms.update_rates(UpdateRates("p1", RateSheet({stranger: Money(Decimal(1), "USD")}))))
    assert isinstance(outcomes[stranger], Refused)
    assert not list(it.face.pms.rates.items())


def given_own(it: Bench, night: date) -> RateCell:
    """Have a person give a night a rate of its own; return its cell."""
    known = replace(cell(it, TODAY), stay_date=night)
    it.face.pms.set_rate(vendor_product(it), it.face.pms.hotel.rate_plan, night, Decimal("1777.35"), it.flow.now())
    return known


def rates_of(it: Bench, nights: int) -> Mapping[RateCell, NightlyRate]:
    return now(it.pms.get_rates(StayDates.starting(TODAY, nights), ["GEN"]))


def test_rates_that_are_taken_away_leave_the_cells_as_they_were_without_them(vendor: Vendor) -> None:
    it = bench(vendor)
    before = rates_of(it, 4)
    wanted = sheet(it, {TODAY + timedelta(days=away): f"{1100 + away}.37" for away in range(3)})
    now(it.pms.update_rates(UpdateRates("p1", wanted)))
    settled(it)
    published = rates_of(it, 4)
    *cleared, kept = wanted
    with unless_unsupported(it, "clear_rates"):
        outcomes = now(it.pms.clear_rates(ClearRates("c1", tuple(cleared))))
        assert outcomes == dict.fromkeys(cleared, Applied(None))
        settled(it)
        after = rates_of(it, 4)
        assert all(after.get(one) in (None, before[one]) for one in cleared)
        assert {one: after[one] for one in before if one not in cleared} == {
            one: published[one] for one in before if one not in cleared
        }
        assert [night for _, _, night in dict(it.face.pms.rates.items())] == [kept.stay_date]


def test_a_cell_without_a_rate_of_its_own_counts_as_cleared(vendor: Vendor) -> None:
    it = bench(vendor)
    bare = cell(it, TODAY)
    named = replace(bare, rate_plan=it.face.pms.hotel.rate_plan)
    given_own(it, TODAY + timedelta(days=1))
    before = state_of(it)
    with unless_unsupported(it, "clear_rates"):
        for number, cells in enumerate([(bare,), (bare, named), ()]):
            outcomes = now(it.pms.clear_rates(ClearRates(f"c{number}", cells)))
            assert outcomes == dict.fromkeys(cells, Applied(None))
        assert state_of(it) == before


@pytest.mark.parametrize("other", [{"location": "ELSEWHERE"}, {"stay_date": None}, {"product": "NOSUCH"}], ids=str)
def test_a_cell_that_is_none_of_the_property_s_is_not_cleared(vendor: Vendor, other: dict[str, Any]) -> None:
    it = bench(vendor)
    stranger = replace(given_own(it, TODAY), **other)
    before = len(it.face.pms.events)
    with unless_unsupported(it, "clear_rates"):
        outcome = perform(it, ClearRates("c1", (stranger,)))
        # Where a room type is unknown that has no rates, a vendor may not notice.
        assert isinstance(outcome, Refused) or ("product" in other and outcome == Applied(None))
        assert len(it.face.pms.events) == before


def test_cells_of_which_only_a_part_is_cleared_are_neither_applied_nor_refused(vendor: Vendor) -> None:
    it = bench(vendor)
    if "clear_rates" not in it.pms.capabilities().reconcilable:
        pytest.skip("no read tells whether they are cleared")
    bare, own = cell(it, TODAY), given_own(it, TODAY + timedelta(days=1))
    sent_at = it.flow.now()
    it.flow.elapsed_s += settling_s(it.pms.capabilities()) + 60
    assert isinstance(now(it.pms.reconcile(ClearRates("c1", (bare, own)), sent_at)), Unknown)
    assert isinstance(now(it.pms.reconcile(ClearRates("c2", (bare,)), sent_at)), Applied)
    assert isinstance(now(it.pms.reconcile(ClearRates("c3", (own,)), sent_at)), Refused)


def test_a_rate_in_another_currency_is_refused_before_anything_is_sent(vendor: Vendor) -> None:
    it = bench(vendor)
    known = cell(it, TODAY)
    before = len(it.http.sent)
    outcomes = now(it.pms.update_rates(UpdateRates("p1", RateSheet({known: Money(Decimal(1), "EUR")}))))
    assert isinstance(outcomes[known], Refused)
    assert len(it.http.sent) == before


def test_availability_counts_what_is_sold(vendor: Vendor) -> None:
    it = bench(vendor)
    booked(it)
    with unless_unsupported(it, "get_availability"):
        nights = StayDates.starting(TODAY, 3)
        told = now(it.pms.get_availability(nights, ["GEN"]))
        assert [(one.product, one.night, one.available) for one in told] == [
            ("GEN", night, left) for night, left in zip(nights, (4, 4, 5), strict=True)
        ]


def test_availability_can_be_limited(vendor: Vendor) -> None:
    it = bench(vendor)
    with unless_unsupported(it, "set_availability"):
        done(it.pms.set_availability(SetAvailability("a1", {("GEN", TODAY): 2})))
        assert it.face.pms.available(vendor_product(it), TODAY) == 2


def test_changing_one_field_of_a_guest_keeps_the_others(vendor: Vendor) -> None:
    it = bench(vendor)
    person = guest_of(it)
    done(it.pms.update_guest(UpdateGuest("g1", ref(it, person.id), phone="+15550111")))
    changed = it.face.pms.guest(person.id)
    assert changed.phone == "+15550111"
    assert (changed.first_name, changed.last_name, changed.email) == ("Ada", "Byron", "ada@example.com")


def test_preferences_are_added_to_those_that_are_there(vendor: Vendor) -> None:
    it = bench(vendor)
    person = guest_of(it)
    with unless_unsupported(it, "update_guest_preferences"):
        wishes = (Preference("floor", "high"), Preference("pillow", "soft"))
        for number, wish in enumerate(wishes):
            done(it.pms.update_guest_preferences(AddPreferences(f"p{number}", ref(it, person.id), (wish,))))
        settled(it)
        guest = now(it.pms.get_guest(ref(it, person.id)))
        assert guest is not None
        assert guest.preferences == wishes


def test_a_note_is_added_to_those_that_are_there(vendor: Vendor) -> None:
    it = bench(vendor)
    booking = booked(it, notes=("Arrives late",))
    done(it.pms.add_reservation_note(AddNote("n1", ref(it, booking.id), "Needs a cot")))
    notes = it.face.pms.booking(booking.id).notes
    assert "Arrives late" in notes[0]
    assert "Needs a cot" in notes[-1]


def test_special_requests_replace_the_earlier_ones(vendor: Vendor) -> None:
    it = bench(vendor)
    booking = booked(it, special_requests="Late arrival")
    with unless_unsupported(it, "set_special_requests"):
        done(it.pms.set_special_requests(SetSpecialRequests("s1", ref(it, booking.id), "Quiet room")))
        assert it.face.pms.booking(booking.id).special_requests == "Quiet room"


def test_guests_are_checked_in_and_out(vendor: Vendor) -> None:
    it = bench(vendor)
    booking = booked(it)
    for status in (ReservationStatus.IN_HOUSE, ReservationStatus.CHECKED_OUT):
        done(it.pms.set_reservation_status(SetStatus(f"s-{status}", ref(it, booking.id), status)))
        assert it.face.pms.booking(booking.id).status is status


def test_a_step_that_the_front_desk_cannot_take_is_refused(vendor: Vendor) -> None:
    it = bench(vendor)
    booking = booked(it)
    it.face.pms.set_status(booking.id, ReservationStatus.CANCELLED, NOON)
    outcome = now(it.pms.set_reservation_status(SetStatus("s1", ref(it, booking.id), ReservationStatus.IN_HOUSE)))
    assert isinstance(outcome, Refused)
    assert it.face.pms.booking(booking.id).status is ReservationStatus.CANCELLED


def test_the_checkout_time_is_set(vendor: Vendor) -> None:
    it = bench(vendor)
    booking = booked(it)
    with unless_unsupported(it, "update_checkout_time"):
        at = datetime(2026, 12, 2, 18, 30, tzinfo=UTC)
        done(it.pms.update_checkout_time(UpdateCheckoutTime("t1", ref(it, booking.id), at)))
        assert it.face.pms.booking(booking.id).checkout_at == at
        assert it.face.pms.booking(booking.id).stay == TWO_NIGHTS


def test_a_reservation_is_created_once_with_its_guest(vendor: Vendor) -> None:
    it = bench(vendor)
    created = done(it.pms.create_reservation(creation()))
    (booking,) = it.face.pms.bookings.values()
    assert created == ref(it, booking.id)
    assert (booking.stay, booking.product) == (TWO_NIGHTS, vendor_product(it))
    assert it.face.pms.guest(booking.guest).email == "ada@example.com"


def test_a_creation_for_which_no_room_is_free_is_refused(vendor: Vendor) -> None:
    it = bench(vendor)
    for _ in range(5):
        booked(it)
    assert isinstance(now(it.pms.create_reservation(creation())), Refused)
    assert len(list(it.face.pms.bookings.items())) == 5


def test_a_reservation_is_moved_to_other_nights(vendor: Vendor) -> None:
    it = bench(vendor)
    booking = booked(it)
    later = StayDates.starting(TODAY + timedelta(days=1), 3)
    done(it.pms.modify_dates(ModifyDates("m1", ref(it, booking.id), later)))
    moved = now(it.pms.get_reservation(ref(it, booking.id)))
    assert moved is not None
    assert moved.stay == later


def test_cancelling_twice_is_cancelling_once(vendor: Vendor) -> None:
    it = bench(vendor)
    booking = booked(it)
    for key in ("x1", "x2"):
        done(it.pms.cancel_reservation(CancelReservation(key, ref(it, booking.id), "guest is ill")))
    assert it.face.pms.booking(booking.id).status is ReservationStatus.CANCELLED


def test_a_charge_is_posted_to_the_cent(vendor: Vendor) -> None:
    it = bench(vendor)
    booking = booked(it)
    with unless_unsupported(it, "post_charge"):
        done(it.pms.post_charge(charge(it, booking)))
        assert it.face.pms.balance(booking.id) == Decimal("2012.50")


def writes_of(it: Bench) -> list[Write]:
    """One write of every kind about one booking, but those that the vendor cannot do."""
    booking = booked(it)
    mine = ref(it, booking.id)
    all_of_them: list[Write] = [
        UpdateGuest("w1", ref(it, booking.guest), phone="+15550111"),
        AddPreferences("w2", ref(it, booking.guest), (Preference("floor", "high"),)),
        AddNote("w3", mine, "Needs a cot"),
        SetSpecialRequests("w4", mine, "Quiet room"),
        UpdateCheckoutTime("w5", mine, datetime(2026, 12, 2, 18, 30, tzinfo=UTC)),
        creation("w6"),
        ModifyDates("w7", mine, StayDates.starting(TODAY, 3)),
        charge(it, booking, "w8"),
        SetAvailability("w9", {("GEN", TODAY): 4}),
        SetStatus("w10", mine, ReservationStatus.IN_HOUSE),
        CancelReservation("w11", ref(it, booked(it, guest=it.face.pms.guest(booking.guest)).id)),
        ClearRates("w12", (given_own(it, TODAY + timedelta(days=5)),)),
    ]
    unsupported = it.pms.capabilities().unsupported
    return [write for write in all_of_them if OPERATIONS[type(write)] not in unsupported]


def test_a_write_whose_answer_is_lost_is_unknown_and_reading_back_finds_it(vendor: Vendor) -> None:
    it = bench(vendor)
    promised = it.pms.capabilities()
    for write in writes_of(it):
        operation = OPERATIONS[type(write)]
        it.http.loses_answers = True
        outcome = perform(it, write)
        sent_at = it.flow.now()
        it.http.loses_answers = False
        # A repeat may be answered, where the vendor sees that it has the write already.
        ends = (Unknown, Applied) if operation in promised.repeatable else (Unknown,)
        assert isinstance(outcome, ends), (write, outcome)
        settled(it)
        if operation in promised.reconcilable:
            assert isinstance(now(it.pms.reconcile(write, sent_at)), Applied), write


def test_a_write_that_is_not_repeatable_is_sent_once_and_has_one_effect(vendor: Vendor) -> None:
    it = bench(vendor)
    repeatable = it.pms.capabilities().repeatable
    for write in [one for one in writes_of(it) if OPERATIONS[type(one)] not in repeatable]:
        it.http.loses_answers = True
        before = len(it.face.pms.events)
        perform(it, write)
        it.http.loses_answers = False
        actions = [event.action for event in it.face.pms.events[before:] if event.kind in ("booking", "folio")]
        assert len(actions) <= 1, (write, actions)


def test_a_write_that_never_arrived_is_proven_so_only_when_it_can_no_longer_come(vendor: Vendor) -> None:
    it = bench(vendor)
    promised = it.pms.capabilities()
    for write in writes_of(it):
        if OPERATIONS[type(write)] not in promised.reconcilable:
            continue
        sent_at = it.flow.now()
        early = now(it.pms.reconcile(write, sent_at))
        assert isinstance(early, Unknown) or promised.in_flight_s + promised.read_lag_s == 0, write
        it.flow.elapsed_s += settling_s(promised) + 1
        late = now(it.pms.reconcile(write, sent_at))
        assert isinstance(late, Refused), write
        assert late.why is Why.NOT_APPLIED


def test_a_sheet_of_which_only_a_part_is_there_is_neither_applied_nor_refused(vendor: Vendor) -> None:
    it = bench(vendor)
    wanted = sheet(it, {TODAY: "1100.37", TODAY + timedelta(days=1): "1200.37"})
    first = RateSheet(dict([next(iter(wanted.items()))]))
    assert set(now(it.pms.update_rates(UpdateRates("p0", first))).values()) == {Applied(None)}
    sent_at = it.flow.now()
    it.flow.elapsed_s += settling_s(it.pms.capabilities()) + 60
    assert isinstance(now(it.pms.reconcile(UpdateRates("p1", wanted), sent_at)), Unknown)
    assert isinstance(now(it.pms.reconcile(UpdateRates("p1", first), sent_at)), Applied)


def test_reconciling_reads_and_writes_nothing(vendor: Vendor) -> None:
    it = bench(vendor)
    for write in writes_of(it):
        before = len(it.face.pms.events)
        now(it.pms.reconcile(write, it.flow.now() - timedelta(hours=1)))
        assert len(it.face.pms.events) == before, write


def test_every_write_is_repeatable_or_reconcilable_or_said_to_be_neither(vendor: Vendor) -> None:
    promised = bench(vendor).pms.capabilities()
    assert not promised.repeatable & promised.reconcilable
    assert promised.repeatable | promised.reconcilable | set(promised.unsupported) <= {
        *OPERATIONS.values(),
        *(name for name in dir(PMSAdapterNames) if not name.startswith("_")),
    }


class PMSAdapterNames:
    """The reads that a vendor may not have."""

    get_balance = get_room_status = get_all_room_statuses = get_availability = changes_since = parse_webhook = ""
    search_guests_by_phone = ""


def test_a_repeatable_write_that_lands_twice_has_one_effect(vendor: Vendor) -> None:
    it = bench(vendor)
    for write in [one for one in writes_of(it) if OPERATIONS[type(one)] in it.pms.capabilities().repeatable]:
        assert isinstance(perform(it, write), Applied), write
        after_one = state_of(it)
        assert isinstance(perform(it, write), Applied), write
        assert state_of(it) == after_one, write


def state_of(it: Bench) -> list[Any]:
    """What the PMS holds, without the times of its last changes."""
    pms = it.face.pms
    return [
        [replace(one, updated_at=NOON) for one in pms.bookings.values()],
        [replace(one, updated_at=None) for one in pms.guests.values()],
        list(pms.postings.values()),
        list(pms.rates.items()),
        list(pms.limits.items()),
    ]


def test_an_answer_that_cannot_be_read_leaves_a_write_unknown_and_a_read_in_error(vendor: Vendor) -> None:
    it = bench(vendor)
    now(it.pms.connect())
    writes = writes_of(it)
    broken = HttpResponse(200, {"content-type": "application/json"}, b'{"half": ')
    it.http.tamper = lambda request, response: broken
    with pytest.raises(PmsError):
        now(collected(it.pms.get_arrivals(TODAY)))
    for write in writes:
        assert not isinstance(perform(it, write), Applied), write


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_failing_pms_leaves_a_write_unknown(vendor: Vendor, status: int) -> None:
    it = bench(vendor)
    booking = booked(it)
    now(it.pms.connect())
    failed = HttpResponse(status, {}, b"")
    it.http.tamper = lambda request, response: response if request.method == "GET" else failed
    outcome = now(it.pms.add_reservation_note(AddNote("n1", ref(it, booking.id), "Needs a cot")))
    assert isinstance(outcome, Unknown)


def test_a_write_whose_first_read_fails_was_not_sent(vendor: Vendor) -> None:
    it = bench(vendor)
    now(it.pms.connect())
    booking = booked(it)
    before, earlier = len(it.face.pms.events), len(it.http.sent)
    failed = HttpResponse(503, {}, b"")
    it.http.tamper = lambda request, response: failed if request.method == "GET" else response
    outcome = now(it.pms.add_reservation_note(AddNote("n1", ref(it, booking.id), "Needs a cot")))
    reads = any(request.method == "GET" for request in it.http.sent[earlier:])
    assert isinstance(outcome, Refused if reads else Applied)
    assert (len(it.face.pms.events) == before) == reads


def test_a_read_that_fails_for_a_while_is_repeated(vendor: Vendor) -> None:
    it = bench(vendor)
    booking = booked(it)
    failures = iter([503, 502])

    def failing(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        status = next(failures, None)
        return response if status is None else HttpResponse(status)

    it.http.tamper = failing
    assert now(it.pms.get_reservation(ref(it, booking.id))) is not None
    assert it.flow.elapsed_s >= 3  # 1 s and 2 s, each with its jitter


def test_no_window_of_the_vendor_is_exceeded(vendor: Vendor) -> None:
    it = bench(vendor)
    booking = booked(it)
    for _ in (
        range(3 * max(limit.requests for limit in it.pms.capabilities().rate_limits or ()))
        if (it.pms.capabilities().rate_limits)
        else range(0)
    ):
        assert now(it.pms.get_reservation(ref(it, booking.id))) is not None
    assert all(answer.status != 429 for answer in it.http.answered)


def test_changes_since_tells_what_happened_once_for_each_key(vendor: Vendor) -> None:
    it = bench(vendor)
    with unless_unsupported(it, "changes_since"):
        start = now(it.pms.changes_since(None))
        it.flow.elapsed_s += 60
        person = it.face.pms.add_guest(it.flow.now(), first_name="Ada", last_name="Byron", email="ada@example.com")
        wish = Wish(TWO_NIGHTS, vendor_product(it), person.id)
        booking = it.face.pms.book(wish, it.flow.now())
        it.flow.elapsed_s += 60
        first = now(it.pms.changes_since(start.cursor))
        mine = [one for one in first.changes if one.kind is EntityKind.RESERVATION]
        assert {one.id for one in mine} == {ref(it, booking.id)}
        it.flow.elapsed_s += 600
        again = now(it.pms.changes_since(first.cursor))
        assert {one.key for one in again.changes} <= {one.key for one in first.changes}


def test_a_cancellation_is_a_change(vendor: Vendor) -> None:
    it = bench(vendor)
    with unless_unsupported(it, "changes_since"):
        booking = booked(it)
        start = now(it.pms.changes_since(None))
        it.flow.elapsed_s += 60
        it.face.pms.set_status(booking.id, ReservationStatus.CANCELLED, it.flow.now())
        it.flow.elapsed_s += 60
        told = now(it.pms.changes_since(start.cursor)).changes
        assert ref(it, booking.id) in {one.id for one in told}

"""What is read from Mews: days, reservations, guests and balances."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import pytest

from pms_lab.adapters.mews.reading import note_of, preference_of, spellings
from pms_lab.adapters.mews.times import intervals
from pms_lab.domain.outcome import Applied, Refused
from pms_lab.domain.pms import GuestQuery, PmsId, Preference, ReservationStatus
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import (
    AddPreferences,
    UpdateGuest,
)
from pms_lab.errors import BadAnswer, InputError, Unsupported
from pms_lab.sim.pms.faces.mews.ids import CHILDREN, guid
from tests.adapters.mews_desk import FOR_THE_DAY, TODAY, TWO_NIGHTS, Desk, Operation, ref
from tests.contracts.harness import NOON, collected, now


@pytest.mark.parametrize(
    ("day", "start", "end"),
    [
        (date(2026, 11, 30), "2026-11-30T05:00:00Z", "2026-12-01T05:00:00Z"),
        (date(2026, 3, 8), "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"),
        (date(2026, 11, 1), "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"),
    ],
    ids=["24 h", "23 h", "25 h"],
)
def test_a_day_begins_and_ends_at_local_midnight(day: date, start: str, end: str) -> None:
    desk = Desk()
    now(collected(desk.mews.get_arrivals(day)))
    (body,) = desk.bodies("reservations/getAll/2023-06-06")
    assert body["ScheduledStartUtc"] == {"StartUtc": start, "EndUtc": end}
    assert "Canceled" not in body["States"]
    assert "Extent" not in body


@pytest.mark.parametrize("includes_ends", [True, False])
def test_whether_intervals_hold_their_end_does_not_matter(includes_ends: bool) -> None:
    desk = Desk(includes_ends=includes_ends)
    guest = desk.guest()
    stays = {away: StayDates.starting(TODAY + timedelta(days=away), 1) for away in (-1, 0, 1)}
    made = {away: desk.booking(stay, guest) for away, stay in stays.items()}
    assert [one.id.local for one in now(collected(desk.mews.get_arrivals(TODAY)))] == [made[0].id]
    assert [one.id.local for one in now(collected(desk.mews.get_departures(TODAY)))] == [made[-1].id]


@pytest.mark.parametrize("end", ["ScheduledStartUtc", "ScheduledEndUtc"])
def test_who_comes_or_goes_at_the_next_midnight_does_so_tomorrow(end: str) -> None:
    desk = Desk()
    desk.booking(StayDates.starting(TODAY - timedelta(days=end == "ScheduledEndUtc"), 1))
    list_of = {"ScheduledStartUtc": desk.mews.get_arrivals, "ScheduledEndUtc": desk.mews.get_departures}[end]
    assert len(now(collected(list_of(TODAY)))) == 1
    stay = {"ScheduledStartUtc": "2026-12-01T05:00:00Z", "ScheduledEndUtc": "2026-12-02T16:00:00Z"}
    if end == "ScheduledEndUtc":
        stay = {end: "2026-12-01T05:00:00Z"}
    desk.tampering("reservations/getAll/2023-06-06", lambda answer: answer["Reservations"][0].update(stay))
    assert now(collected(list_of(TODAY))) == []


def test_no_interval_is_longer_than_three_months_and_together_they_have_no_gap() -> None:
    start, end = datetime(2025, 1, 31, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    parts = list(intervals(start, end))
    assert (parts[0]["StartUtc"], parts[-1]["EndUtc"]) == ("2025-01-31T00:00:00Z", "2026-03-01T00:00:00Z")
    assert [one["EndUtc"] for one in parts[:-1]] == [one["StartUtc"] for one in parts[1:]]
    assert all(
        datetime.fromisoformat(one["EndUtc"]) - datetime.fromisoformat(one["StartUtc"]) <= timedelta(days=89)
        for one in parts
    )


@pytest.mark.parametrize(
    ("state", "reason", "status"),
    [
        ("Inquired", None, ReservationStatus.REQUESTED),
        ("Optional", None, ReservationStatus.REQUESTED),
        ("Requested", None, ReservationStatus.WAITLISTED),
        ("Confirmed", None, ReservationStatus.CONFIRMED),
        ("Started", None, ReservationStatus.IN_HOUSE),
        ("Processed", None, ReservationStatus.CHECKED_OUT),
        ("Canceled", None, ReservationStatus.CANCELLED),
        ("Canceled", "RequestedByGuest", ReservationStatus.CANCELLED),
        ("Canceled", "NoShow", ReservationStatus.NO_SHOW),
    ],
)
def test_every_state_has_its_meaning(state: str, reason: str | None, status: ReservationStatus) -> None:
    assert reservation_with(State=state, CancellationReason=reason).status is status


@pytest.mark.parametrize("state", ["Enquired", "confirmed", "", None, 3])
def test_a_state_that_mews_does_not_have_is_an_error(state: Any) -> None:
    with pytest.raises(BadAnswer, match="State: enum"):
        reservation_with(State=state)


def test_guests_rooms_and_notes_are_looked_up() -> None:
    desk = Desk()
    booking = desk.booking(notes=("Late arrival", "Cot"), special_requests="Quiet room", adults=2, children=1)
    reservation = now(desk.mews.get_reservation(ref(booking.id)))
    assert reservation is not None
    assert (reservation.guest_name, reservation.room) == ("Ada Byron", "101")
    assert (reservation.notes, reservation.special_requests) == (("Late arrival", "Cot"), "Quiet room")
    assert (reservation.adults, reservation.children) == (2, 1)
    assert reservation.confirmation == "1"


def test_a_company_is_no_guest() -> None:
    reservation = reservation_with(AccountType="Company")
    assert (reservation.guest, reservation.guest_name) == (None, "")


def test_a_room_that_mews_does_not_list_is_an_error_and_not_no_room() -> None:
    with pytest.raises(BadAnswer, match="room"):
        reservation_with(AssignedResourceId=guid("stranger"))


def test_no_room_is_none() -> None:
    assert reservation_with(AssignedResourceId=None).room is None


def test_a_stay_without_a_night_is_an_error() -> None:
    with pytest.raises(BadAnswer, match="no night"):
        reservation_with(**FOR_THE_DAY)


LISTS: Final[dict[str, Operation]] = {
    "arrivals": lambda desk: collected(desk.mews.get_arrivals(TODAY)),
    "departures": lambda desk: collected(desk.mews.get_departures(TWO_NIGHTS.check_out)),
    "in house": lambda desk: collected(desk.mews.get_in_house()),
}


@pytest.mark.parametrize(
    "fields",
    [
        FOR_THE_DAY,
        {**FOR_THE_DAY, "ScheduledEndUtc": "2026-11-28T22:00:00Z"},
        {"ScheduledStartUtc": "2026-12-02T14:00:00Z", "ScheduledEndUtc": "2026-12-02T22:00:00Z"},
        {**FOR_THE_DAY, "State": "Canceled"},
        {"State": "Canceled", "AssignedResourceId": guid("stranger")},
    ],
    ids=["for the day", "back in time", "for the last day", "cancelled for the day", "cancelled in a room of nowhere"],
)
@pytest.mark.parametrize("name", LISTS)
def test_what_does_not_belong_into_a_list_of_stays_is_left_out_and_spoils_nothing(
    name: str, fields: dict[str, Any]
) -> None:
    desk = Desk()
    guest = desk.guest()
    bookings = [desk.booking(guest=guest) for _ in range(3)]
    if name == "in house":
        for one in bookings:
            desk.pms.set_status(one.id, ReservationStatus.IN_HOUSE, NOON)
    desk.tampering("reservations/getAll/2023-06-06", lambda answer: answer["Reservations"][1].update(fields))
    assert {one.id.local for one in now(LISTS[name](desk))} == {bookings[0].id, bookings[2].id}


@pytest.mark.parametrize("name", ["get_guest", "get_reservation", "get_balance"])
def test_an_id_of_another_vendor_is_an_error_of_the_caller_and_nothing_is_asked(name: str) -> None:
    desk = Desk()
    booking = desk.booking()
    foreign = PmsId("qloapps", booking.guest if name == "get_guest" else booking.id)
    with pytest.raises(InputError, match=f"{foreign} is no id of mews"):
        now(getattr(desk.mews, name)(foreign))
    assert desk.http.sent == []


def reservation_with(**fields: Any) -> Any:
    desk = Desk()
    booking = desk.booking()
    desk.tampering("reservations/getAll/2023-06-06", lambda answer: answer["Reservations"][0].update(fields))
    return now(desk.mews.get_reservation(ref(booking.id)))


def test_children_are_all_who_are_no_adults() -> None:
    desk = Desk()
    booking = desk.booking(adults=2)
    infant = {"PersonCounts": [{"AgeCategoryId": guid("infants"), "Count": 1}, {"AgeCategoryId": CHILDREN, "Count": 2}]}
    desk.tampering("reservations/getAll/2023-06-06", lambda answer: answer["Reservations"][0].update(infant))
    reservation = now(desk.mews.get_reservation(ref(booking.id)))
    assert reservation is not None
    assert (reservation.adults, reservation.children) == (0, 3)


def test_a_search_by_phone_alone_says_that_it_cannot() -> None:
    with pytest.raises(Unsupported, match="phone"):
        now(collected(Desk().mews.search_guests(GuestQuery(phone="+15550100"))))


def test_a_phone_narrows_a_search_by_name() -> None:
    desk = Desk()
    ada, _ = desk.guest(), desk.guest(email="other@example.com", phone="+15550199")
    found = now(collected(desk.mews.search_guests(GuestQuery(name="Byron", phone="+1 555 0100"))))
    assert [one.id.local for one in found] == [ada.id]


def test_name_and_address_must_both_apply() -> None:
    desk = Desk()
    desk.guest()
    query = GuestQuery(name="Babbage", email="ada@example.com")
    assert now(collected(desk.mews.search_guests(query))) == []


@pytest.mark.parametrize("name", ["van der Berg", "Anna Maria van der Berg", "anna maria", "VAN DER BERG"])
def test_names_of_several_words_are_found(name: str) -> None:
    desk = Desk()
    desk.guest(first_name="Anna Maria", last_name="van der Berg" if "VAN" not in name else "Van Der Berg")
    desk.guest(first_name="Anna", last_name="Berg", email="anna@example.com")
    assert len(now(collected(desk.mews.search_guests(GuestQuery(name=name))))) == 1


def test_a_guest_found_by_first_and_last_name_comes_once() -> None:
    desk = Desk()
    desk.guest(first_name="Byron", last_name="Byron")
    assert len(now(collected(desk.mews.search_guests(GuestQuery(name="byron"))))) == 1


def test_filters_are_spelled_in_every_case_since_mews_does_not_say_whether_it_matters() -> None:
    assert spellings("ada byron") == ["ada byron", "ADA BYRON", "Ada Byron"]


def test_only_what_is_given_is_sent() -> None:
    desk = Desk()
    person = desk.guest()
    now(desk.mews.update_guest(UpdateGuest("g", ref(person.id), phone="+15550111", language="en-GB")))
    (body,) = desk.bodies("customers/update")
    given = set(body) - {"ClientToken", "AccessToken", "Client"}
    assert given == {"CustomerId", "Phone", "PreferredLanguageCode"}


def test_clearing_a_field_is_refused_since_mews_would_keep_it() -> None:
    desk = Desk()
    outcome = now(desk.mews.update_guest(UpdateGuest("g", ref(desk.guest().id), phone="")))
    assert isinstance(outcome, Refused)
    assert desk.http.sent == []


def test_preferences_are_notes_of_their_own_beside_those_of_the_staff() -> None:
    desk = Desk()
    person = desk.guest(preferences=(Preference("Gifts", "Champagne: on the house"),), notes="VIP")
    write = AddPreferences("p", ref(person.id), (Preference("floor", "high"), Preference("floor", "high")))
    for _ in range(2):
        assert now(desk.mews.update_guest_preferences(write)) == Applied(None)
    guest = now(desk.mews.get_guest(ref(person.id)))
    assert guest is not None
    assert (guest.preferences, guest.notes) == ((Preference("floor", "high"),), "VIP")
    (body,) = desk.bodies("accountNotes/add")
    assert [note["Content"] for note in body["AccountNotes"]] == ["Preference floor: high"]
    assert desk.pms.guest(person.id).preferences[0].value == "Champagne: on the house"


def test_a_preference_that_could_not_be_read_back_is_refused() -> None:
    outcome = now(Desk().mews.update_guest_preferences(AddPreferences("p", ref(guid(1)), (Preference("a: b", "c"),))))
    assert isinstance(outcome, Refused)


@pytest.mark.parametrize(
    "preference", [Preference("floor", "high"), Preference("pillow", "soft: two"), Preference("a", "")]
)
def test_a_preference_is_read_back_from_its_note(preference: Preference) -> None:
    assert preference_of(note_of(preference)) == preference

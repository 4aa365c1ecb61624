from __future__ import annotations

from collections.abc import Coroutine
from datetime import UTC, date, datetime
from typing import Any, cast

import pytest

from pms_lab.domain.dead_letters import DeadLetter
from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Applied, Outcome, Refused, Unknown, Why
from pms_lab.domain.pms import PmsId, ReservationStatus
from pms_lab.domain.rates import RateCell, RateSheet
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import (
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
from pms_lab.engine.memory_letters import MemoryDeadLetters
from pms_lab.engine.pms import PMSAdapter
from pms_lab.engine.resilient import ResilientPms
from pms_lab.errors import BreakerOpen
from pms_lab.sim.driver import Sim
from tests.engine.fake_pms import DONE, IN_FLIGHT_S, READ_LAG_S, FakePms

STAY = PmsId("opera", "7")
GUEST = PmsId("opera", "9")
ROOM = "101"
NIGHTS = StayDates(date(2026, 3, 1), date(2026, 3, 2))
LIKES = AddPreferences("likes", GUEST, ())
NOTE = AddNote("note", STAY, "text")
CHARGE = PostCharge("charge", STAY, "Minibar", Money.of("46.50", "USD"))
LATE = UpdateCheckoutTime("late", STAY, datetime(2026, 3, 2, 14, tzinfo=UTC))
QUEUEABLE: list[Write] = [LIKES, NOTE, CHARGE, LATE]
DIRECT_ABOUT_STAY: list[Write] = [
    SetSpecialRequests("ask", STAY, "cot"),
    SetStatus("in", STAY, ReservationStatus.IN_HOUSE),
    ModifyDates("move", STAY, NIGHTS),
    CancelReservation("cancel", STAY),
]
CREATE = CreateReservation("create", NIGHTS, "DLX", "Ada", "L", "ada@example.org")
CLOSE = SetAvailability("close", {("DLX", date(2026, 3, 1)): 0})


class House:
    """A resilient adapter around a PMS that the test controls."""

    def __init__(self, sim: Sim) -> None:
        self.node = sim.node("client")
        self.flow = self.node.flow
        self.fake = FakePms(self.flow)
        ids = iter(range(1000))
        self.letters = MemoryDeadLetters(self.flow.now, lambda: f"letter{next(ids)}")
        self.told: list[str] = []
        self.pms = ResilientPms(self.flow, cast(PMSAdapter, self.fake), self.letters, self.tell)

    async def tell(self, letter: DeadLetter) -> None:
        self.told.append(letter.write.key)

    async def write(self, write: Write) -> Outcome[Any]:
        match write:
            case UpdateGuest():
                return await self.pms.update_guest(write)
            case AddPreferences():
                return await self.pms.update_guest_preferences(write)
            case AddNote():
                return await self.pms.add_reservation_note(write)
            case SetSpecialRequests():
                return await self.pms.set_special_requests(write)
            case SetStatus():
                return await self.pms.set_reservation_status(write)
            case UpdateCheckoutTime():
                return await self.pms.update_checkout_time(write)
            case CreateReservation():
                return await self.pms.create_reservation(write)
            case ModifyDates():
                return await self.pms.modify_dates(write)
            case CancelReservation():
                return await self.pms.cancel_reservation(write)
            case PostCharge():
                return await self.pms.post_charge(write)
            case SetAvailability():
                return await self.pms.set_availability(write)
            case UpdateRates() | ClearRates():
                raise AssertionError("rates end cell by cell")

    async def guest_version(self) -> str:
        guest = await self.pms.get_guest(GUEST)
        assert guest is not None
        return guest.last_name

    async def stay_version(self) -> str:
        stay = await self.pms.get_reservation(STAY)
        assert stay is not None
        return stay.guest_name

    async def room_version(self) -> str:
        room = await self.pms.get_room_status(ROOM)
        assert room is not None
        return room.product

    def run(self, story: Coroutine[Any, Any, None]) -> None:
        self.node.run(story)


@pytest.fixture
def house() -> Any:
    with Sim() as sim:
        yield House(sim)


@pytest.mark.parametrize("write", [*QUEUEABLE, *DIRECT_ABOUT_STAY, UpdateGuest("rename", GUEST), CREATE, CLOSE])
def test_while_all_is_well_writes_go_straight_to_the_pms(house: House, write: Write) -> None:
    async def story() -> None:
        assert await house.write(write) == DONE
        assert house.fake.applied == [write.key]
        assert await house.letters.open_letters() == ()

    house.run(story())


@pytest.mark.parametrize("write", QUEUEABLE)
def test_while_the_breaker_is_open_some_writes_are_queued_and_staff_is_told(house: House, write: Write) -> None:
    async def story() -> None:
        house.fake.is_down = True
        ended = await house.write(write)
        (letter,) = await house.letters.open_letters()
        assert ended == Unknown("breaker open", queued=letter.id)
        assert letter.write == write
        assert house.told == [write.key]

    house.run(story())


@pytest.mark.parametrize("write", [*DIRECT_ABOUT_STAY, UpdateGuest("rename", GUEST), CREATE, CLOSE])
def test_while_the_breaker_is_open_all_other_writes_are_refused(house: House, write: Write) -> None:
    async def story() -> None:
        house.fake.is_down = True
        ended = await house.write(write)
        assert isinstance(ended, Refused)
        assert ended.why is Why.BREAKER_OPEN
        assert await house.letters.open_letters() == ()

    house.run(story())


def test_rates_pass_through_and_are_never_queued(house: House) -> None:
    cell = RateCell("INN", "DLX", date(2026, 3, 1))
    write = UpdateRates("rates", RateSheet({cell: Money.of("99", "EUR")}))

    async def story() -> None:
        await house.letters.add(NOTE, "down", "x")
        await house.pms.update_rates(write)
        assert house.fake.applied == ["rates"]

    house.run(story())


@pytest.mark.parametrize("ended", [Unknown("timeout"), Refused(Why.REJECTED, "no"), Refused(Why.NOT_SENT, "refused")])
def test_a_write_that_was_tried_ends_as_it_did_and_is_not_queued(house: House, ended: Outcome[None]) -> None:
    async def story() -> None:
        house.fake.ends = {"charge": [ended]}
        assert await house.write(CHARGE) == ended
        assert await house.letters.open_letters() == ()

    house.run(story())


@pytest.mark.parametrize("write", [CHARGE, LATE])
def test_a_later_write_waits_behind_earlier_ones_of_its_entity(house: House, write: Write) -> None:
    async def story() -> None:
        house.fake.is_down = True
        await house.write(NOTE)
        house.fake.is_down = False
        ended = await house.write(write)
        assert isinstance(ended, Unknown)
        assert ended.queued is not None
        assert house.fake.sent == []
        assert await house.write(LIKES) == DONE
        assert await house.pms.replay("worker") == 2
        assert house.fake.applied == ["likes", "note", write.key]

    house.run(story())


@pytest.mark.parametrize("write", DIRECT_ABOUT_STAY)
def test_a_write_that_cannot_be_queued_does_not_overtake_either(house: House, write: Write) -> None:
    async def story() -> None:
        house.fake.is_down = True
        await house.write(NOTE)
        house.fake.is_down = False
        ended = await house.write(write)
        assert isinstance(ended, Refused)
        assert ended.why is Why.NOT_SENT
        await house.pms.replay("worker")
        assert await house.write(write) == DONE

    house.run(story())


def test_the_same_intent_is_queued_once_and_applied_once(house: House) -> None:
    async def story() -> None:
        house.fake.is_down = True
        first, second = await house.write(CHARGE), await house.write(CHARGE)
        assert isinstance(first, Unknown)
        assert isinstance(second, Unknown)
        assert first.queued == second.queued
        assert house.told == ["charge"]
        house.fake.is_down = False
        await house.pms.replay("worker")
        assert await house.write(CHARGE) == Applied(None)
        assert house.fake.applied == ["charge"]

    house.run(story())


def test_reads_are_fresh_for_as_long_as_their_kind_says(house: House) -> None:
    async def story() -> None:
        assert [await house.guest_version(), await house.stay_version(), await house.room_version()] == ["v1"] * 3
        house.fake.version = 2
        await house.flow.sleep(56)
        assert [await house.guest_version(), await house.stay_version(), await house.room_version()] == ["v1"] * 3
        await house.flow.sleep(4)
        assert [await house.guest_version(), await house.stay_version(), await house.room_version()] == [
            "v1", "v1", "v2",
        ]  # fmt: skip
        await house.flow.sleep(240)
        assert [await house.guest_version(), await house.stay_version()] == ["v1", "v2"]
        await house.flow.sleep(3300)
        assert await house.guest_version() == "v2"

    house.run(story())


def test_while_the_breaker_is_open_reads_come_flagged_and_the_plain_ones_raise_once_stale(house: House) -> None:
    async def story() -> None:
        await house.stay_version()
        await house.flow.sleep(99)
        house.fake.is_down = True
        assert await house.stay_version() == "v1"
        young = await house.pms.read_reservation(STAY)
        assert (young.age_s, young.is_stale) == (100, False)
        await house.flow.sleep(300)
        old = await house.pms.read_reservation(STAY)
        assert old.value is not None
        assert (old.value.id, old.age_s, old.is_stale) == (STAY, 400, True)
        with pytest.raises(BreakerOpen):
            await house.stay_version()
        for read in (house.pms.read_guest(GUEST), house.pms.read_room_status(ROOM)):
            with pytest.raises(BreakerOpen):
                await read

    house.run(story())


@pytest.mark.parametrize("write", [*DIRECT_ABOUT_STAY, NOTE, CHARGE, LATE])
def test_our_own_write_shows_in_the_next_read(house: House, write: Write) -> None:
    async def story() -> None:
        await house.stay_version()
        await house.guest_version()
        await house.write(write)
        assert await house.stay_version() == "v2"
        assert await house.guest_version() == "v1"

    house.run(story())


def test_a_change_of_a_guest_shows_in_the_guest_and_in_the_stays(house: House) -> None:
    async def story() -> None:
        await house.stay_version()
        await house.guest_version()
        await house.write(UpdateGuest("rename", GUEST))
        assert (await house.guest_version(), await house.stay_version()) == ("v2", "v2")

    house.run(story())


def test_a_guest_who_checks_in_occupies_a_room(house: House) -> None:
    async def story() -> None:
        await house.room_version()
        await house.write(SetStatus("in", STAY, ReservationStatus.IN_HOUSE))
        assert await house.room_version() == "v2"

    house.run(story())


def test_a_replayed_write_shows_in_the_next_read_and_a_queued_one_forgets_nothing(house: House) -> None:
    async def story() -> None:
        await house.stay_version()
        house.fake.is_down = True
        await house.write(NOTE)
        assert await house.stay_version() == "v1"
        house.fake.is_down = False
        await house.pms.replay("worker")
        assert await house.stay_version() == "v2"

    house.run(story())


@pytest.mark.parametrize(
    ("ended", "trusted_after_s"), [(DONE, READ_LAG_S), (Unknown("timeout"), READ_LAG_S + IN_FLIGHT_S)]
)
def test_nothing_is_kept_until_reads_have_caught_up_with_a_write(
    house: House, ended: Outcome[None], trusted_after_s: float
) -> None:
    async def story() -> None:
        house.fake.ends = {"charge": [ended]}
        await house.write(CHARGE)
        await house.flow.sleep(trusted_after_s - 1)
        await house.stay_version()
        await house.flow.sleep(1)
        await house.stay_version()
        assert house.fake.reads == 2
        await house.stay_version()
        assert house.fake.reads == 2

    house.run(story())


def test_a_write_that_is_broken_off_may_have_landed(house: House) -> None:
    async def story() -> None:
        await house.stay_version()
        with pytest.raises(TimeoutError):
            async with house.flow.timeout(0.5):
                await house.write(CHARGE)
        assert await house.stay_version() == "v2"

    house.run(story())


def test_a_key_that_another_write_has_is_refused_and_nothing_is_sent(house: House) -> None:
    async def story() -> None:
        house.fake.is_down = True
        await house.write(AddNote("same", STAY, "text"))
        house.fake.is_down = False
        await house.pms.replay("worker")
        ended = await house.write(PostCharge("same", STAY, "Minibar", Money.of("46.50", "USD")))
        assert isinstance(ended, Refused)
        assert house.fake.sent == ["same"]

    house.run(story())


def test_what_was_given_up_while_in_doubt_is_not_sent_again_under_its_key(house: House) -> None:
    async def story() -> None:
        letter = await house.letters.add(CHARGE, "timeout", "unknown", is_in_doubt=True)
        await house.letters.abandon(letter.id, "the guest paid in cash", "staff7")
        assert isinstance(await house.write(CHARGE), Unknown)
        assert house.fake.sent == []

    house.run(story())


def test_what_was_given_up_and_never_sent_may_be_sent_under_its_key(house: House) -> None:
    async def story() -> None:
        letter = await house.letters.add(CHARGE, "breaker open", "breaker open")
        await house.letters.abandon(letter.id, "no longer wanted", "staff7")
        assert await house.write(CHARGE) == DONE

    house.run(story())


def test_a_booking_may_rename_a_guest_so_guests_are_read_anew(house: House) -> None:
    async def story() -> None:
        before = await house.guest_version()
        await house.write(CREATE)
        await house.flow.sleep(60)
        assert await house.guest_version() != before

    house.run(story())

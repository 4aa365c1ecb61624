from __future__ import annotations

from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pms_lab.domain.dead_letters import LetterStatus
from pms_lab.domain.outcome import Outcome, Refused, Unknown, Why
from pms_lab.domain.pms import PmsId
from pms_lab.domain.writes import AddNote, AddPreferences, PostCharge, UpdateCheckoutTime, Write
from pms_lab.engine.dead_letters import DeadLetters, replay
from pms_lab.engine.memory_letters import MemoryDeadLetters
from pms_lab.engine.pms import PMSAdapter
from pms_lab.engine.ports import Flow
from pms_lab.errors import InputError, Unanswered, Unsupported
from pms_lab.rules.settling import settling_s
from pms_lab.sim.driver import Sim
from pms_lab.sim.stops import Crashed
from tests.contracts.dead_letters import EVERY_KIND, Clock, DeadLettersContract, note
from tests.engine.fake_pms import BREAKER, CAN, DONE, FakePms

TIMEOUT = Unknown("timeout")


class TestMemoryDeadLetters(DeadLettersContract):
    @pytest.fixture
    def letters(self, clock: Clock) -> DeadLetters:
        ids = iter(range(1000))
        return MemoryDeadLetters(clock.now, lambda: f"letter{next(ids)}")


class Office:
    """A queue, a PMS, and workers that replay the one to the other."""

    def __init__(self, sim: Sim) -> None:
        self.node = sim.node("worker")
        self.flow = self.node.flow
        ids = iter(range(1000))
        self.letters = MemoryDeadLetters(self.flow.now, lambda: f"letter{next(ids)}")
        self.pms = FakePms(self.flow)

    async def replay(self, worker: str = "worker", lease_s: float = 60) -> int:
        return await replay(self.flow, cast(PMSAdapter, self.pms), self.letters, worker, lease_s)

    async def add(self, *writes: AddNote | PostCharge | AddPreferences) -> None:
        for write in writes:
            await self.letters.add(write, "down", "x")

    async def waiting(self) -> list[str]:
        return [letter.write.key for letter in await self.letters.open_letters()]

    def run(self, story: Coroutine[Any, Any, None]) -> None:
        self.node.run(story)


@pytest.fixture
def office() -> Any:
    with Sim() as sim:
        yield Office(sim)


def test_every_kind_of_letter_is_sent_and_resolved(office: Office) -> None:
    async def story() -> None:
        for write in EVERY_KIND:
            await office.letters.add(write, "down", "x")
        assert await office.replay() == len(EVERY_KIND)
        assert await office.waiting() == []

    office.run(story())
    assert office.pms.applied == [write.key for write in EVERY_KIND]


ENDS: st.SearchStrategy[Outcome[None]] = st.sampled_from(
    [DONE, TIMEOUT, Refused(Why.THROTTLED, "429"), BREAKER, Refused(Why.NOT_SENT, "refused connection")]
)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.sampled_from("123"), st.lists(ENDS, max_size=3), st.booleans()), max_size=8),
    st.integers(1, 3),
    st.integers(0, 99),
)
def test_each_letter_takes_effect_once_and_those_of_an_entity_in_order(
    planned: list[tuple[str, list[Outcome[None]], bool]], workers: int, seed: int
) -> None:
    writes = [note(f"{at}", reservation) for at, (reservation, _, _) in enumerate(planned)]
    with Sim(seed, shuffled=True) as sim:
        office = Office(sim)
        office.pms.ends = {write.key: list(ends) for write, (_, ends, _) in zip(writes, planned, strict=True)}
        office.pms.landing = {
            write.key
            for write, (_, ends, lands) in zip(writes, planned, strict=True)
            if lands and ends and ends[0] == TIMEOUT
        }

        async def story() -> None:
            await office.add(*writes)
            for _ in range(60):
                await office.flow.together(*(office.replay(f"w{number}") for number in range(workers)))
                if not await office.waiting():
                    return
                await office.flow.sleep(61)

        office.run(story())
    assert sorted(office.pms.applied, key=int) == [write.key for write in writes]
    for reservation in "123":
        mine = [write.key for write in writes if write.reservation.local == reservation]
        assert [key for key in office.pms.applied if key in mine] == mine


@pytest.mark.parametrize("lands", [True, False])
def test_a_write_in_doubt_is_looked_for_and_sent_only_when_it_surely_did_not_take_effect(
    office: Office, lands: bool
) -> None:
    office.pms.ends = {"a": [TIMEOUT]}
    office.pms.landing = {"a"} if lands else set()

    async def story() -> None:
        await office.add(note("a"), note("b"))
        assert await office.replay() == 0
        await office.flow.sleep(settling_s(CAN) - 1)
        assert await office.replay() == 0
        assert office.pms.looked_for == []
        await office.flow.sleep(1)
        assert await office.replay() == 2

    office.run(story())
    assert office.pms.sent == (["a", "b"] if lands else ["a", "a", "b"])
    assert office.pms.applied == ["a", "b"]
    assert office.pms.looked_for == ["a"]


def test_a_write_that_may_still_come_is_not_sent(office: Office) -> None:
    async def story() -> None:
        await office.letters.add(note("a"), "timeout", "unknown", is_in_doubt=True)
        await office.replay()
        assert office.pms.sent == []
        await office.flow.sleep(settling_s(CAN))
        await office.replay()
        assert office.pms.sent == ["a"]

    office.run(story())


def test_a_repeatable_write_in_doubt_is_sent_again_without_asking(office: Office) -> None:
    departure = UpdateCheckoutTime("t", PmsId("opera", "1"), datetime(2026, 3, 2, 11, tzinfo=UTC))
    office.pms.ends = {"t": [TIMEOUT]}
    office.pms.landing = {"t"}

    async def story() -> None:
        await office.letters.add(departure, "down", "x")
        assert await office.replay() == 0
        await office.flow.sleep(60)
        assert await office.replay() == 1

    office.run(story())
    assert (office.pms.sent, office.pms.looked_for) == (["t", "t"], [])


def test_a_refused_repetition_leaves_the_attempt_before_it_in_doubt(office: Office) -> None:
    departure = UpdateCheckoutTime("t", PmsId("opera", "1"), datetime(2026, 3, 2, 11, tzinfo=UTC))
    office.pms.ends = {"t": [TIMEOUT, Refused(Why.REJECTED, "no")]}

    async def story() -> None:
        await office.letters.add(departure, "down", "x")
        await office.replay()
        await office.flow.sleep(60)
        await office.replay()
        (letter,) = await office.letters.open_letters()
        assert letter.in_doubt_since is not None
        await office.letters.abandon(letter.id, "given up", "staff7")
        assert await office.letters.find("t") is not None

    office.run(story())


def test_an_error_that_escapes_from_a_write_leaves_it_in_doubt(office: Office) -> None:
    class Leaky(FakePms):
        async def add_reservation_note(self, write: Write) -> Outcome[Any]:
            raise Unanswered("lost")

    office.pms = Leaky(office.flow)

    async def story() -> None:
        await office.add(note("a"))
        await office.replay()
        (letter,) = await office.letters.open_letters()
        assert letter.in_doubt_since is not None

    office.run(story())


def test_a_write_of_which_no_read_can_tell_waits_for_a_person(office: Office) -> None:
    likes = AddPreferences("likes", PmsId("opera", "9"), ())
    office.pms.ends = {"likes": [TIMEOUT]}

    async def story() -> None:
        await office.add(likes)
        await office.replay()
        (letter,) = await office.letters.open_letters()
        assert letter.due_at is None
        assert letter.in_doubt_since is not None

    office.run(story())


def test_a_write_that_the_pms_rejects_waits_for_a_person_and_others_go_on(office: Office) -> None:
    office.pms.ends = {"a": [Refused(Why.NOT_FOUND, "no such reservation")]}

    async def story() -> None:
        await office.add(note("a", "1"), note("b", "2"))
        assert await office.replay() == 1
        (letter,) = await office.letters.open_letters()
        assert (letter.write.key, letter.due_at, letter.in_doubt_since) == ("a", None, None)
        assert (letter.error, letter.error_code) == ("no such reservation", "no such thing")

    office.run(story())


@pytest.mark.parametrize("why", [Why.BREAKER_OPEN, Why.NOT_SENT, Why.THROTTLED, Why.AUTH])
def test_the_replay_stops_when_the_pms_lets_nobody_in(office: Office, why: Why) -> None:
    office.pms.ends = {"a": [Refused(why, "not now", retry_after_s=90)]}

    async def story() -> None:
        await office.add(note("a", "1"), note("b", "2"))
        assert await office.replay() == 0
        assert office.pms.sent == ["a"]
        await office.flow.sleep(88)
        await office.replay()
        assert office.pms.applied == ["b"]
        await office.flow.sleep(2)
        await office.replay()
        assert office.pms.applied == ["b", "a"]

    office.run(story())


def test_a_letter_stays_in_doubt_while_the_pms_cannot_be_asked(office: Office) -> None:
    office.pms.is_down = True

    async def story() -> None:
        await office.letters.add(note("a"), "timeout", "unknown", is_in_doubt=True)
        await office.replay()
        (letter,) = await office.letters.open_letters()
        assert letter.in_doubt_since == letter.first_attempt_at
        assert letter.error_code == Why.BREAKER_OPEN

    office.run(story())


def test_what_takes_longer_than_its_claim_is_broken_off_and_in_doubt(office: Office) -> None:
    async def story() -> None:
        await office.add(note("a"))
        assert await office.replay(lease_s=0.5) == 0
        (letter,) = await office.letters.open_letters()
        assert (letter.status, letter.error_code) == (LetterStatus.PENDING, "unknown")
        await office.flow.sleep(90)
        assert await office.replay("second") == 1

    office.pms.landing = {"a"}
    office.run(story())
    assert office.pms.looked_for == ["a"]


def test_what_the_vendor_cannot_do_waits_for_a_person(office: Office) -> None:
    async def cannot(write: AddNote) -> Outcome[None]:
        raise Unsupported("no notes here")

    office.pms.add_reservation_note = cannot  # type: ignore[method-assign, assignment]

    async def story() -> None:
        await office.add(note("a"))
        await office.replay()
        (letter,) = await office.letters.open_letters()
        assert (letter.status, letter.due_at) == (LetterStatus.PENDING, None)

    office.run(story())


class Distant:
    """A queue whose every call takes a moment on the way there, and on the way back."""

    def __init__(self, letters: DeadLetters, flow: Flow) -> None:
        self._letters = letters
        self._flow = flow

    def __getattr__(self, name: str) -> Any:
        async def call(*args: object) -> object:
            await self._flow.sleep(0.01)
            answer = await getattr(self._letters, name)(*args)
            await self._flow.sleep(0.01)
            return answer

        return call


POINTS = range(1, 35)
"""Each await has two crash points: of each of three letters its claim, sending and resolving, then a claim in vain."""


@pytest.mark.parametrize("crash_at", POINTS)
def test_a_worker_may_die_anywhere_and_the_next_one_sends_each_letter_once(crash_at: int) -> None:
    with Sim() as sim:
        world = sim.node("world")
        ids = iter(range(1000))
        letters = MemoryDeadLetters(world.flow.now, lambda: f"letter{next(ids)}")
        pms = cast(PMSAdapter, fake := FakePms(world.flow))

        async def fill() -> None:
            for key in "abc":
                await letters.add(note(key), "down", "x")

        world.run(fill())
        first = sim.node("first", crash_at=crash_at)
        with pytest.raises(Crashed):
            first.run(replay(first.flow, pms, cast(DeadLetters, Distant(letters, first.flow)), "first", 60))
        world.run(world.flow.sleep(200))
        world.run(replay(world.flow, pms, letters, "second", 60))
        assert fake.applied == ["a", "b", "c"]
        assert world.run(letters.open_letters()) == ()


def test_a_letter_that_cannot_even_be_tried_does_not_stop_the_others(office: Office) -> None:
    class Picky(FakePms):
        async def add_reservation_note(self, write: Write) -> Outcome[Any]:
            if write.key == "poison":
                raise InputError("id mews:1 is none of opera")
            return await self._write(write)

    office.pms = Picky(office.flow)

    async def story() -> None:
        await office.add(note("poison", "1"), note("b", "2"))
        assert await office.replay() == 1
        (letter,) = await office.letters.open_letters()
        assert (letter.write.key, letter.due_at, letter.error) == ("poison", None, "id mews:1 is none of opera")

    office.run(story())

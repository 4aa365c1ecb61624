"""What every implementation of `DeadLetters` must do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from pms_lab.domain.dead_letters import DeadLetter, LetterStatus, Queueable
from pms_lab.domain.money import Money
from pms_lab.domain.pms import PmsId, Preference
from pms_lab.domain.writes import AddNote, AddPreferences, PostCharge, UpdateCheckoutTime
from pms_lab.engine.dead_letters import DeadLetters, Failure
from pms_lab.errors import InputError

T = TypeVar("T")

START = datetime(2026, 2, 18, 12, 0, tzinfo=UTC)


class Clock:
    """A wall clock that the test moves."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at

    def move(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def note(key: str, reservation: str = "1") -> AddNote:
    return AddNote(key, PmsId("opera", reservation), f"text of {key}")


EVERY_KIND: tuple[Queueable, ...] = (
    note("note"),
    AddPreferences("likes", PmsId("opera", "9"), (Preference("floor", "high"), Preference("pillow", "soft"))),
    PostCharge("charge", PmsId("opera", "2"), "Minibar", Money.of("46.50", "USD"), "MINI"),
    UpdateCheckoutTime("late", PmsId("opera", "3"), START),
)


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


class DeadLettersContract:
    """Subclass it as `Test…` and give it a fixture `letters` that uses the fixture `clock`."""

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    def test_a_letter_holds_its_write_and_why_it_was_not_sent(self, letters: DeadLetters) -> None:
        for write in EVERY_KIND:
            run(letters.add(write, "breaker open", "breaker open"))
        found = run(letters.open_letters())
        assert tuple(letter.write for letter in found) == EVERY_KIND
        first = found[0]
        assert (first.entity, first.operation) == ("reservation/opera:1", "add_reservation_note")
        assert (first.error, first.error_code, first.attempts) == ("breaker open", "breaker open", 0)
        assert first.first_attempt_at == first.last_attempt_at == START
        assert first.status is LetterStatus.PENDING
        assert first.in_doubt_since is None

    def test_a_key_has_one_letter_until_that_is_abandoned(self, letters: DeadLetters, clock: Clock) -> None:
        first = run(letters.add(note("a"), "down", "x"))
        assert run(letters.add(note("a"), "down", "x")) == first
        assert run(letters.find("a")) == first
        run(letters.resolve(first.id, "worker"))
        assert run(letters.add(note("a"), "down", "x")).status is LetterStatus.RESOLVED
        other = run(letters.add(note("b"), "down", "x"))
        run(letters.abandon(other.id, "guest left", "ada"))
        assert run(letters.find("b")) is None
        assert run(letters.add(note("b"), "down", "x")).id != other.id

    def test_a_key_is_not_free_again_while_its_abandoned_letter_may_have_landed(self, letters: DeadLetters) -> None:
        async def story() -> None:
            letter = await letters.add(note("n"), "timeout", "unknown", is_in_doubt=True)
            await letters.abandon(letter.id, "given up", "staff7")
            assert (await letters.add(note("n"), "again", "x")).id == letter.id
            assert await letters.find("n") is not None

        run(story())

    def test_letters_are_claimed_in_order_one_at_a_time_for_each_entity(self, letters: DeadLetters) -> None:
        for key, reservation in [("a1", "1"), ("a2", "1"), ("b1", "2"), ("a3", "1")]:
            run(letters.add(note(key, reservation), "down", "x"))
        first, second, third = (run(letters.claim(f"worker {number}", 60)) for number in range(3))
        assert first
        assert second
        assert (first.write.key, second.write.key, third) == ("a1", "b1", None)
        run(letters.resolve(first.id, "worker 0"))
        assert key_of(run(letters.claim("worker 0", 60))) == "a2"

    def test_an_entity_is_a_kind_and_an_id(self, letters: DeadLetters) -> None:
        run(letters.add(note("a", "9"), "down", "x"))
        run(letters.add(AddPreferences("likes", PmsId("opera", "9"), ()), "down", "x"))
        assert key_of(run(letters.claim("worker", 60))) == "a"
        assert key_of(run(letters.claim("worker", 60))) == "likes"
        assert [letter.write.key for letter in run(letters.open_letters("guest/opera:9"))] == ["likes"]

    def test_a_claim_is_one_attempt_and_is_kept_from_others_until_it_lapses(
        self, letters: DeadLetters, clock: Clock
    ) -> None:
        run(letters.add(note("a"), "down", "x"))
        clock.move(5)
        claimed = run(letters.claim("first", 60))
        assert claimed
        assert (claimed.status, claimed.claimed_by, claimed.attempts) == (LetterStatus.RETRYING, "first", 1)
        assert claimed.last_attempt_at == START + timedelta(seconds=5)
        assert claimed.claimed_until == START + timedelta(seconds=65)
        assert claimed.in_doubt_since is None
        clock.move(59.9)
        assert run(letters.claim("second", 60)) is None
        clock.move(0.1)
        again = run(letters.claim("second", 60))
        assert again
        assert (again.claimed_by, again.attempts) == ("second", 2)
        assert again.in_doubt_since == START + timedelta(seconds=65)

    def test_a_letter_in_doubt_is_in_doubt_from_the_start(self, letters: DeadLetters) -> None:
        assert run(letters.add(note("a"), "timeout", "unknown", is_in_doubt=True)).in_doubt_since == START

    def test_a_failed_letter_waits_and_holds_those_behind_it(self, letters: DeadLetters, clock: Clock) -> None:
        run(letters.add(note("a"), "down", "x"))
        run(letters.add(note("b"), "down", "x"))
        claimed = run(letters.claim("worker", 600))
        assert claimed
        run(letters.fail(claimed.id, "worker", Failure("timeout", "unknown", 60, START)))
        (failed, _) = run(letters.open_letters())
        assert (failed.status, failed.error, failed.error_code) == (LetterStatus.PENDING, "timeout", "unknown")
        assert (failed.claimed_by, failed.in_doubt_since, failed.attempts) == (None, START, 1)
        clock.move(59.9)
        assert run(letters.claim("worker", 60)) is None
        clock.move(0.1)
        assert key_of(run(letters.claim("worker", 60))) == "a"

    def test_a_letter_that_waits_for_a_person_is_claimed_after_retry_only(
        self, letters: DeadLetters, clock: Clock
    ) -> None:
        claimed = claim_of(letters, note("a"))
        run(letters.fail(claimed.id, "worker", Failure("no such thing", "no such thing")))
        clock.move(1e6)
        assert run(letters.claim("worker", 60)) is None
        run(letters.retry(claimed.id))
        assert key_of(run(letters.claim("worker", 60))) == "a"

    def test_a_worker_that_lost_its_claim_cannot_put_the_letter_back(self, letters: DeadLetters, clock: Clock) -> None:
        claimed = claim_of(letters, note("a"))
        clock.move(60)
        run(letters.fail(claimed.id, "worker", Failure("late", "late", 0)))
        again = run(letters.claim("second", 60))
        assert again
        assert again.in_doubt_since == START + timedelta(seconds=60)
        run(letters.fail(claimed.id, "worker", Failure("late", "late", 0)))
        assert run(letters.claim("third", 60)) is None

    def test_a_late_success_is_believed(self, letters: DeadLetters, clock: Clock) -> None:
        claimed = claim_of(letters, note("a"))
        clock.move(61)
        run(letters.claim("second", 60))
        run(letters.resolve(claimed.id, "worker"))
        assert run(letters.open_letters()) == ()
        run(letters.resolve(claimed.id, "second"))
        found = run(letters.find("a"))
        assert found
        assert (found.resolved_by, found.resolved_at) == ("worker", START + timedelta(seconds=61))

    def test_an_abandoned_letter_says_who_and_why_and_frees_those_behind_it(
        self, letters: DeadLetters, clock: Clock
    ) -> None:
        first = run(letters.add(note("a"), "down", "x"))
        run(letters.add(note("b"), "down", "x"))
        run(letters.abandon(first.id, "guest left", "ada"))
        assert key_of(run(letters.claim("worker", 60))) == "b"
        assert [letter.write.key for letter in run(letters.open_letters())] == ["b"]

    def test_a_person_can_resolve_a_letter_with_a_note(self, letters: DeadLetters) -> None:
        first = run(letters.add(note("a"), "down", "x"))
        run(letters.resolve(first.id, "ada", "entered by hand"))
        found = run(letters.find("a"))
        assert found
        assert (found.status, found.resolved_by, found.notes) == (LetterStatus.RESOLVED, "ada", "entered by hand")

    @pytest.mark.parametrize("settle", ["resolve", "abandon"])
    @pytest.mark.parametrize("change", ["retry", "abandon"])
    def test_what_is_settled_cannot_be_retried_or_abandoned(
        self, letters: DeadLetters, settle: str, change: str
    ) -> None:
        letter = run(letters.add(note("a"), "down", "x"))
        run(changes(letters, letter.id)[settle]())
        with pytest.raises(InputError, match=letter.id):
            run(changes(letters, letter.id)[change]())

    @pytest.mark.parametrize("change", ["retry", "abandon"])
    def test_what_a_worker_is_trying_cannot_be_retried_or_abandoned_until_its_claim_lapses(
        self, letters: DeadLetters, clock: Clock, change: str
    ) -> None:
        claimed = claim_of(letters, note("a"))
        with pytest.raises(InputError, match="wait"):
            run(changes(letters, claimed.id)[change]())
        clock.move(60)
        run(changes(letters, claimed.id)[change]())

    def test_a_letter_that_is_abandoned_after_its_claim_lapsed_keeps_its_key(
        self, letters: DeadLetters, clock: Clock
    ) -> None:
        claimed = claim_of(letters, note("a"))
        clock.move(60)
        run(letters.abandon(claimed.id, "guest left", "ada"))
        found = run(letters.find("a"))
        assert found
        assert found.in_doubt_since == claimed.claimed_until

    @pytest.mark.parametrize("change", ["retry", "abandon", "resolve", "fail"])
    def test_an_unknown_id_is_refused(self, letters: DeadLetters, change: str) -> None:
        with pytest.raises(InputError, match="nowhere"):
            run(changes(letters, "nowhere")[change]())

    def test_workers_that_claim_at_once_get_different_letters(self, letters: DeadLetters) -> None:
        async def story() -> list[DeadLetter | None]:
            for number in range(5):
                await letters.add(note(f"n{number}", f"r{number}"), "down", "x")
            return await asyncio.gather(*(letters.claim(f"worker {number}", 60) for number in range(8)))

        claimed = [letter for letter in run(story()) if letter]
        assert sorted(key_of(letter) for letter in claimed) == [f"n{number}" for number in range(5)]


def key_of(letter: DeadLetter | None) -> str:
    assert letter is not None
    return letter.write.key


def claim_of(letters: DeadLetters, write: Queueable) -> DeadLetter:
    """Put a write into an empty queue and claim it for 'worker', for a minute."""
    run(letters.add(write, "down", "x"))
    claimed = run(letters.claim("worker", 60))
    assert claimed is not None
    return claimed


def changes(letters: DeadLetters, letter_id: str) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
    return {
        "retry": lambda: letters.retry(letter_id),
        "abandon": lambda: letters.abandon(letter_id, "guest left", "ada"),
        "resolve": lambda: letters.resolve(letter_id, "ada"),
        "fail": lambda: letters.fail(letter_id, "worker", Failure("down", "x")),
    }

"""Dead letters in memory, for the simulation: durable as long as the object is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pms_lab.domain.dead_letters import DeadLetter, LetterStatus, Queueable, entity_of
from pms_lab.engine.dead_letters import Failure
from pms_lab.errors import InputError


class MemoryDeadLetters:
    """An implementation of `DeadLetters`: see there.

    Args:
        now: the clock that claims are measured by; aware.
        new_id: makes the letters' ids, such as `Chance.new_id`.
    """

    def __init__(self, now: Callable[[], datetime], new_id: Callable[[], str]) -> None:
        self._now = now
        self._new_id = new_id
        self._letters: dict[str, DeadLetter] = {}

    async def add(self, write: Queueable, error: str, code: str, *, is_in_doubt: bool = False) -> DeadLetter:
        """Put a write at the end of the queue, once for its key."""
        known = await self.find(write.key)
        if known is not None:
            return known
        now = self._now()
        letter = DeadLetter(
            id=self._new_id(),
            sequence=len(self._letters) + 1,
            entity=entity_of(write),
            write=write,
            error=error,
            error_code=code,
            first_attempt_at=now,
            last_attempt_at=now,
            due_at=now,
            in_doubt_since=now if is_in_doubt else None,
        )
        self._letters[letter.id] = letter
        return letter

    async def find(self, write_key: str) -> DeadLetter | None:
        """Return the letter of a write's key, unless it is given up for sure."""
        found = (letter for letter in self._letters.values() if letter.write.key == write_key)
        return next((letter for letter in found if not letter.is_void), None)

    async def claim(self, worker: str, lease_s: float) -> DeadLetter | None:
        """Return the earliest letter that may be tried, and keep it for the worker."""
        now = self._now()
        first_of_entity: dict[str, DeadLetter] = {}
        for letter in await self.open_letters():
            first_of_entity.setdefault(letter.entity, letter)
        claimable = [letter for letter in first_of_entity.values() if letter.is_claimable(now)]
        if not claimable:
            return None
        letter = claimable[0]
        lapsed_at = letter.claimed_until if letter.status is LetterStatus.RETRYING else None
        return self._put(
            letter,
            status=LetterStatus.RETRYING,
            attempts=letter.attempts + 1,
            last_attempt_at=now,
            in_doubt_since=lapsed_at or letter.in_doubt_since,
            claimed_by=worker,
            claimed_until=now + timedelta(seconds=lease_s),
        )

    async def resolve(self, letter_id: str, by: str, notes: str = "") -> None:
        """Note that the write has taken effect."""
        letter = self._get(letter_id)
        if letter.status is not LetterStatus.RESOLVED:
            self._settle(letter, LetterStatus.RESOLVED, by, notes)

    async def fail(self, letter_id: str, worker: str, failure: Failure) -> None:
        """Put a letter back, if the worker's claim still holds."""
        letter, now = self._get(letter_id), self._now()
        if letter.claimed_by != worker or not letter.is_claimed(now):
            return
        wait_s = failure.next_try_s
        self._put(
            letter,
            status=LetterStatus.PENDING,
            error=failure.error,
            error_code=failure.code,
            due_at=None if wait_s is None else now + timedelta(seconds=wait_s),
            in_doubt_since=failure.in_doubt_since,
            claimed_by=None,
            claimed_until=None,
        )

    async def abandon(self, letter_id: str, reason: str, staff_id: str) -> None:
        """Give a letter up."""
        letter = self._idle(letter_id)
        # A claim that lapsed leaves doubt: its worker may have sent the write.
        doubted = replace(letter, in_doubt_since=letter.claimed_until or letter.in_doubt_since)
        self._settle(doubted, LetterStatus.ABANDONED, staff_id, reason)

    async def retry(self, letter_id: str) -> None:
        """Make a letter due now."""
        self._put(self._idle(letter_id), due_at=self._now())

    async def open_letters(self, entity: str | None = None) -> tuple[DeadLetter, ...]:
        """Return the open letters, in order."""
        found = (letter for letter in self._letters.values() if letter.status.is_open)
        return tuple(letter for letter in found if entity in (None, letter.entity))

    def _get(self, letter_id: str) -> DeadLetter:
        if letter_id not in self._letters:
            raise InputError(f"there is no dead letter {letter_id!r}: list the open ones")
        return self._letters[letter_id]

    def _idle(self, letter_id: str) -> DeadLetter:
        letter = self._get(letter_id)
        if not letter.status.is_open:
            raise InputError(f"dead letter {letter_id} is {letter.status}: only an open one can change")
        if letter.is_claimed(self._now()):
            raise InputError(f"dead letter {letter_id} is being tried until {letter.claimed_until}: wait until then")
        return letter

    def _settle(self, letter: DeadLetter, status: LetterStatus, by: str, notes: str) -> None:
        self._put(
            letter,
            status=status,
            resolved_by=by,
            resolved_at=self._now(),
            notes=notes,
            claimed_by=None,
            claimed_until=None,
        )

    def _put(self, letter: DeadLetter, **changes: Any) -> DeadLetter:
        self._letters[letter.id] = changed = replace(letter, **changes)
        return changed

"""Dead letters: the port to where they lie, and the replay that sends them, in order and once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from pms_lab.domain.dead_letters import DeadLetter, Queueable
from pms_lab.domain.outcome import Applied, Outcome, Refused, Unknown, Why, outcome_of
from pms_lab.domain.pms import Capabilities, PmsId
from pms_lab.domain.writes import AddNote, AddPreferences, PostCharge, UpdateCheckoutTime
from pms_lab.engine.pms import PMSAdapter
from pms_lab.engine.ports import Flow
from pms_lab.errors import PmsError, PmsLabError
from pms_lab.rules.dead_letters import next_try_s, stops_replay
from pms_lab.rules.settling import settling_s

LEASE_S: Final = 120.0
WORK_SHARE: Final = 0.8


@dataclass(frozen=True, slots=True)
class Failure:
    """How an attempt ended that did not settle its letter.

    Attributes:
        code: a `Why`, or ``unknown``.
        next_try_s: in how many seconds it may be tried again; None when a person has to decide.
        in_doubt_since: see `DeadLetter`.
    """

    error: str
    code: str
    next_try_s: float | None = None
    in_doubt_since: datetime | None = None


class DeadLetters(Protocol):
    """Where the dead letters of one property lie. Each call happens as a whole or not at all, and is durable.

    Every method that names a letter raises `InputError` where there is none with its id.
    """

    async def add(self, write: Queueable, error: str, code: str, *, is_in_doubt: bool = False) -> DeadLetter:
        """Put a write at the end of the queue; it is due at once.

        A write whose key has a letter already (see `find`) gets no second one: that letter is returned.

        Args:
            is_in_doubt: whether it may have been sent; it is then looked for in the PMS before it is sent.
        """

    async def find(self, write_key: str) -> DeadLetter | None:
        """Return the letter of a write's key; None where there is none.

        One that was given up counts as none, unless it was in doubt: its write may have taken effect.
        """

    async def claim(self, worker: str, lease_s: float) -> DeadLetter | None:
        """Return the earliest letter that may be tried, and keep it from other workers for `lease_s`; None without one.

        A letter may be tried when it is due and no earlier letter of its entity is open. A claim that has lapsed is
        given anew, in doubt since it lapsed: its worker may have sent the write and died.
        """

    async def resolve(self, letter_id: str, by: str, notes: str = "") -> None:
        """Note that the write has taken effect, as a worker or a person knows. What is resolved stays as it is."""

    async def fail(self, letter_id: str, worker: str, failure: Failure) -> None:
        """Put a letter back; without effect when the worker's claim has lapsed or is another's."""

    async def abandon(self, letter_id: str, reason: str, staff_id: str) -> None:
        """Give a letter up; the letters behind it may go on.

        Raises:
            InputError: it is settled, or a worker is trying it just now.
        """

    async def retry(self, letter_id: str) -> None:
        """Make a letter due now, as a person decided.

        Raises:
            InputError: it is settled, or a worker is trying it just now.
        """

    async def open_letters(self, entity: str | None = None) -> tuple[DeadLetter, ...]:
        """Return the letters that are not settled, in order; only those of an entity when one is named."""


async def replay(flow: Flow, adapter: PMSAdapter, letters: DeadLetters, worker: str, lease_s: float = LEASE_S) -> int:
    """Send the letters that may be sent, in order, and return how many are resolved by it.

    A letter in doubt is first looked for in the PMS, and sent only when it has surely not taken effect. The replay
    stops when the PMS cannot be reached, as while the breaker is open. Any number of workers may replay at once.

    Args:
        adapter: what sends at once, and does not queue.
        lease_s: how long a letter is kept from other workers. What takes longer than 4/5 of it is broken off, so that
            its end can still be noted.
    """
    resolved = 0
    while True:
        began_s = flow.monotonic_s()
        letter = await letters.claim(worker, lease_s)
        if letter is None:
            return resolved
        ended, in_doubt_since = await _try(flow, adapter, letter, began_s + lease_s * WORK_SHARE)
        if isinstance(ended, Applied):
            await letters.resolve(letter.id, worker)
            resolved += 1
            continue
        await letters.fail(letter.id, worker, _failure(adapter, letter, ended, in_doubt_since))
        if stops_replay(ended):
            return resolved


async def carry_out(adapter: PMSAdapter, write: Queueable) -> Outcome[None]:
    """Call the operation that a write is for."""
    match write:
        case AddNote():
            return await adapter.add_reservation_note(write)
        case AddPreferences():
            return await adapter.update_guest_preferences(write)
        case PostCharge():
            return await adapter.post_charge(write)
        case UpdateCheckoutTime():
            return await adapter.update_checkout_time(write)


async def _try(
    flow: Flow, adapter: PMSAdapter, letter: DeadLetter, until_s: float
) -> tuple[Outcome[PmsId | None], datetime | None]:
    """Find out or send, and return how it ended, and since when the letter is in doubt."""
    try:
        async with flow.timeout(until_s - flow.monotonic_s()):
            may_repeat = letter.operation in adapter.capabilities().repeatable
            if letter.in_doubt_since is not None and not may_repeat:
                found = await _look_for(adapter, letter.write, letter.in_doubt_since)
                if not (isinstance(found, Refused) and found.why is Why.NOT_APPLIED):
                    return found, letter.in_doubt_since
            ended = await carry_out(adapter, letter.write)
            # A refusal of the repetition tells nothing of the attempt before it.
            earlier = letter.in_doubt_since if may_repeat and isinstance(ended, Refused) else None
            return ended, flow.now() if isinstance(ended, Unknown) else earlier
    except TimeoutError:
        return Unknown("the time for one letter ran out before an answer came"), flow.now()
    except PmsError as error:
        ended = outcome_of(error)
        return ended, flow.now() if isinstance(ended, Unknown) else letter.in_doubt_since
    except PmsLabError as error:  # a letter that cannot be sent must not stop those behind it
        return Refused(Why.REJECTED, str(error)), letter.in_doubt_since


async def _look_for(adapter: PMSAdapter, write: Queueable, sent_at: datetime) -> Outcome[PmsId | None]:
    try:
        return await adapter.reconcile(write, sent_at)
    except PmsError as error:
        return outcome_of(error)


def _failure(
    adapter: PMSAdapter, letter: DeadLetter, ended: Refused | Unknown, in_doubt_since: datetime | None
) -> Failure:
    wait_s = next_try_s(ended, _settles_in_s(adapter.capabilities(), letter.operation))
    if isinstance(ended, Unknown):
        return Failure(ended.cause, "unknown", wait_s, in_doubt_since)
    return Failure(ended.message, ended.why, wait_s, in_doubt_since)


def _settles_in_s(can: Capabilities, operation: str) -> float | None:
    """Return how long until an operation in doubt may be tried again; None where nothing ever tells how it ended."""
    if operation in can.repeatable:
        return 0.0
    return settling_s(can) if operation in can.reconcilable else None

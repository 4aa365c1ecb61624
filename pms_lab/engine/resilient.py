"""An adapter that lives through an outage: reads come flagged from its cache, writes are queued and sent in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pms_lab.domain.dead_letters import DeadLetter, LetterStatus, Queueable, entity_of
from pms_lab.domain.outcome import Applied, Outcome, Refused, Unknown, Why
from pms_lab.domain.pms import Guest, PmsId, Reservation, RoomStatus
from pms_lab.domain.writes import AddNote, AddPreferences, PostCharge, UpdateCheckoutTime, Write
from pms_lab.engine.cached import DEFAULT, CachedPms, CachePolicy
from pms_lab.engine.dead_letters import LEASE_S, DeadLetters, carry_out, replay
from pms_lab.engine.passing_on import PassingOn
from pms_lab.engine.pms import PMSAdapter
from pms_lab.engine.ports import Flow
from pms_lab.engine.resilience.cache import Cached

T = TypeVar("T")
W = TypeVar("W", bound=Write)


class ResilientPms(PassingOn):
    """Another adapter, with a cache (see `CachedPms`) and a queue.

    Notes, preferences, charges and checkout times are queued while the breaker is open, and behind earlier ones of the
    same guest or reservation that still wait: they end as `Unknown` with the letter's id in `queued`. Calling again
    with the same key queues nothing twice, and returns `Applied` once the letter is resolved.

    Any other write of a guest or reservation whose letters wait is refused, so that none is overtaken. New reservations
    and rates are never queued: the adapter within refuses them while the breaker is open.

    Args:
        on_queued: told of each new letter, so that staff can be alerted at once.
    """

    def __init__(
        self,
        flow: Flow,
        inner: PMSAdapter,
        letters: DeadLetters,
        on_queued: Callable[[DeadLetter], Awaitable[None]],
        cache: CachePolicy = DEFAULT,
    ) -> None:
        self._direct = CachedPms(flow, inner, cache)
        super().__init__(self._direct)
        self._flow = flow
        self._letters = letters
        self._on_queued = on_queued

    async def read_guest(self, guest: PmsId) -> Cached[Guest | None]:
        """Return a guest with its age: see `CachedPms`."""
        return await self._direct.read_guest(guest)

    async def read_reservation(self, reservation: PmsId) -> Cached[Reservation | None]:
        """Return a reservation with its age: see `CachedPms`."""
        return await self._direct.read_reservation(reservation)

    async def read_room_status(self, room: str) -> Cached[RoomStatus | None]:
        """Return a room with its age: see `CachedPms`."""
        return await self._direct.read_room_status(room)

    async def replay(self, worker: str, lease_s: float = LEASE_S) -> int:
        """Send what waits, in order, and return how many letters are resolved by it."""
        return await replay(self._flow, self._direct, self._letters, worker, lease_s)

    async def update_guest_preferences(self, write: AddPreferences) -> Outcome[None]:
        """Add preferences to a guest, now or later."""
        return await self._send_or_queue(write)

    async def add_reservation_note(self, write: AddNote) -> Outcome[None]:
        """Add a note to a reservation, now or later."""
        return await self._send_or_queue(write)

    async def update_checkout_time(self, write: UpdateCheckoutTime) -> Outcome[None]:
        """Set when the guest is expected to leave, now or later."""
        return await self._send_or_queue(write)

    async def post_charge(self, write: PostCharge) -> Outcome[None]:
        """Post a charge to a reservation's folio, now or later."""
        return await self._send_or_queue(write)

    async def _send_or_queue(self, write: Queueable) -> Outcome[None]:
        letter = await self._letters.find(write.key)
        if letter is not None and letter.write != write:
            return Refused(Why.REJECTED, f"key {write.key} is that of another write: give each write its own")
        if letter is not None and letter.status is LetterStatus.RESOLVED:
            return Applied(None)
        if letter is not None and letter.status is LetterStatus.ABANDONED:
            return Unknown("it was given up while in doubt: look in the PMS, and use a new key to send it again")
        if letter is not None:
            return Unknown("it waits to be sent", letter.id)
        if await self._letters.open_letters(entity_of(write)):
            return await self._queue(write, f"earlier writes of {entity_of(write)} wait to be sent", Why.NOT_SENT)
        ended = await carry_out(self._direct, write)
        if isinstance(ended, Refused) and ended.why is Why.BREAKER_OPEN:
            return await self._queue(write, ended.message, ended.why)
        return ended

    async def _queue(self, write: Queueable, error: str, why: Why) -> Unknown:
        letter = await self._letters.add(write, error, why)
        await self._on_queued(letter)
        return Unknown(error, letter.id)

    async def _write(self, write: W, send: Callable[[W], Awaitable[Outcome[T]]]) -> Outcome[T]:
        entity = entity_of(write)
        if entity is not None and await self._letters.open_letters(entity):
            message = f"earlier writes of {entity} wait to be sent: replay or abandon them first"
            return Refused(Why.NOT_SENT, message)
        return await send(write)

"""An adapter that keeps what it has read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from pms_lab.domain.dead_letters import entity_of
from pms_lab.domain.outcome import Outcome, Refused, Unknown
from pms_lab.domain.pms import Guest, PmsId, Reservation, RoomStatus
from pms_lab.domain.writes import CreateReservation, SetStatus, Write
from pms_lab.engine.passing_on import PassingOn
from pms_lab.engine.pms import PMSAdapter
from pms_lab.engine.ports import Flow
from pms_lab.engine.resilience.cache import Cached, TtlCache

T = TypeVar("T")
W = TypeVar("W", bound=Write)

ROOMS: Final = "rooms"


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """How long what was read stays fresh, by kind, and how many of each kind are held."""

    guest_s: float = 3600.0
    reservation_s: float = 300.0
    room_s: float = 60.0
    size: int = 10_000


DEFAULT: Final = CachePolicy()


class CachedPms(PassingOn):
    """Another adapter, whose guests, reservations and room statuses are kept for a while; every other read passes on.

    Each of the three can be read in two ways. `get_guest` and its like are the port's: what they return is fresh, or
    they raise. `read_guest` and its like return a `Cached` with its age; when the PMS does not answer, as while the
    breaker is open, it holds what was read last, flagged as stale where it is.

    A write forgets what is kept of its guest or reservation. Nothing is kept of them again until the vendor's reads
    have caught up: for the read lag after an applied write, and for the in-flight bound besides after an unknown one.
    """

    def __init__(self, flow: Flow, inner: PMSAdapter, policy: CachePolicy = DEFAULT) -> None:
        super().__init__(inner)
        self._guests: TtlCache[Guest] = TtlCache(flow, policy.guest_s, _about_guest, policy.size)
        self._reservations: TtlCache[Reservation] = TtlCache(
            flow, policy.reservation_s, _about_reservation, policy.size
        )
        self._rooms: TtlCache[RoomStatus] = TtlCache(flow, policy.room_s, lambda room: (ROOMS,), policy.size)

    async def get_guest(self, guest: PmsId) -> Guest | None:
        """Return a guest, as fresh as the policy says."""
        return (await self._guests.fresh(guest, lambda: self._inner.get_guest(guest))).value

    async def read_guest(self, guest: PmsId) -> Cached[Guest | None]:
        """Return a guest with its age, also a stale one when the PMS does not answer.

        Raises:
            PmsError: it does not answer, and nothing is kept.
        """
        return await self._guests.fresh_or_stale(guest, lambda: self._inner.get_guest(guest))

    async def get_reservation(self, reservation: PmsId) -> Reservation | None:
        """Return a reservation, as fresh as the policy says."""
        return (await self._reservations.fresh(reservation, lambda: self._inner.get_reservation(reservation))).value

    async def read_reservation(self, reservation: PmsId) -> Cached[Reservation | None]:
        """Return a reservation with its age: see `read_guest`."""
        return await self._reservations.fresh_or_stale(reservation, lambda: self._inner.get_reservation(reservation))

    async def get_room_status(self, room: str) -> RoomStatus | None:
        """Return a room, as fresh as the policy says."""
        return (await self._rooms.fresh(room, lambda: self._inner.get_room_status(room))).value

    async def read_room_status(self, room: str) -> Cached[RoomStatus | None]:
        """Return a room with its age: see `read_guest`."""
        return await self._rooms.fresh_or_stale(room, lambda: self._inner.get_room_status(room))

    async def _write(self, write: W, send: Callable[[W], Awaitable[Outcome[T]]]) -> Outcome[T]:
        ended: Outcome[T] = Unknown("broken off")
        try:
            ended = await send(write)
        finally:
            self._forget(write, ended)
        return ended

    def _forget(self, write: Write, ended: Outcome[T]) -> None:
        if isinstance(ended, Refused):
            return
        can = self.capabilities()
        distrust_s = can.read_lag_s + (can.in_flight_s if isinstance(ended, Unknown) else 0.0)
        entity = entity_of(write)
        self._guests.invalidate(entity, distrust_s)
        self._reservations.invalidate(entity, distrust_s)
        if isinstance(write, CreateReservation):
            self._guests.clear(distrust_s)  # a PMS may take the booker for a known guest, and rename that one
        if isinstance(write, SetStatus):
            self._rooms.invalidate(ROOMS, distrust_s)


def _about_guest(guest: Guest) -> tuple[str, ...]:
    return (f"guest/{guest.id}",)


def _about_reservation(reservation: Reservation) -> tuple[str, ...]:
    return (f"reservation/{reservation.id}", f"guest/{reservation.guest}")

"""A PMS that does what the test says: it keeps what it was asked to write, and fails as it is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from pms_lab.domain.outcome import Applied, Outcome, Refused, Unknown, Why
from pms_lab.domain.pms import Capabilities, Guest, PmsId, Reservation, ReservationStatus, RoomStatus
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import Write
from pms_lab.engine.ports import Flow
from pms_lab.errors import BreakerOpen

T = TypeVar("T")

IN_FLIGHT_S = 20.0
READ_LAG_S = 5.0
CAN = Capabilities(
    vendor="opera",
    unsupported={},
    repeatable=frozenset({"update_checkout_time"}),
    reconcilable=frozenset({"add_reservation_note", "post_charge"}),
    conditional_write=False,
    atomic_create=False,
    atomic_rates=False,
    rate_batch=10,
    rate_limits=(),
    read_lag_s=READ_LAG_S,
    in_flight_s=IN_FLIGHT_S,
    shows_deletions=True,
    webhooks=False,
)
BREAKER = Refused(Why.BREAKER_OPEN, "breaker open", retry_after_s=30)
DONE: Outcome[None] = Applied(None)


class FakePms:
    """The part of `PMSAdapter` that the tests use.

    Attributes:
        sent: the keys of the writes that came, in order; `applied` of those that took effect.
        ends: how the next writes end, by key and in order; those not listed are applied.
        landing: keys of writes that end otherwise but take effect.
        is_down: the breaker in front is open.
    """

    def __init__(self, flow: Flow, takes_s: float = 1.0) -> None:
        self._flow = flow
        self._takes_s = takes_s
        self.sent: list[str] = []
        self.applied: list[str] = []
        self.looked_for: list[str] = []
        self.ends: dict[str, list[Outcome[Any]]] = {}
        self.landing: set[str] = set()
        self.is_down = False
        self.reads = 0
        self.version = 1

    def capabilities(self) -> Capabilities:
        return CAN

    async def _write(self, write: Write) -> Outcome[Any]:
        if self.is_down:
            return BREAKER
        self.sent.append(write.key)
        end = self.ends.get(write.key, [])
        outcome = end.pop(0) if end else DONE
        if isinstance(outcome, Applied) or write.key in self.landing:
            self.applied.append(write.key)
            self.version += 1
        await self._flow.sleep(self._takes_s)
        return outcome

    update_guest = update_guest_preferences = add_reservation_note = set_special_requests = _write
    set_reservation_status = update_checkout_time = create_reservation = modify_dates = _write
    cancel_reservation = post_charge = set_availability = update_rates = _write

    async def reconcile(self, write: Write, sent_at: datetime) -> Outcome[Any]:
        if self.is_down:
            raise BreakerOpen("breaker open", retry_after_s=30)
        self.looked_for.append(write.key)
        if write.key in self.applied:
            return DONE
        if self._flow.now() - sent_at < timedelta(seconds=IN_FLIGHT_S + READ_LAG_S):
            return Unknown("it may still come")
        return Refused(Why.NOT_APPLIED, "not there")

    async def _read(self, make: Callable[[], T]) -> T:
        if self.is_down:
            raise BreakerOpen("breaker open", retry_after_s=30)
        self.reads += 1
        found = make()
        await self._flow.sleep(self._takes_s)
        return found

    async def get_guest(self, guest: PmsId) -> Guest | None:
        return await self._read(lambda: Guest(guest, "Ada", f"v{self.version}"))

    async def get_reservation(self, reservation: PmsId) -> Reservation | None:
        stay = StayDates(date(2026, 3, 1), date(2026, 3, 2))
        return await self._read(
            lambda: Reservation(
                reservation, "c", ReservationStatus.CONFIRMED, stay, "DLX", PmsId("opera", "9"), f"v{self.version}"
            )
        )

    async def get_room_status(self, room: str) -> RoomStatus | None:
        return await self._read(lambda: RoomStatus(PmsId("opera", room), room, f"v{self.version}", None))

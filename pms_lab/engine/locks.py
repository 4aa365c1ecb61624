"""One push per location: the port to the locks, and the lease that a holder keeps."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import Final, Protocol

from pms_lab.engine.ledger import Fence
from pms_lab.engine.ports import Flow
from pms_lab.errors import LockLost, StoreError

LOG: Final = logging.getLogger(__name__)

RENEWED_SHARE: Final = 1 / 3
"""Of a lock's time, what may go by before it is renewed."""

SURE_SHARE: Final = 1 / 2
"""Of a lock's time, what is left whenever `Lease.hold` returns."""

WATCHED_SHARE: Final = 1 / 12
"""Of a lock's time, what goes by at most while nobody looks at it."""

LOST: Final = (-inf, -inf)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock, and for how long yet without a further sign."""

    owner: str
    token: int
    remaining_s: float


class Locks(Protocol):
    """The locks of all locations, shared by all processes. Their clock is the store's own.

    Every method raises `StoreError` when the store does not answer.
    """

    async def acquire(self, location: str, owner: str, ttl_s: float) -> int | None:
        """Take the lock if nobody holds it, and return its token, higher than all before; None where somebody does.

        Args:
            owner: a name that no other holder has, not even another one in this process. Whoever holds the lock is
                somebody too: it is not taken twice.
        """

    async def renew(self, location: str, owner: str, token: int, ttl_s: float) -> bool:
        """Keep the lock for `ttl_s` from now; whether it was still the owner's.

        A lock that has lapsed is nobody's, even if nobody has taken it since: another may have, and given it back.
        """

    async def release(self, location: str, owner: str, token: int) -> None:
        """Give the lock back, so that it can be taken at once; without effect when it is no longer the owner's."""

    async def holder(self, location: str) -> Holder | None:
        """Return who holds the lock; None where nobody does."""


class Lease:
    """The lock of one location in one holder's hands.

    Time is measured from before a call to the locks, so that the holder thinks the lock lapses before it does. Of both
    clocks the one counts that went further: the monotonic one may stand still while its machine is suspended, and the
    wall clock may be set back. Clocks at more than half speed do for `hold` never to take a lapsed lock for ours.
    """

    def __init__(
        self, flow: Flow, locks: Locks, fence: Fence, owner: str, ttl_s: float, asked: tuple[float, float]
    ) -> None:
        self.fence = fence
        self._flow = flow
        self._locks = locks
        self._owner = owner
        self._ttl_s = ttl_s
        self._asked = asked

    @classmethod
    async def take(cls, flow: Flow, locks: Locks, location: str, owner: str, ttl_s: float) -> Lease | None:
        """Take the lock, or return None when somebody holds it.

        Raises:
            StoreError: the store does not answer. It may have taken the lock: where it cannot be asked to give it back,
                that lapses by itself.
        """
        asked, is_heard = _clocks_s(flow), False
        try:
            token = await locks.acquire(location, owner, ttl_s)
            is_heard = True
        finally:
            if not is_heard:
                await _forgo(locks, location, owner)
        return None if token is None else cls(flow, locks, Fence(location, token), owner, ttl_s, asked)

    @property
    def remaining_s(self) -> float:
        """How long the lock is surely ours without a further sign; less than 0 once it may not be."""
        (monotonic_s, wall_s), (asked_monotonic_s, asked_wall_s) = _clocks_s(self._flow), self._asked
        return self._ttl_s - max(monotonic_s - asked_monotonic_s, wall_s - asked_wall_s)

    async def hold(self) -> None:
        """Make sure that the lock is ours, for half of its time at least. It is renewed once a third has gone.

        A store that does not answer is borne until half of the time has gone.

        Raises:
            LockLost: it is not ours, or the renewal took so long that it may not be.
            StoreError: the store has not answered for too long.
        """
        if self.remaining_s > self._ttl_s * (1 - RENEWED_SHARE):
            return
        asked = _clocks_s(self._flow)
        try:
            is_ours = await self._locks.renew(self.fence.location, self._owner, self.fence.token, self._ttl_s)
        except StoreError:
            if self.remaining_s <= self._ttl_s * SURE_SHARE:
                raise
            return
        self._asked = asked if is_ours else LOST
        if self.remaining_s <= self._ttl_s * SURE_SHARE:
            how = "took too long to renew" if is_ours else "is another's now, or has lapsed"
            raise LockLost(f"the lock on {self.fence.location} {how}: nothing more is sent under it")

    async def rest(self, wait_s: float) -> None:
        """Wait, and keep the lock meanwhile.

        Raises:
            LockLost, StoreError: as `hold` does; at once, not at the end of the wait.
        """
        until_s = self._flow.monotonic_s() + wait_s
        while (left_s := until_s - self._flow.monotonic_s()) > 0:
            await self._flow.sleep(min(left_s, self._ttl_s * WATCHED_SHARE))
            await self.hold()

    async def give_back(self) -> None:
        """Let others have the lock; where the store does not answer, it lapses by itself."""
        self._asked = LOST
        try:
            await self._locks.release(self.fence.location, self._owner, self.fence.token)
        except StoreError as error:
            LOG.warning("the lock on %s was not given back, and lapses by itself: %s", self.fence.location, error)


async def _forgo(locks: Locks, location: str, owner: str) -> None:
    """Give back a lock that may have been taken without the taker hearing of it, as when it was cancelled."""
    with suppress(StoreError):
        held = await locks.holder(location)
        if held is not None and held.owner == owner:
            await locks.release(location, owner, held.token)


def _clocks_s(flow: Flow) -> tuple[float, float]:
    return flow.monotonic_s(), flow.now().timestamp()

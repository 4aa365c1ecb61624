"""One push under way, under its lock: what it has read, sent and not heard of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Applied, Outcome, Refused, Unknown, Why
from pms_lab.domain.push import Alert, Change, Push, PushState, Transition
from pms_lab.domain.rates import RateCell, RateSheet
from pms_lab.domain.writes import ClearRates, UpdateRates
from pms_lab.engine.locks import Lease
from pms_lab.engine.pushing.ports import PushPorts
from pms_lab.engine.pushing.survey import read_cells
from pms_lab.errors import PmsError
from pms_lab.rules.comparing import Held, Stand, stand_of, was_new

CALL_SHARE: Final = 0.8
"""Of the time for which the lock is surely ours, what one write may take."""

RETRYABLE: Final = (Why.NOT_SENT, Why.BREAKER_OPEN, Why.THROTTLED)
"""Refusals of which another attempt may fare better; nothing was written."""

LONGEST_WAIT_S: Final = 600.0
"""A PMS that asks to wait longer is not waited for."""

SILENT: Final = Unknown("the PMS's answer does not tell of this cell")


class Run:
    """One push under way.

    Attributes:
        pins: whether the vendor cannot take a rate away, so that a cell that inherited keeps a rate of its own.
        state: where the push stands, as far as it is recorded.
        needed: the changes that have to be written.
        sent: the cells that a write of ours may have reached.
        taken_back: the cells that held our new amount when they were restored.
        exposed_s: the longest time in which somebody's edit could have been lost; 0 before anything was sent.
        has_doubts: whether a write went unanswered.
    """

    def __init__(self, ports: PushPorts, lease: Lease, push: Push) -> None:
        self.ports = ports
        self.lease = lease
        self.push = push
        self.can = ports.pms.capabilities()
        self.pins = "clear_rates" in self.can.unsupported
        self.state = push.state
        self.needed = [change for change in push.changes if not was_new(change)]
        self.sent: set[RateCell] = set()
        self.taken_back: set[RateCell] = set()
        self.exposed_s = 0.0
        self.has_doubts = False
        self._settled_at_s = 0.0
        self._read_at_s = 0.0

    @property
    def exposure_s(self) -> float | None:
        """What the outcome says of exposure; None where nothing was sent."""
        return self.exposed_s if self.sent else None

    def parts(self, changes: Sequence[Change]) -> list[Sequence[Change]]:
        """Cut changes into parts that are compared and sent at a time."""
        size = max(self.can.rate_batch, self.ports.policy.part_cells)
        return [changes[start : start + size] for start in range(0, len(changes), size)]

    async def read(self, changes: Iterable[Change]) -> Held:
        """Return what the PMS holds for cells now.

        The lock is renewed before, where that is due, so that nothing comes between a comparison and its write.

        Raises:
            PmsError: it cannot be read.
            StoreError: the lock is lost.
        """
        await self.lease.hold()
        self._read_at_s = self.ports.flow.monotonic_s()
        return await read_cells(self.ports, [change.cell for change in changes])

    async def read_surely(self, changes: Collection[Change]) -> Held:
        """Read, with the waits of the policy between the attempts, or those that the PMS asks for.

        Raises:
            PmsError: no attempt succeeded, or the PMS asks to wait for too long.
        """
        for wait_s in self.ports.policy.waits_s:
            try:
                return await self.read(changes)
            except PmsError as error:
                asked_s = error.retry_after_s or 0.0
                if asked_s > LONGEST_WAIT_S:
                    raise
            await self.lease.rest(max(wait_s, asked_s))
        return await self.read(changes)

    async def write(self, changes: Sequence[Change]) -> Refused | Unknown | None:
        """Write the new amounts, which the cells were just compared for, and return what went wrong."""
        self.sent.update(change.cell for change in changes)
        return await self._send(self._update({change.cell: change.new for change in changes}))

    def is_cleared(self, change: Change) -> bool:
        """Whether a change is taken back by taking the cell's own rate away: it had none, and the vendor can."""
        return change.old is None or not (self.pins or change.old.is_own)

    async def restore(self, changes: Sequence[Change]) -> Refused | Unknown | None:
        """Take changes back, which the cells were just compared for, and return what went wrong.

        Where the vendor cannot take rates away, an inherited amount is written, and a first rate stays.

        Args:
            changes: all of them to be cleared, or none.
        """
        amounts = {one.cell: one.old.amount for one in changes if one.old and not self.is_cleared(one)}
        if amounts:
            return await self._send(self._update(amounts))
        if self.pins:
            return Refused(Why.REJECTED, self.can.unsupported["clear_rates"])
        return await self._send(ClearRates(self.push.id, tuple(change.cell for change in changes)))

    def ours(self, held: Held) -> list[Change]:
        """Return the changes whose cell holds our new amount, and may have it from us."""
        return [one for one in self.needed if one.cell in self.sent and self.stand(one, held) is Stand.NEW]

    def stand(self, change: Change, held: Held) -> Stand:
        """Tell whose amount a cell holds."""
        return stand_of(change, held.get(change.cell), pins=self.pins)

    async def let_settle(self) -> None:
        """Wait until a read tells the truth: the vendor's lag, and after an unanswered write what it may still do."""
        left_s = self._settled_at_s - self.ports.flow.monotonic_s() if self.has_doubts else 0.0
        await self.lease.rest(max(left_s, self.can.read_lag_s))

    def doubt(self) -> None:
        """Note that until now a write of ours may have gone unanswered."""
        self.has_doubts = True
        self._settled_at_s = self.ports.flow.monotonic_s() + self.can.in_flight_s + self.can.read_lag_s

    async def record(
        self, state: PushState, why: str, held: Held | None = None, alerts: Collection[Alert] = ()
    ) -> None:
        """Record a step in the ledger.

        Raises:
            StoreError: it was not recorded, or the lock is lost.
        """
        exposed_s = self.exposure_s if state.is_final else None
        step = Transition(state, self.ports.flow.now(), self.ports.by, why, exposed_s)
        await self.ports.ledger.record(self.push.id, step, self.lease.fence, held, alerts)
        self.state = state

    async def _send(self, write: UpdateRates | ClearRates) -> Refused | Unknown | None:
        """Send a write while the lock is ours, and return the worst of what it tells."""
        flow, compared_at_s = self.ports.flow, self._read_at_s
        await self.lease.hold()
        told: Mapping[RateCell, Outcome[None]] = {}
        try:
            async with flow.timeout(self.lease.remaining_s * CALL_SHARE):
                told = await self._call(write)
        except TimeoutError:
            told = {}
        cells = write.cells if isinstance(write, ClearRates) else write.sheet
        worst = max((told.get(cell, SILENT) for cell in cells), key=_gravity)
        if isinstance(worst, Unknown):
            self.doubt()
        late_s = self.can.in_flight_s if self.has_doubts else 0.0
        self.exposed_s = max(self.exposed_s, flow.monotonic_s() - compared_at_s + self.can.read_lag_s + late_s)
        return None if isinstance(worst, Applied) else worst

    async def _call(self, write: UpdateRates | ClearRates) -> Mapping[RateCell, Outcome[None]]:
        if isinstance(write, ClearRates):
            return await self.ports.pms.clear_rates(write)
        return await self.ports.pms.update_rates(write)

    def _update(self, amounts: Mapping[RateCell, Decimal]) -> UpdateRates:
        currency = self.push.currency
        rates = {cell: Money(amount, currency) for cell, amount in amounts.items()}
        return UpdateRates(self.push.id, RateSheet(rates, self.push.tax_basis))


def _gravity(outcome: Outcome[None]) -> int:
    """Order outcomes: what is not known weighs most, and then what is refused for good."""
    match outcome:
        case Applied():
            return 0
        case Refused(why=why):
            return 1 if why in RETRYABLE else 2
        case Unknown():
            return 3

"""A push as a design document writes it, line by line: the cautionary example. Never point it at a real PMS.

The document is "PMS INTEGRATION HARDENING - Atomic Transactions & Safety". Its phases (Section 1), its five checks
(Section 2), its treatment of rejections (Section 4) and the order of both (Section 5) are here with their defects. Each
is numbered where it stands (DEFECT 1 to 14), with the reason why it is one; `pms_lab.engine.push` is how it is done
without them, and `tests/engine/test_as_documented.py` shows both in the same trouble.

Where the document contradicts itself, the product's own reading is taken:

- Both caps hold, each in its section: 15 % (1) and 20 % (2). A rate at the floor is allowed (9).
- RATE_OUT_OF_RANGE is held for a person (Section 4), not rolled back (Section 1) (13).
- There are two waits between three attempts, of 5 and 25 s; the third, of 125 s, is only in the text (14).
- Checks that say no end a push without a row in the log (Section 5): it is told as REJECTED, without an id. What
  Section 1 itself finds wrong is rolled back. Only a failed rollback is alerted (Section 1), not every failure
  (Section 5).
- The checks come at once before the push (Section 5); `lead_s` is for the "5 minutes before" of Section 2.
- The retry handler and the detection of partial writes (Section 4) are called by nobody, so they are not here; the
  second asks for IN_PROGRESS rows, which nobody writes.

What the ports force:

- Typed outcomes become the document's exceptions. `Unknown` is its timeout: so a 5xx and a broken connection are
  repeated here, which is kinder than the document. 429 and a refused connection are its other errors.
- An answer that applies some cells, and was not sent or was throttled for others, is its "status other than OK".
- Sheets hold Decimals that are finite, so no NaN comes in; the guards are written so that one would pass (8).
- No inventory snapshot stands behind the ports: the availability is read, and its time is that of the reading.
- The agents' consensus is not behind them either: the sheet itself, a moment earlier, stands for it (10).
- A rate is for a night too: "location_id, rates_dict" is a sheet of cells.
- `alert_ops` tells the product's ledger, where alerts are counted; a store that fails loses it. Nothing else of the
  ledger and nothing of the locks is used.
- A bare ``except:`` is an ``except Exception:``, since a driver stops coroutines by exceptions of its own.
- A log that fails while a failure is logged lets its error out, as it would there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Refused, Unknown, Why
from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.push import (
    Alert,
    AlertKind,
    Change,
    Check,
    Push,
    PushOrder,
    PushOutcome,
    PushState,
    Severity,
    Transition,
)
from pms_lab.domain.rates import RateCell, RateSheet
from pms_lab.domain.writes import UpdateRates
from pms_lab.engine.pushing.ports import PushPorts
from pms_lab.engine.pushing.survey import nights_of, read_cells
from pms_lab.engine.strategies.rate_log import TEST, RateLog, Row
from pms_lab.errors import PmsError, StoreError
from pms_lab.rules.comparing import outcomes_by_state
from pms_lab.rules.preflight import ALONE, FRESH, REACHABLE, SANE, WRITABLE

ATTEMPTS: Final = 3
HEALTH_S: Final = 5.0
PUSH_CAP: Final = 1.15
SPIKE: Final = 0.20
TOLERANCE: Final = 0.01


class PmsConnectionError(Exception):
    """PMS_CONNECTION_ERROR."""


class RateValidationError(Exception):
    """RATE_VALIDATION_ERROR."""


class VerificationError(Exception):
    """VERIFICATION_ERROR."""


class PmsApiError(Exception):
    """PMS_API_ERROR."""


class PmsApiTimeout(Exception):
    """PMS_API_TIMEOUT."""


class PmsValidationError(Exception):
    """PMS_VALIDATION_ERROR, with the reason of which the document makes an error code."""

    def __init__(self, refusal: Refused) -> None:
        super().__init__(f"PMS rejected rates: {refusal.message}")
        self.why = refusal.why


class AsDocumented:
    """The strategy: see the module."""

    name = "as_documented"

    def __init__(self, log: RateLog, *, lead_s: float = 0.0) -> None:
        """Keep a log.

        Args:
            lead_s: how long before the push the checks are made.
        """
        self._log = log
        self._lead_s = lead_s

    async def push(self, ports: PushPorts, order: PushOrder) -> PushOutcome:
        """Push a sheet of rates, and return what the log claims of it.

        Raises:
            StoreError: the log failed while a failure was to be logged.
        """
        known_as, now = ports.chance.new_id(), ports.flow.now()
        return await _Transaction(ports, self._log, order, known_as, now, self._lead_s).run()

    async def recover(self, ports: PushPorts) -> tuple[PushOutcome, ...]:
        """Do nothing: the document knows no recovery, and a crash has left nothing to recover from (DEFECT 6)."""
        return ()


def claimed(order: PushOrder, outcome: PushOutcome, at: datetime) -> Push:
    """Return what an outcome claims as a push with its only transition, for checks that are written for the ledger."""
    changes = tuple(one.change for one in outcome.cells)
    end = Transition(outcome.state, at, order.asked_by, outcome.why)
    return Push(
        id=outcome.push_id or "",
        location=outcome.location,
        currency=order.sheet.currency,
        tax_basis=order.sheet.tax_basis,
        asked_by=order.asked_by,
        asked_at=at,
        read_at=None,
        origin=order.origin,
        changes=changes,
        checks=outcome.checks,
        transitions=(end,),
    )


@dataclass(slots=True)
class _Transaction:
    """One push; `previous` is what the log had published before it."""

    ports: PushPorts
    log: RateLog
    order: PushOrder
    id: str
    began: datetime
    lead_s: float
    previous: Mapping[RateCell, Decimal] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)

    async def run(self) -> PushOutcome:
        """Do it all, in the order of Section 5, with the phases of Section 1."""
        # DEFECT 6: nothing is recorded before the write, so a crash from here on leaves no trace to recover from.
        # DEFECT 11: no lock is taken.
        try:
            if not await self._checks_pass():
                return self._told(PushState.REJECTED, self.checks[-1].detail)
            # DEFECT 10: what was checked is not what is written: it is older, and nobody looks again.
            await self.ports.flow.sleep(self.lead_s)
            await self._validate()
            if self.order.dry_run:
                return await self._logged(PushState.PROPOSED_DRY_RUN, self._sheet)
            try:
                await self._write()
            except PmsValidationError as error:
                if error.why is Why.OUT_OF_RANGE:
                    return await self._hold(error)
                if error.why is Why.NOT_FOUND:
                    await self._alert(AlertKind.LOCATION_NOT_FOUND, "PMS location misconfiguration", "check it")
                raise
            await self._verify()
            # DEFECT 7: within the `try`, so that a log which fails now takes back a push that went well.
            return await self._logged(PushState.PUBLISHED, self._sheet, await self._previous_rates())
        except Exception as error:
            # DEFECT 1: whatever failed, also before anything was written, also in a dry run, the PMS is written to.
            return await self._roll_back(error)

    # Section 2: five checks, of which the first that fails is the last that is made.

    async def _checks_pass(self) -> bool:
        return (
            await self._is_reachable()
            and await self._is_sane()
            and await self._is_fresh()
            and await self._is_writable()
            and await self._is_alone()
        )

    async def _is_reachable(self) -> bool:
        try:
            async with self.ports.flow.timeout(HEALTH_S):
                health = await self.ports.pms.health_check()
            is_up, seen = health.is_up, health.detail
        except TimeoutError:
            is_up, seen = False, f"no answer within {HEALTH_S:g} s"
        if not is_up:
            await self._alert(AlertKind.PMS_DOWN, "PMS down; aborting rate push", "look at the PMS")
        return self._checked(REACHABLE, is_up, seen)

    async def _is_sane(self) -> bool:
        # DEFECT 10: in the document this is the agents' consensus of now, whatever sheet is to be pushed.
        self.previous = await self._previous_rates()
        for cell, new in self._rates.items():
            # DEFECT 9: a new class has no previous rate (KeyError), or one of 0 (ZeroDivisionError): either rolls back
            # what was never written. A fall by any share is sane. And the rate before is the log's, not the PMS's.
            before = float(self.previous[cell])
            if new / before - 1 > SPIKE:
                what = f"{cell.product} {before}→{new}"
                await self._alert(AlertKind.SPIKE, f"Rate spike detected: {what}", "Manual review required")
                return self._checked(SANE, False, f"spike {what} above {SPIKE:.0%}")
            if new < self._floor(cell):
                return self._checked(SANE, False, f"{cell.product}: {new} below its margin floor")
        return self._checked(SANE, True, "Rates pass sanity checks")

    async def _is_fresh(self) -> bool:
        nights = nights_of(self._sheet)
        try:
            if nights is not None:
                await self.ports.pms.get_availability(nights, sorted({cell.product for cell in self._sheet}))
        except PmsError as error:
            return self._checked(FRESH, False, str(error))
        return self._checked(FRESH, True, "Inventory is fresh")

    async def _is_writable(self) -> bool:
        try:
            # DEFECT 11: the row stays in the history for ever.
            await self.log.add(Row(None, self.ports.place.code, TEST, self.ports.flow.now()))
        except StoreError as error:
            return self._checked(WRITABLE, False, str(error))
        return self._checked(WRITABLE, True, "Database is writeable")

    async def _is_alone(self) -> bool:
        # DEFECT 11: check, then act: two that ask at the same time are both told that they are alone.
        # DEFECT 6: nobody ever writes IN_PROGRESS, so everybody is told so.
        is_active = await self.log.is_push_in_progress(self.ports.place.code)
        return self._checked(ALONE, not is_active, "Previous push in progress" if is_active else "No active push")

    # Section 1: the phases.

    async def _validate(self) -> None:
        """Phase 1."""
        if not (await self.ports.pms.health_check()).is_up:
            raise PmsConnectionError("PMS API unreachable")
        previous = await self._previous_rates()
        for cell, new in self._rates.items():
            # DEFECT 8: a NaN is neither above nor below anything, and passes.
            if new < self._floor(cell) or new > float(previous[cell]) * PUSH_CAP:
                raise RateValidationError(f"{cell.product}: {new} violates constraints")

    async def _write(self) -> None:
        """Phase 3."""
        for attempt in range(ATTEMPTS):
            try:
                # DEFECT 4: 429s and refused connections are no timeouts: they are not repeated, but rolled back.
                if await self._update(self._sheet, self.id):
                    return
            except PmsApiTimeout:
                if attempt == ATTEMPTS - 1:
                    raise PmsApiError(f"PMS timeout after {ATTEMPTS} retries") from None
                # DEFECT 5: the write may have landed, or may still land, and somebody may have changed the rate since.
                # It is sent again without a look, and at the end rolled back while it is still on its way.
                # DEFECT 14: 5 and 25 s; the 125 s of the text never come.
                await self.ports.flow.sleep(5 ** (attempt + 1))
            # DEFECT 4: a status that is not OK comes here too: again at once, and after three times on to phase 4.

    async def _verify(self) -> None:
        """Phase 4."""
        # DEFECT 12: at once, from whichever replica answers: one that lags shows the old rate, and a good push "fails".
        current = await read_cells(self.ports, self._sheet)
        for cell, expected in self._rates.items():
            actual = float(current[cell].amount) if cell in current else None
            # DEFECT 8: a missing class is a TypeError. In floats one cent is 0.00999… or 0.01000…, as it happens.
            if abs(actual - expected) > TOLERANCE:  # type: ignore[operator]
                raise VerificationError(f"{cell.product}: expected {expected}, got {actual}")

    async def _hold(self, error: PmsValidationError) -> PushOutcome:
        """Section 4, RATE_OUT_OF_RANGE: hold for manual review; don't roll back."""
        # DEFECT 13: Section 1 rolls it back. Held without a look, the classes that were not out of range stay new.
        what = "PMS rejected rates (out of range)"
        await self._alert(AlertKind.MANUAL_REVIEW, what, "Manual override needed")
        return await self._logged(PushState.PENDING_MANUAL_REVIEW, error=str(error))

    async def _roll_back(self, error: Exception) -> PushOutcome:
        try:
            # DEFECT 2: what our log published last, of every class: not what the PMS held, not what this push wrote.
            rates = {cell: Money(rate, self._sheet.currency) for cell, rate in (await self._previous_rates()).items()}
            # DEFECT 3: sent once, and not read back.
            await self._update(RateSheet(rates, self._sheet.tax_basis), f"{self.id} rollback")
        except Exception:
            await self._alert(AlertKind.ROLLBACK_FAILED, "PMS rate push FAILED", "Manual intervention required")
        # DEFECT 3: here after a failed rollback too.
        return await self._logged(PushState.ROLLED_BACK, error=str(error))

    async def _update(self, sheet: RateSheet, key: str) -> bool:
        """Write rates; whether the status is OK.

        Raises:
            PmsApiTimeout, PmsValidationError, PmsApiError: as the document's API does.
        """
        outcomes = (await self.ports.pms.update_rates(UpdateRates(key, sheet))).values()
        refused = [one for one in outcomes if isinstance(one, Refused)]
        for outcome in outcomes:
            if isinstance(outcome, Unknown):
                raise PmsApiTimeout(outcome.cause)
        for refusal in refused:
            if refusal.why in (Why.REJECTED, Why.NOT_FOUND, Why.OUT_OF_RANGE):
                raise PmsValidationError(refusal)
        if refused and len(refused) == len(outcomes):
            raise PmsApiError(refused[0].message)
        return not refused

    async def _alert(self, kind: AlertKind, message: str, next_step: str) -> None:
        place, now = self.ports.place.code, self.ports.flow.now()
        alert = Alert(kind, Severity.HIGH, place, self.id, f"{message}. txn_id={self.id}", next_step, now, self.id)
        self.alerts.append(alert)
        try:
            await self.ports.ledger.tell(alert)
        except StoreError:
            return

    async def _logged(
        self,
        state: PushState,
        sheet: Mapping[RateCell, Money] | None = None,
        previous: Mapping[RateCell, Decimal] | None = None,
        error: str = "",
    ) -> PushOutcome:
        rates = {cell: rate.amount for cell, rate in (sheet or {}).items()}
        await self.log.add(Row(self.id, self.ports.place.code, state, self.began, rates, previous or {}, error))
        return self._told(state, error or f"logged as {state}", self.id)

    def _told(self, state: PushState, why: str, push_id: str | None = None) -> PushOutcome:
        cells = outcomes_by_state(self._changes(), state)
        checks, alerts = tuple(self.checks), tuple(self.alerts)
        return PushOutcome(push_id, self.ports.place.code, state, why, checks, cells, None, alerts)

    def _changes(self) -> tuple[Change, ...]:
        before = {cell: NightlyRate(rate) for cell, rate in self.previous.items()}
        return tuple(Change(cell, before.get(cell), rate.amount) for cell, rate in self._sheet.items())

    def _checked(self, name: str, passed: bool, detail: str) -> bool:
        self.checks.append(Check(name, passed, detail))
        return passed

    async def _previous_rates(self) -> Mapping[RateCell, Decimal]:
        return await self.log.previous_rates(self.ports.place.code)

    def _floor(self, cell: RateCell) -> float:
        return float(self.ports.place.products[cell.product].floor or 0)

    @property
    def _sheet(self) -> RateSheet:
        return self.order.sheet

    @property
    def _rates(self) -> dict[RateCell, float]:
        # DEFECT 8: money in floats.
        return {cell: float(rate.amount) for cell, rate in self._sheet.items()}

"""A circuit breaker: a PMS that keeps failing is left alone, and then asked once before it is used again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias, TypeVar

from pms_lab.engine.ports import Flow
from pms_lab.errors import BreakerOpen, HostRefused, NotSent, PmsError, PmsFailed, PmsRefused, Throttled, Unanswered

T = TypeVar("T")


class BreakerState(StrEnum):
    """Where a breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"

    @property
    def gauge(self) -> int:
        """The state as a metric: 0 closed, 1 open, 2 half-open."""
        return _GAUGE[self]


_GAUGE: Final = {BreakerState.CLOSED: 0, BreakerState.OPEN: 1, BreakerState.HALF_OPEN: 2}

OnChange: TypeAlias = Callable[[BreakerState, BreakerState, str], None]
"""Told of each transition: the old state, the new one, and why."""


class _Sign(StrEnum):
    """What the end of a call says about the PMS."""

    WELL = "it answered"
    ILL = "it failed"
    NONE = "nothing"


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a breaker opens, and for how long.

    Attributes:
        failures: so many in a row open it.
        recovery_s: how long it stays open before one probe may pass.
    """

    failures: int = 5
    recovery_s: float = 30.0


class Breaker:
    """One breaker for one vendor and property, over single attempts.

    A failure is a timeout, a broken or refused connection or a 5xx. An answer, also a refusal, ends a row of failures.
    What says nothing about the PMS (a 429, an answer that cannot be read, a cancellation) neither counts nor ends one.

    Only calls that began in the present state count: an old call that ends late cannot close or reopen the breaker.
    """

    def __init__(
        self,
        flow: Flow,
        name: str,
        policy: BreakerPolicy = BreakerPolicy(),
        on_change: OnChange = lambda old, new, why: None,
    ) -> None:
        self._flow = flow
        self._name = name
        self._policy = policy
        self._on_change = on_change
        self._state = BreakerState.CLOSED
        self._era = 0
        self._failures = 0
        self._opened_s = 0.0
        self._is_probing = False

    @property
    def state(self) -> BreakerState:
        """Where it stands; open until the first call after the recovery time makes it half-open."""
        return self._state

    async def run(self, call: Callable[[], Awaitable[T]]) -> T:
        """Run one attempt, if the breaker lets it pass.

        Raises:
            BreakerOpen: it does not; `retry_after_s` says how long it stays open, None while a probe is under way.
        """
        self._admit()
        era, sign = self._era, _Sign.NONE
        try:
            answer = await call()
            sign = _Sign.WELL
        except PmsError as error:
            sign = _sign_of(error)
            raise
        finally:
            if era == self._era:
                self._settle(sign)
        return answer

    def reset(self, why: str) -> None:
        """Close it by hand."""
        self._failures = 0
        if self._state is not BreakerState.CLOSED:
            self._change(BreakerState.CLOSED, why)

    def check(self) -> None:
        """Do nothing where `run` would let a call pass; it takes no probe.

        Raises:
            BreakerOpen: `run` would not.
        """
        left_s = self._opened_s + self._policy.recovery_s - self._flow.monotonic_s()
        if self._state is BreakerState.OPEN and left_s > 0:
            raise BreakerOpen(
                f"{self._name} failed {self._policy.failures} times in a row and is asked again in {left_s:.0f} s: "
                "try then, or reset the breaker",
                retry_after_s=left_s,
            )
        if self._is_probing:
            raise BreakerOpen(f"{self._name} has failed and is being probed: try again in a moment")

    def _admit(self) -> None:
        self.check()
        if self._state is BreakerState.OPEN:
            self._change(BreakerState.HALF_OPEN, f"{self._policy.recovery_s:g} s have passed")
        self._is_probing = self._state is BreakerState.HALF_OPEN

    def _settle(self, sign: _Sign) -> None:
        self._is_probing = False
        if sign is _Sign.WELL:
            self._failures = 0
            if self._state is BreakerState.HALF_OPEN:
                self._change(BreakerState.CLOSED, "the probe was answered")
        elif sign is _Sign.ILL:
            self._failures += 1
            if self._state is BreakerState.HALF_OPEN:
                self._open("the probe failed")
            elif self._failures >= self._policy.failures:
                self._open(f"{self._failures} failures in a row")

    def _open(self, why: str) -> None:
        self._opened_s = self._flow.monotonic_s()
        self._change(BreakerState.OPEN, why)

    def _change(self, new: BreakerState, why: str) -> None:
        old, self._state = self._state, new
        self._era += 1
        self._is_probing = False
        self._on_change(old, new, why)


def _sign_of(error: PmsError) -> _Sign:
    match error:
        case HostRefused() | BreakerOpen() | Throttled():
            return _Sign.NONE
        case PmsFailed(status=408):  # one question was too heavy; others are answered
            return _Sign.NONE
        case Unanswered() | NotSent() | PmsFailed():
            return _Sign.ILL
        case PmsRefused():
            return _Sign.WELL
        case _:
            return _Sign.NONE

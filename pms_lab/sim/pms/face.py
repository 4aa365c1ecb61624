"""What a wire face is, and the server that stands before it: who may ask, how often, and with which token."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from pms_lab.domain.pms import RateLimit
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.sim.pms.state import Pms


class Face(Protocol):
    """One vendor's wire format over a `Pms`."""

    pms: Pms

    def answer(self, request: HttpRequest, at: datetime) -> HttpResponse:
        """Do what a request asks, at once and wholly, and answer as the vendor does; errors are answers too."""

    def throttled(self, wait_s: float) -> HttpResponse:
        """Answer one request too many, as the vendor does."""


class Server:
    """A face behind its vendor's rate limits; what a `Network` or a socket delivers to."""

    def __init__(self, face: Face, limits: Sequence[RateLimit] = ()) -> None:
        self.face = face
        self.limits = limits
        self._seen: list[deque[datetime]] = [deque() for _ in limits]

    def receive(self, request: HttpRequest, at: datetime) -> HttpResponse:
        """Answer one request that arrives at this time."""
        wait_s = self._wait_s(at)
        if wait_s > 0:
            return self.face.throttled(wait_s)
        for seen in self._seen:
            seen.append(at)
        return self.face.answer(request, at)

    def _wait_s(self, at: datetime) -> float:
        waits = [0.0]
        for limit, seen in zip(self.limits, self._seen, strict=True):
            while seen and (at - seen[0]).total_seconds() >= limit.window_s:
                seen.popleft()
            if len(seen) >= limit.requests:
                waits.append(limit.window_s - (at - seen[0]).total_seconds())
        return max(waits)

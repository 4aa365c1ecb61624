"""Webhooks of a simulated PMS: late, twice, in another order, or never, as in life."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Final, Protocol, runtime_checkable

from pms_lab.sim.driver import Sim
from pms_lab.sim.pms.records import Event
from pms_lab.sim.pms.state import Pms

USUAL_S: Final = (2.0,)


@runtime_checkable
class Notifying(Protocol):
    """A face of a vendor that calls those who subscribed."""

    pms: Pms

    def notice(self, event: Event) -> bytes | None:
        """Return the body that the vendor posts of an event; None where it tells nothing."""


def usual(number: int) -> Sequence[float]:
    """Deliver every notice once, after two seconds."""
    return USUAL_S


def subscribe(face: Notifying, post: Callable[[bytes], None]) -> None:
    """From now on, post what the vendor tells of each applied write."""

    def happened(event: Event) -> None:
        body = face.notice(event)
        if body is not None:
            post(body)

    face.pms.listeners.append(happened)


def announce(
    sim: Sim, face: Notifying, receive: Callable[[bytes], None], delays_s: Callable[[int], Sequence[float]] = usual
) -> None:
    """From now on, deliver what the vendor tells of each applied write.

    Args:
        receive: called in the world with each body; who reads it must fetch, since nobody vouches for it.
        delays_s: of the k-th notice, from 1: when each of its copies arrives. None drops it, two double it, and a long
            one lets others overtake it.
    """
    numbers = count(1)

    def post(body: bytes) -> None:
        for wait_s in delays_s(next(numbers)):
            sim.after(wait_s, lambda: receive(body))

    subscribe(face, post)

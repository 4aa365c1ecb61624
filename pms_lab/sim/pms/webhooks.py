"""Webhooks of a simulated PMS: late, twice, in another order, or never, as in life."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from pms_lab.sim.driver import Sim
from pms_lab.sim.pms.records import Event
from pms_lab.sim.pms.state import Pms

USUAL_S: Final = (2.0,)


class Notifying(Protocol):
    """A face of a vendor that calls those who subscribed."""

    pms: Pms

    def notice(self, event: Event) -> bytes | None:
        """Return the body that the vendor posts of an event; None where it tells nothing."""


def usual(number: int) -> Sequence[float]:
    """Deliver every notice once, after two seconds."""
    return USUAL_S


def announce(
    sim: Sim, face: Notifying, receive: Callable[[bytes], None], delays_s: Callable[[int], Sequence[float]] = usual
) -> None:
    """From now on, deliver what the vendor tells of each applied write.

    Args:
        receive: called in the world with each body; who reads it must fetch, since nobody vouches for it.
        delays_s: of the k-th notice, from 1: when each of its copies arrives. None drops it, two double it, and a long
            one lets others overtake it.
    """
    told = 0

    def happened(event: Event) -> None:
        nonlocal told
        body = face.notice(event)
        if body is None:
            return
        told += 1
        for wait_s in delays_s(told):
            sim.after(wait_s, lambda: receive(body))

    face.pms.listeners.append(happened)

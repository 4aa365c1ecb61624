"""What is seen of a push: its steps, what became durable, and who held the lock."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from types import CodeType, FrameType
from typing import Final

from pms_lab.engine.pushing.ending import take_back, verify
from pms_lab.engine.pushing.sending import send
from pms_lab.engine.recover import recover
from pms_lab.errors import Effect, PmsError
from pms_lab.sim.driver import Sim
from pms_lab.sim.node import Node
from pms_lab.sim.stops import Cancelled


class Phase(StrEnum):
    """What a step is for."""

    PREFLIGHT = "preflight"
    INTENT = "intent"
    WRITE = "write"
    VERIFY = "verify"
    TAKE_BACK = "take back"
    COMMIT = "commit"
    RECOVERY = "recovery"


class Asked(StrEnum):
    """Of whom a step asks something."""

    PMS = "PMS"
    LEDGER = "ledger"
    LOCK = "lock"
    CLOCK = "clock"


class Ended(StrEnum):
    """How a step ended, for whoever took it."""

    WELL = "well"
    REFUSED = "refused"
    UNKNOWN = "not known"
    DIED = "died before its end"


PHASES: Final[Mapping[CodeType, Phase]] = {
    send.__code__: Phase.WRITE,
    verify.__code__: Phase.VERIFY,
    take_back.__code__: Phase.TAKE_BACK,
    recover.__code__: Phase.RECOVERY,
}
"""The engine's own functions: the innermost of them that is at work names the phase; before the first it is looking."""


@dataclass(slots=True)
class Step:
    """One await of a watched process.

    Attributes:
        life: which process took it, from 1; one that is started again after a crash is another.
        what: the method that was called, and with a ledger's step the state.
        cells: how many a write was for.
        start_us, end_us: true time; no end where the process died first.
        request: where its request stands in the history of the way to the PMS; None where it asks somebody else.
        told: why it did not end well, in the words that the process heard.
    """

    life: int
    phase: Phase
    asked: Asked
    what: str
    cells: int
    start_us: int
    end_us: int | None = None
    request: int | None = None
    ended: Ended = Ended.DIED
    told: str = ""

    @property
    def is_write(self) -> bool:
        """Whether it changes what it asks for good: rates, or the ledger."""
        return self.what.split(" ")[0] in ("update_rates", "clear_rates", "open", "record")


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that was there from an instant on: a state of a push, an alert, or a colleague's edit.

    Attributes:
        kind: ``state``, ``alert`` or ``edit``.
        product: of the edit.
    """

    at_us: int
    kind: str
    label: str
    product: str = ""


@dataclass(slots=True)
class Hold:
    """A lock in somebody's hands, until it is given back or lapses.

    Attributes:
        renewed_us: when it was renewed.
    """

    start_us: int
    until_us: int
    renewed_us: list[int] = field(default_factory=list)
    is_given_back: bool = False


class Log:
    """What was seen in one world.

    Attributes:
        steps: of all processes, in the order of their start.
        marks: what the ledger recorded, and what a colleague did, as it happened.
        holds: of the lock, one after the other.
    """

    def __init__(self, sim: Sim) -> None:
        self.steps: list[Step] = []
        self.marks: list[Mark] = []
        self.holds: list[Hold] = []
        self._sim = sim
        self._lives: dict[Node, int] = {}

    @property
    def now_us(self) -> int:
        """The true time."""
        return int(self._sim.env.now)

    @contextmanager
    def step(self, node: Node, asked: Asked, what: str, phase: Phase | None = None, cells: int = 0) -> Iterator[Step]:
        """Note a step for as long as the block runs. A dead process takes none.

        Args:
            phase: by default that of the engine's function which is at work.
        """
        node.check()
        life = self._lives.setdefault(node, len(self._lives) + 1)
        one = Step(life, phase or _phase(), asked, what, cells, self.now_us)
        self.steps.append(one)
        try:
            yield one
        except (Exception, Cancelled) as error:
            one.end_us, one.ended, one.told = self.now_us, _ended(error), str(error) or "given up"
            raise
        one.end_us = self.now_us
        if one.ended is Ended.DIED:
            one.ended = Ended.WELL


def _phase() -> Phase:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code in PHASES:
            return PHASES[frame.f_code]
        frame = frame.f_back
    return Phase.PREFLIGHT


def _ended(error: BaseException) -> Ended:
    return Ended.REFUSED if isinstance(error, PmsError) and error.effect is Effect.NONE else Ended.UNKNOWN

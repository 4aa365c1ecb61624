"""What a checker says, and what a checker is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from pms_lab.domain.history import History


class Judgement(StrEnum):
    """Whether an invariant held."""

    HOLDS = "holds"
    VIOLATED = "violated"
    EXPOSED = "exposed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a checker says of a history.

    Attributes:
        invariant: its number and name.
        finding: `EXPOSED` where only that happened which no client of this vendor can prevent, and the push said so.
        evidence: what was seen, in sentences; none where it holds.
    """

    invariant: str
    finding: Judgement
    evidence: tuple[str, ...] = ()


class Exposed(str):
    """A sentence about what no client could prevent, and what was said."""

    __slots__ = ()


Evidence = Callable[[History], Iterable[str]]
"""Says what is wrong with a history; `Exposed` sentences apart, each is a violation."""


@dataclass(frozen=True, slots=True)
class Checker:
    """A judge of one invariant: a function from a history to a verdict."""

    invariant: str
    evidence: Evidence

    def __call__(self, history: History) -> Verdict:
        """Judge a history; a judge that fails knows nothing, and says so."""
        try:
            seen = tuple(self.evidence(history))
        except Exception as error:
            return Verdict(self.invariant, Judgement.UNKNOWN, (f"{type(error).__name__}: {error}",))
        if not seen:
            return Verdict(self.invariant, Judgement.HOLDS)
        is_exposed = all(isinstance(one, Exposed) for one in seen)
        return Verdict(self.invariant, Judgement.EXPOSED if is_exposed else Judgement.VIOLATED, seen)


def checks(invariant: str) -> Callable[[Evidence], Checker]:
    """Make a checker of a function that yields evidence.

    Args:
        invariant: its number and name.
    """
    return lambda evidence: Checker(invariant, evidence)

"""The consensus of several agents on one rate: their votes, weighed by confidence × weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import accumulate

from pms_lab.domain.money import Money
from pms_lab.errors import CurrencyMismatch, RateError

ZERO = Decimal(0)


class Method(StrEnum):
    """How the votes are put together."""

    MEAN = "mean"
    MEDIAN = "median"


@dataclass(frozen=True, slots=True)
class Vote:
    """One agent's rate for the cell in question.

    Attributes:
        confidence: 0 to 1, the agent's own.
        weight: 0 or more, ours; 1 unless somebody tuned it.
    """

    agent: str
    rate: Money
    confidence: Decimal
    weight: Decimal = Decimal(1)

    @property
    def pull(self) -> Decimal:
        """How much the vote counts: confidence × weight."""
        return self.confidence * self.weight


@dataclass(frozen=True, slots=True)
class Consensus:
    """What the agents say together.

    Attributes:
        rate: rounded to the price step; None when there is nothing to go by.
        confidence: plain mean of the votes' confidences; None without votes.
        votes: kept as they came.
        reason: how the rate came about, or why there is none.
    """

    rate: Money | None
    confidence: Decimal | None
    votes: tuple[Vote, ...]
    reason: str


def find_consensus(votes: Sequence[Vote], price_step: Decimal, method: Method = Method.MEAN) -> Consensus:
    """Weigh the votes and round to the location's price step.

    Raises:
        CurrencyMismatch: the votes are in several currencies.
        RateError: two votes of one agent, or a negative confidence or weight.
    """
    kept = tuple(votes)
    if not kept:
        return Consensus(None, None, kept, "no agent voted")
    _check(kept)
    confidence = sum((vote.confidence for vote in kept), ZERO) / len(kept)
    pulling = [vote for vote in kept if vote.pull > 0]
    if not pulling:
        return Consensus(None, confidence, kept, f"none of {len(kept)} votes has confidence and weight above zero")
    amount = (_mean if method is Method.MEAN else _median)(pulling)
    rate = Money(amount, kept[0].rate.currency).rounded_to(price_step)
    return Consensus(rate, confidence, kept, f"{method} of {len(pulling)} votes by confidence × weight")


def _check(votes: tuple[Vote, ...]) -> None:
    currencies = {vote.rate.currency for vote in votes}
    if len(currencies) > 1:
        raise CurrencyMismatch(f"votes in {', '.join(sorted(currencies))}: a consensus has one currency")
    if len({vote.agent for vote in votes}) < len(votes):
        raise RateError(f"an agent voted twice: {', '.join(vote.agent for vote in votes)}")
    for vote in votes:
        if vote.confidence < 0 or vote.weight < 0:
            raise RateError(f"{vote.agent} has confidence {vote.confidence} and weight {vote.weight}: none is negative")


def _mean(votes: Sequence[Vote]) -> Decimal:
    total = sum((vote.pull for vote in votes), ZERO)
    return sum((vote.rate.amount * vote.pull for vote in votes), ZERO) / total


def _median(votes: Sequence[Vote]) -> Decimal:
    """Return the lowest rate that half of the pull does not exceed; halfway to the next where both halves are equal."""
    ordered = sorted(votes, key=lambda vote: vote.rate.amount)
    running = list(accumulate(vote.pull for vote in ordered))
    middle = next(at for at, pull in enumerate(running) if 2 * pull >= running[-1])
    amount = ordered[middle].rate.amount
    if 2 * running[middle] == running[-1]:
        return (amount + ordered[middle + 1].rate.amount) / 2
    return amount

"""Rules that are taken away: by their ids, part by part, each compared before and read back after.

A bulk DELETE removes all of its ids or, where one is missing, none (measured). A late one does no harm to others: an id
is never given out again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pms_lab.adapters.qloapps.models import Rule
from pms_lab.adapters.qloapps.push import NOT_SENT, RuleBook, Rules, Spot, may_be_done_in_part, parts, refused_by
from pms_lab.domain.outcome import Applied, Outcome, Refused, Unknown, Why, outcome_of
from pms_lab.errors import Effect, PmsError


@dataclass(frozen=True, slots=True)
class Removal:
    """Some rules on their way out, and what was there before.

    Attributes:
        before: the rules as they were read first.
        doomed: those to be removed, by where they hold.
    """

    book: RuleBook
    before: Rules
    doomed: Mapping[Spot, Sequence[Rule]]

    async def carry_out(self) -> dict[Spot, Outcome[None]]:
        """Remove the rules, and tell how it ended; a part in doubt stops the rest."""
        outcomes: dict[Spot, Outcome[None]] = {}
        for part in parts(list(self.doomed)):
            outcomes |= await self._remove(part)
            if any(isinstance(outcomes[spot], Unknown) for spot in part):
                break
        return {spot: outcomes.get(spot, NOT_SENT) for spot in self.doomed}

    async def _remove(self, part: Sequence[Spot]) -> dict[Spot, Outcome[None]]:
        try:
            now = await self.book.rules(part)
        except PmsError as error:
            return dict.fromkeys(part, Refused(Why.NOT_SENT, f"nothing was sent: {error}"))
        edited = [spot for spot in part if now.get(spot, ()) != self.before.get(spot, ())]
        outcomes: dict[Spot, Outcome[None]] = {spot: _edited(spot) for spot in edited}
        left = [spot for spot in part if spot not in outcomes]
        return outcomes | (await self._send(left) if left else {})

    async def _send(self, part: Sequence[Spot]) -> dict[Spot, Outcome[None]]:
        refusal: PmsError | None = None
        try:
            await self.book.remove([rule.id for spot in part for rule in self.doomed[spot]])
        except PmsError as error:
            if error.effect is Effect.UNKNOWN or not may_be_done_in_part(error):
                return dict.fromkeys(part, outcome_of(error))
            refusal = error
        try:
            now = await self.book.rules(part)
        except PmsError as error:
            return dict.fromkeys(part, Unknown(f"removed, and not read back: {error}"))
        return {spot: self._ended(spot, now.get(spot, ()), refusal) for spot in part}

    def _ended(self, spot: Spot, there: Sequence[Rule], refusal: PmsError | None) -> Outcome[None]:
        left = {rule.id for rule in there} & {rule.id for rule in self.doomed[spot]}
        if not left:
            return Applied(None)
        if refusal is not None:
            return refused_by(refusal)
        return Unknown(f"the PMS took it, and still has rule {', '.join(sorted(left, key=int))}")


def _edited(spot: Spot) -> Refused:
    product, night = spot
    return Refused(Why.REJECTED, f"somebody is changing the rate of room type {product} on {night}: read anew")

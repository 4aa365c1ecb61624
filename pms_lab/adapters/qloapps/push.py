"""One sheet of rates on its way: by the measured recipe, part by part, each compared before and read back after.

A bulk write is not atomic, and its error does not say what of it was written. Nothing is a conditional write: between
our comparing and our writing, some 20 ms, a person's edit can be lost.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final, Protocol, TypeVar

from pms_lab.adapters.qloapps.models import SPECIFIC_DATE, Rule
from pms_lab.adapters.qloapps.xml import Content, built
from pms_lab.domain.outcome import Applied, Outcome, Refused, Unknown, Why, outcome_of
from pms_lab.domain.rates import RateCell
from pms_lab.errors import AuthRefused, Effect, PmsError, PmsRefused, Throttled

T = TypeVar("T")

BATCH: Final = 30
NAME: Final = "pms_lab"
NOT_SENT: Final = Refused(Why.NOT_SENT, "not sent: an earlier part did not end well")

Spot = tuple[str, date]
"""The vendor's id of a room type, and a night."""
Rules = Mapping[Spot, Sequence[Rule]]
"""The active rules for single nights, the one that wins first."""


class RuleBook(Protocol):
    """Where rules are read and written."""

    async def rules(self, spots: Iterable[Spot]) -> Rules:
        """Return the rules for these nights."""

    async def send(self, method: str, rules: Sequence[Content]) -> None:
        """Write rules, once."""

    async def remove(self, ids: Sequence[str]) -> None:
        """Remove rules, once."""


@dataclass(frozen=True, slots=True)
class Push:
    """A sheet, and what was there before.

    Attributes:
        wanted: the amounts, to the cent.
        before: the rules as they were read first.
        groups: all groups of customers that the shop has.
        languages: the ids of its languages.
    """

    book: RuleBook
    spots: Mapping[RateCell, Spot]
    wanted: Mapping[RateCell, Decimal]
    before: Rules
    groups: frozenset[str]
    languages: Sequence[str]

    def without_writing(self, cell: RateCell) -> Outcome[None] | None:
        """Return how a cell ends that needs no write, or may have none; None where it is to be written."""
        there = self._at(self.before, cell)
        if fault := foreign(there, self.groups):
            return Refused(Why.REJECTED, f"{fault}: settle it in the back office")
        return Applied(None) if holds(there, self.wanted[cell]) else None

    async def write(self, cells: Sequence[RateCell]) -> dict[RateCell, Outcome[None]]:
        """Write cells, those first that have a rule; a part that does not end well stops the rest."""
        changed = [cell for cell in cells if self._at(self.before, cell)]
        created = [cell for cell in cells if not self._at(self.before, cell)]
        outcomes: dict[RateCell, Outcome[None]] = {}
        for method, part in [("PUT", part) for part in parts(changed)] + [("POST", part) for part in parts(created)]:
            outcomes |= await self._write_part(method, part)
            if any(not isinstance(outcomes[cell], Applied) for cell in part):
                break
        return {cell: outcomes.get(cell, NOT_SENT) for cell in cells}

    async def _write_part(self, method: str, part: Sequence[RateCell]) -> Mapping[RateCell, Outcome[None]]:
        try:
            now = await self.book.rules(self.spots[cell] for cell in part)
        except PmsError as error:
            return dict.fromkeys(part, Refused(Why.NOT_SENT, f"nothing was sent: {error}"))
        if edited := [cell for cell in part if self._at(now, cell) != self._at(self.before, cell)]:
            nights = ", ".join(f"{cell.product} {cell.stay_date}" for cell in edited[:5])
            return dict.fromkeys(part, Refused(Why.REJECTED, f"somebody is changing these rates: {nights}; read anew"))
        refusal: PmsError | None = None
        try:
            await self.book.send(method, [self._record(cell) for cell in part])
        except PmsError as error:
            if error.effect is Effect.UNKNOWN or not may_be_done_in_part(error):
                return dict.fromkeys(part, outcome_of(error))
            refusal = error
        return await self._read_back(part, refusal)

    async def _read_back(self, part: Sequence[RateCell], refusal: PmsError | None) -> dict[RateCell, Outcome[None]]:
        try:
            now = await self.book.rules(self.spots[cell] for cell in part)
        except PmsError as error:
            return dict.fromkeys(part, Unknown(f"written, and not read back: {error}"))
        return {cell: self._ended(cell, self._at(now, cell), refusal) for cell in part}

    def _ended(self, cell: RateCell, there: Sequence[Rule], refusal: PmsError | None) -> Outcome[None]:
        if holds(there, self.wanted[cell]) and there[0].groups >= self.groups:
            return Applied(None)
        if refusal is not None:
            return refused_by(refusal)
        held = f"{there[0].impact_value:f}" if there else "no rule"
        return Unknown(f"the PMS took it, and reads back {held} in its place: somebody is changing it")

    def _at(self, rules: Rules, cell: RateCell) -> Sequence[Rule]:
        return rules.get(self.spots[cell], ())

    def _record(self, cell: RateCell) -> Content:
        """Return a rule as it is written: with its id where there is one, with groups where it has none.

        Groups in a PUT are taken away and given back: in between the rule does not hold. So they are left out.
        """
        there = self._at(self.before, cell)
        product, night = self.spots[cell]
        names: list[Content] = [built("language", NAME, id=language) for language in self.languages]
        fields: dict[str, Content] = {
            **({"id": there[0].id} if there else {}),
            "id_product": product,
            "id_cart": "0",
            "id_guest": "0",
            "id_room": "0",
            "date_from": night.isoformat(),
            "date_to": night.isoformat(),
            "impact_way": "3",
            "is_special_days_exists": "0",
            "date_selection_type": str(SPECIFIC_DATE),
            "special_days": "false",
            "impact_type": "2",
            "impact_value": f"{self.wanted[cell]:f}",
            "active": "1",
            "feature_price_name": {"language": names},
        }
        if there and there[0].groups:
            return fields
        groups: list[Content] = [{"id": group} for group in sorted(self.groups, key=int)]
        return {**fields, "associations": {"groups": {"group": groups}}}


def holds(there: Sequence[Rule], amount: Decimal) -> bool:
    """Whether the rule that wins sets just this amount."""
    return bool(there) and there[0].is_fixed_amount and bool(there[0].groups) and there[0].impact_value == amount


def foreign(there: Sequence[Rule], groups: Collection[str]) -> str | None:
    """Say why we may not change or remove the rules for a night.

    One without any group is a write that was cut off: it holds for nobody, and is mended by writing it anew.

    Args:
        groups: all groups of customers.
    """
    if len(there) > 1:
        return f"rules {', '.join(rule.id for rule in there)} are for the same night, and the lowest wins"
    for rule in there:
        if not rule.is_fixed_amount:
            return f"rule {rule.id} raises or lowers the price and does not set it"
        if rule.groups and not rule.groups >= set(groups):
            return f"rule {rule.id} does not hold for all groups of customers"
    return None


def are_doubles(there: Sequence[Rule], groups: Collection[str]) -> bool:
    """Whether the rules for a night are several of ours that say the same: a creation that landed late, and another."""
    return (
        len(there) > 1
        and len({rule.impact_value for rule in there}) == 1
        and all(rule.feature_price_name == NAME and foreign([rule], groups) is None and rule.groups for rule in there)
    )


def may_be_done_in_part(error: PmsError) -> bool:
    """Whether an error is a refusal of which a bulk write may have done some part."""
    return isinstance(error, PmsRefused) and not isinstance(error, AuthRefused | Throttled)


def refused_by(error: PmsError) -> Outcome[None]:
    """Tell how a write of rules ended that was refused: a 404 is about a rule, not about a room type."""
    outcome = outcome_of(error)
    if isinstance(outcome, Refused) and outcome.why is Why.NOT_FOUND:
        return replace(outcome, why=Why.REJECTED)
    return outcome


def parts(items: Sequence[T]) -> list[Sequence[T]]:
    """Cut into what one request carries."""
    return [items[start : start + BATCH] for start in range(0, len(items), BATCH)]

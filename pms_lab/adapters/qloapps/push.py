"""One sheet of rates on its way: by the measured recipe, part by part, each compared before and read back after.

A bulk write is not atomic, and its error does not say what of it was written. Nothing is a conditional write: between
our comparing and our writing, some 20 ms, a person's edit can be lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, Protocol

from pms_lab.adapters.qloapps.models import SPECIFIC_DATE, Rule
from pms_lab.adapters.qloapps.xml import Content, built
from pms_lab.domain.outcome import Applied, Outcome, Refused, Unknown, Why, outcome_of
from pms_lab.domain.rates import RateCell
from pms_lab.errors import AuthRefused, Effect, PmsError, PmsRefused, Throttled

BATCH: Final = 30
NAME: Final = "pms_lab"
NOT_SENT: Final = Refused(Why.NOT_SENT, "not sent: an earlier part of the sheet did not end well")

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
        if fault := self._foreign(there):
            return Refused(Why.REJECTED, f"{fault}: settle it in the back office")
        return Applied(None) if holds(there, self.wanted[cell]) else None

    async def write(self, cells: Sequence[RateCell]) -> dict[RateCell, Outcome[None]]:
        """Write cells, those first that have a rule; a part that does not end well stops the rest."""
        changed = [cell for cell in cells if self._at(self.before, cell)]
        created = [cell for cell in cells if not self._at(self.before, cell)]
        outcomes: dict[RateCell, Outcome[None]] = {}
        for method, part in [("PUT", part) for part in _parts(changed)] + [("POST", part) for part in _parts(created)]:
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
            if error.effect is Effect.UNKNOWN or not _may_be_written_in_part(error):
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
            return outcome_of(refusal)
        held = f"{there[0].impact_value:f}" if there else "no rule"
        return Unknown(f"the PMS took it, and reads back {held} in its place: somebody is changing it")

    def _at(self, rules: Rules, cell: RateCell) -> Sequence[Rule]:
        return rules.get(self.spots[cell], ())

    def _foreign(self, there: Sequence[Rule]) -> str | None:
        """Say why we may not change rules. One without any group is a write that was cut off, and is mended."""
        if len(there) > 1:
            return f"rules {', '.join(rule.id for rule in there)} are for the same night, and the lowest wins"
        for rule in there:
            if not rule.is_fixed_amount:
                return f"rule {rule.id} raises or lowers the price and does not set it"
            if rule.groups and not rule.groups >= self.groups:
                return f"rule {rule.id} does not hold for all groups of customers"
        return None

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


def _may_be_written_in_part(error: PmsError) -> bool:
    return isinstance(error, PmsRefused) and not isinstance(error, AuthRefused | Throttled)


def _parts(cells: Sequence[RateCell]) -> list[Sequence[RateCell]]:
    return [cells[start : start + BATCH] for start in range(0, len(cells), BATCH)]

"""`PMSAdapter` on Mews: rates, changes and read-back, on top of the other reads and writes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Final, assert_never

from pms_lab.adapters.mews import changes
from pms_lab.adapters.mews.capabilities import CAPABILITIES
from pms_lab.adapters.mews.models import Done, WebhookMessage
from pms_lab.adapters.mews.readback import MewsReadBack
from pms_lab.adapters.mews.reads import chunks
from pms_lab.adapters.mews.writes import done, span_of
from pms_lab.adapters.reading import ended, parsed
from pms_lab.adapters.writing import Json
from pms_lab.domain.outcome import Applied, Outcome, Refused, Unknown, Why
from pms_lab.domain.pms import Capabilities, Change, Changes, PmsId
from pms_lab.domain.rates import RateCell, RateSheet
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import (
    AddNote,
    AddPreferences,
    CancelReservation,
    ClearRates,
    CreateReservation,
    ModifyDates,
    PostCharge,
    SetAvailability,
    SetSpecialRequests,
    SetStatus,
    UpdateCheckoutTime,
    UpdateGuest,
    UpdateRates,
    Write,
)
from pms_lab.engine.ports import HttpResponse
from pms_lab.errors import PmsError, Unsupported
from pms_lab.rules.settling import is_settled

NOT_SENT: Final = Refused(Why.NOT_SENT, "a part that was sent before it ended as unknown: read back first")


class MewsPms(MewsReadBack):
    """`PMSAdapter` on Mews's Connector API."""

    def capabilities(self) -> Capabilities:
        """Return what Mews can promise."""
        return CAPABILITIES

    async def changes_since(self, cursor: str | None) -> Changes:
        """Return which reservations and guests have changed since a cursor: see `changes.changes_since`."""
        return await changes.changes_since(self._api, self._credentials.service, cursor)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[Change, ...]:
        """Read a general webhook: see `changes.changes_told`. Mews signs none."""
        message = parsed(WebhookMessage, HttpResponse(200, headers, body))
        return changes.changes_told(message, self._place, self._flow.now())

    async def update_rates(self, write: UpdateRates) -> Mapping[RateCell, Outcome[None]]:
        """Publish rates, up to 1000 in one request. Mews takes prices of base rates only, and refuses those derived.

        Cells that Mews keeps in one place, such as one of no plan and one of the settings' plan, are all refused.
        """
        unfit = self._unfit(write.sheet)
        amounts = {cell: rate.amount for cell, rate in write.sheet.items() if cell not in unfit}
        return unfit | await self._set_prices(amounts)

    async def clear_rates(self, write: ClearRates) -> Mapping[RateCell, Outcome[None]]:
        """Remove what was set for these nights, by an update of a price without a value. Source: rates, updatePrice."""
        unfit: dict[RateCell, Outcome[None]] = {
            cell: Refused(Why.REJECTED, reason) for cell in write.cells if (reason := self._why_misplaced(cell))
        }
        return unfit | await self._set_prices({cell: None for cell in write.cells if cell not in unfit})

    async def reconcile(self, write: Write, sent_at: datetime) -> Outcome[PmsId | None]:
        """Find out by reading how a write ended; `MewsReadBack` says by what."""
        asked_at = self._flow.now()
        try:
            found = await self._found_back(write)
        except PmsError as error:
            return Unknown(f"it could not be read back: {error}")
        if found is not None:
            return found
        if not is_settled(sent_at, asked_at, CAPABILITIES):
            return Unknown("it is not there, and may still come")
        return Refused(Why.NOT_APPLIED, "it is not there, and can no longer come")

    async def _found_back(self, write: Write) -> Applied[PmsId | None] | Unknown | None:
        """Return the effect of a write, Unknown where it is there in part, None where it is not there."""
        is_there: Awaitable[bool]
        match write:
            case CreateReservation():
                created = await self._created(write)
                return Applied(created) if created else None
            case UpdateRates():
                return await self._published(write.sheet)
            case ClearRates():
                return Unknown("Mews does not tell which prices were set for a night: clear them again")
            case UpdateGuest():
                is_there = self._has_guest(write)
            case AddPreferences():
                is_there = self._has_preferences(write)
            case AddNote():
                is_there = self._has_note(write)
            case PostCharge():
                is_there = self._has_charge(write)
            case SetAvailability():
                is_there = self._has_limits(write)
            case SetStatus() | CancelReservation() | UpdateCheckoutTime() | ModifyDates():
                is_there = self._has_reservation(write)
            case SetSpecialRequests():
                raise Unsupported(CAPABILITIES.unsupported["set_special_requests"])
            case _:
                assert_never(write)
        return Applied(None) if await is_there else None

    async def _set_prices(self, amounts: Mapping[RateCell, Decimal | None]) -> dict[RateCell, Outcome[None]]:
        """Set prices, or with None remove them, once; a part that ends as unknown stops the rest."""
        ends: dict[RateCell, Outcome[None]] = {}
        is_in_doubt = False
        for plan, cells in self._by_plan(amounts).items():
            for some in chunks(cells, CAPABILITIES.rate_batch):
                outcome = NOT_SENT if is_in_doubt else await self._send(plan, {cell: amounts[cell] for cell in some})
                is_in_doubt = is_in_doubt or isinstance(outcome, Unknown)
                ends |= dict.fromkeys(some, outcome)
        return ends

    async def _send(self, plan: str, amounts: Mapping[RateCell, Decimal | None]) -> Outcome[None]:
        nights = {cell.stay_date for cell in amounts if cell.stay_date}
        units = {night: self._units(StayDates.starting(night, 1)) for night in nights}
        updates: Mapping[object, Json] = {
            self._spot(cell): {
                "CategoryId": self._place.vendor_product(cell.product),
                **({} if amount is None else {"Value": amount}),
                **units[cell.stay_date],
            }
            for cell, amount in amounts.items()
            if cell.stay_date
        }
        body: Mapping[str, Json] = {"RateId": plan, "PriceUpdates": list(updates.values())}
        return await ended(done(self._api.tell("rates/updatePrice", Done, body)))

    async def _published(self, sheet: RateSheet) -> Applied[None] | Unknown | None:
        right, wanted, unfit = 0, len(sheet), self._unfit(sheet)
        for plan, cells in self._by_plan(cell for cell in sheet if cell not in unfit).items():
            nights = span_of([cell.stay_date for cell in cells if cell.stay_date])
            rates = await self._rates(plan, nights, {cell.product for cell in cells})
            found = {(cell.product, cell.stay_date): rate.amount for cell, rate in rates.items()}
            right += sum(found.get((cell.product, cell.stay_date)) == sheet[cell].amount for cell in cells)
        if 0 < right < wanted:
            return Unknown(f"{right} of {wanted} rates are there")
        return Applied(None) if right else None

    def _by_plan(self, cells: Iterable[RateCell]) -> Mapping[str, Sequence[RateCell]]:
        plans: dict[str, list[RateCell]] = defaultdict(list)
        for cell in cells:
            plans[self._plan(cell)].append(cell)
        return plans

    def _unfit(self, sheet: RateSheet) -> dict[RateCell, Outcome[None]]:
        """Return which cells cannot be sent, and why."""
        cells_at = Counter(map(self._spot, sheet))
        reasons = {cell: self._why_unfit(cell, sheet, cells_at[self._spot(cell)]) for cell in sheet}
        return {cell: Refused(Why.REJECTED, reason) for cell, reason in reasons.items() if reason}

    def _why_unfit(self, cell: RateCell, sheet: RateSheet, cells_there: int) -> str | None:
        place, pricing = self._place, self._credentials.pricing
        reasons = {
            f"the sheet is in {sheet.currency}, not in {place.currency}": sheet.currency != place.currency,
            f"the sheet is {sheet.tax_basis}, Mews's prices are {pricing}": sheet.tax_basis not in (None, pricing),
            "the sheet has more than one rate for this plan, room type and night: keep one": cells_there > 1,
        }
        return self._why_misplaced(cell) or next((reason for reason, is_so in reasons.items() if is_so), None)

    def _why_misplaced(self, cell: RateCell) -> str | None:
        place = self._place
        reasons = {
            f"the rate is of {cell.location}, not of {place.location}": cell.location != place.location,
            "a rate without a stay date: expand the sheet over its nights": cell.stay_date is None,
            "Mews prices by room and night, not by occupancy": cell.occupancy is not None,
        }
        return next((reason for reason, is_so in reasons.items() if is_so), None)

    def _spot(self, cell: RateCell) -> tuple[str, str, date | None]:
        """Return the place where Mews keeps a rate: by plan, room type and night."""
        return self._plan(cell), self._place.vendor_product(cell.product), cell.stay_date

    def _plan(self, cell: RateCell) -> str:
        return cell.rate_plan or self._place.rate_plan

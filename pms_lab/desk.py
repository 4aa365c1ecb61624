"""The desk: where rates are pushed, taken back, reviewed and looked up, and where it is kept who asked."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pms_lab.domain.location import Location
from pms_lab.domain.money import Money
from pms_lab.domain.push import (
    Alert,
    CellOutcome,
    Decision,
    Ending,
    HistoryEntry,
    Origin,
    Push,
    PushOrder,
    PushOutcome,
    PushState,
)
from pms_lab.domain.rates import RateCell, RateSheet
from pms_lab.domain.stay import StayDates
from pms_lab.errors import InputError, NotLive, SettingsError, StoreError, UnknownLocation, hint, listed
from pms_lab.push_settings import PushSettings
from pms_lab.settings import Settings

if TYPE_CHECKING:
    from pms_lab.engine.pushing.ports import PushPorts
    from pms_lab.live.push import Office
    from pms_lab.scoring.sheets import Bounds, Sourced

LOG: Final = logging.getLogger(__name__)
OPEN: Final = tuple(state for state in PushState if not state.is_final)

Progress = Callable[[float], None]


def unwatched(share: float) -> None:
    """Ignore progress."""


@dataclass(frozen=True)
class Pushed:
    """What came of a push, and of those that had been left open before it."""

    outcome: PushOutcome
    recovered: tuple[PushOutcome, ...] = ()


@dataclass(frozen=True)
class Desk:
    """The desk of one home folder: see `Lab`, which opens it."""

    home: Path
    settings: Settings
    locations: Mapping[str, Location]

    def sheet_from_file(self, location: str, file: Path, horizon: StayDates | None = None) -> Sourced:
        """Read a sheet; rates without a night hold over those of `horizon`. Takes and raises what `read_sheet` does."""
        from pms_lab.scoring.sheets import read_sheet

        return read_sheet(file, self._bounds(location, horizon))

    def sheet_from_dry_run(self, location: str, run_date: date, horizon: StayDates | None = None) -> Sourced:
        """Take the consensus of a dry run as it was made, with the votes; raises what `sheet_of_dry_run` does."""
        from pms_lab.scoring.dry_runs import DryRunStore
        from pms_lab.scoring.sheets import sheet_of_dry_run

        store = DryRunStore(self.home / "data" / "dry_runs")
        return sheet_of_dry_run(store, run_date, self._bounds(location, horizon))

    async def sheet_from_past(self, location: str, day: date) -> Sourced:
        """Return what the nights to come held at the end of a day, as far as we have published them since.

        Raises:
            InputError: the day is not over, or nothing has been published for those nights since.
            StoreError: the ledger cannot be read.
        """
        from pms_lab.scoring.sheets import Sourced

        place = self._location(location)
        today = datetime.now(place.zone).date()
        if day >= today:
            raise InputError(f"{day} is not over at {place.code}: go back to a day before {today}")
        async with self._office() as office:
            amounts = await office.ledger.amounts_at(place.code, _end_of(day, place))
        nights = {cell: cell.stay_date for cell in amounts if cell.stay_date is not None and cell.stay_date >= today}
        in_order = sorted(nights, key=lambda cell: (cell.product, nights[cell]))
        rates = {cell: Money(amounts[cell].amount, place.currency) for cell in in_order}
        if not rates:
            since = f"since {day} nothing was published for nights from {today} on"
            raise InputError(f"nothing to take back at {place.code}: {since}")
        return Sourced(RateSheet(rates, self._push_settings(place.code).tax_basis), Origin("revert", day.isoformat()))

    def check_live(self, location: str) -> None:
        """Refuse a location to whose PMS nothing may be written.

        Raises:
            NotLive: its setting `live` is off.
        """
        code = self._location(location).code
        if not self._push_settings(code).live:
            how = f"set live = true in the table [push.{code}] of pms_lab.toml, as docs/push.md shows"
            raise NotLive(f"{code} is not live, so nothing is written to its PMS: {how}, or try --dry-run")

    async def push(
        self, location: str, sourced: Sourced, by: str, *, dry_run: bool = False, progress: Progress = unwatched
    ) -> Pushed:
        """Push a sheet, after settling what earlier pushes have left open there; or end after the preflight.

        Args:
            by: the name of the person who asks.
            dry_run: write nothing to the PMS; the proposal is kept in the ledger.

        Raises:
            NotLive: the location may not be pushed to, and this is no dry run.
            InputError: `by` is no name.
            SettingsError: a setting is missing or mistyped.
            StoreError: the ledger cannot be opened.
        """
        from pms_lab.engine.push import push

        if not dry_run:
            self.check_live(location)
        async with self._office() as office:
            asked_by = await office.people.id_of(by)
            order = PushOrder(sourced.sheet, asked_by, sourced.origin, dry_run, sourced.votes)
            async with self._ports(office, location, progress) as ports:
                recovered = () if dry_run else await _settled(ports)
                return Pushed(await push(ports, order), recovered)

    async def recover(self, locations: Collection[str] = ()) -> tuple[PushOutcome, ...]:
        """Settle what is open at some locations, or at all; where nothing is, no PMS is asked.

        Returns:
            How each push ended, or that it is still open and why.

        Raises:
            UnknownLocation: data/locations.toml does not list one.
            StoreError: the ledger or the locks cannot be asked.
        """
        wanted = {self._location(code).code for code in locations}
        left: dict[str, list[Push]] = {}
        outcomes: list[PushOutcome] = []
        async with self._office() as office:
            for push in await office.ledger.pushes(None, OPEN):
                if not wanted or push.location in wanted:
                    left.setdefault(push.location, []).append(push)
            for code, pushes in left.items():
                try:
                    async with self._ports(office, code, unwatched) as ports:
                        outcomes += await _recovered(ports, pushes)
                except (SettingsError, UnknownLocation) as error:
                    outcomes += [_still_open(push, f"it stays open: {error}") for push in pushes]
        return tuple(outcomes)

    async def approve(self, push_id: str, by: str, why: str = "", progress: Progress = unwatched) -> Pushed:
        """Approve a push that waits for review: a new one is made of it, under all other guards.

        Raises:
            InputError: there is no such push, or it waits for nothing; `NotLive`, StoreError, SettingsError: as `push`.
        """
        from pms_lab.engine.review import approve

        async with self._office() as office:
            location = (await self._found(office, push_id)).location
            self.check_live(location)
            person = await office.people.id_of(by)
            async with self._ports(office, location, progress) as ports:
                recovered = await _settled(ports)
                return Pushed(await approve(ports, push_id, person, why), recovered)

    async def reject(self, push_id: str, by: str, why: str) -> None:
        """Close a review; no PMS is asked. Raises what `approve` does, but for `NotLive`."""
        async with self._office() as office:
            await self._found(office, push_id)
            person = await office.people.id_of(by)
            await office.ledger.decide(Decision(push_id, False, person, datetime.now(UTC), why))

    async def reviews(self, location: str | None = None) -> tuple[Push, ...]:
        """Return the pushes that wait for a decision, the oldest first."""
        async with self._office(location) as office:
            return await office.ledger.reviews(location)

    async def transactions(
        self, location: str | None = None, *, only_open: bool = False, limit: int | None = None
    ) -> tuple[Push, ...]:
        """Return pushes, the latest first."""
        async with self._office(location) as office:
            return await office.ledger.pushes(location, OPEN if only_open else (), limit)

    async def transaction(self, push_id: str) -> tuple[Push, Decision | None]:
        """Return a push, and what was decided on it.

        Raises:
            InputError: there is none with this id.
        """
        async with self._office() as office:
            return await self._found(office, push_id), await office.ledger.decision(push_id)

    async def decisions(self, pushes: Collection[Push]) -> Mapping[str, Decision]:
        """Return what was decided on pushes that wait for a person, or did, by their ids."""
        waiting = [push.id for push in pushes if push.state is PushState.PENDING_MANUAL_REVIEW]
        if not waiting:
            return {}
        async with self._office() as office:
            found = [await office.ledger.decision(push_id) for push_id in waiting]
        return {decision.push_id: decision for decision in found if decision is not None}

    async def history(
        self, location: str, product: str, night: date, on: date | None = None, limit: int = 100
    ) -> tuple[HistoryEntry, ...]:
        """Return what one cell held up to the end of a day, or up to now, the latest first.

        Raises:
            InputError: the location has no such product.
        """
        place = self._location(location)
        if product not in place.products:
            known = f"it has {listed(place.products)}{hint(product, place.products)}"
            raise InputError(f"unknown product {product!r} of {place.code}: {known}")
        async with self._office() as office:
            until = None if on is None else _end_of(on, place)
            return await office.ledger.history(RateCell(place.code, product, night), until, limit)

    async def alerts(self, location: str | None = None, limit: int | None = None) -> tuple[Alert, ...]:
        """Return alerts, the latest first."""
        async with self._office(location) as office:
            return await office.ledger.alerts(location, limit)

    async def names(self, ids: Collection[str]) -> Mapping[str, str]:
        """Return the names of people by their ids; what is no person's, or cannot be opened, is left out."""
        async with self._office() as office:
            try:
                return await office.people.names(ids)
            except StoreError as error:
                LOG.warning("people are shown by their ids: %s", error)
                return {}

    async def erase_person(self, who: str) -> str:
        """Forget a person's name for good, and return the id, which stays.

        Args:
            who: the id or the name.

        Raises:
            InputError: there is no such person.
        """
        async with self._office() as office:
            person = who if who in await office.people.names([who]) else await office.people.find(who)
            if person is None:
                raise InputError("nobody of this name or id is known: `pms-lab transactions` shows who asked for what")
            await office.people.erase(person)
            return person

    @asynccontextmanager
    async def _office(self, location: str | None = None) -> AsyncIterator[Office]:
        """Open what outlasts a push, after seeing that the location asked about is one."""
        from pms_lab.live.push import office

        if location is not None:
            self._location(location)
        async with office(self.home, self.settings) as opened:
            yield opened

    def _ports(self, office: Office, location: str, progress: Progress) -> AbstractAsyncContextManager[PushPorts]:
        from pms_lab.live.push import push_ports

        place = self._location(location)
        if place.code not in self.settings.pms:
            how = f"add a table [pms.{place.code}] to pms_lab.toml, as docs/pms.md shows"
            raise SettingsError(f"the settings name no PMS for {place.code}: {how}")
        return push_ports(office, place, self.settings.pms[place.code], self._push_settings(place.code), progress)

    def _bounds(self, location: str, horizon: StayDates | None) -> Bounds:
        from pms_lab.scoring.sheets import Bounds

        place = self._location(location)
        pms = self.settings.pms.get(place.code)
        return Bounds(place, pms.rate_plan if pms else "", horizon, self._push_settings(place.code).max_cells)

    def _push_settings(self, code: str) -> PushSettings:
        return self.settings.push.get(code, PushSettings())

    def _location(self, code: str) -> Location:
        if code not in self.locations:
            raise UnknownLocation.named(code, self.locations)
        return self.locations[code]

    @staticmethod
    async def _found(office: Office, push_id: str) -> Push:
        found = await office.ledger.find(push_id)
        if found is None:
            raise InputError(f"there is no push {push_id!r}: `pms-lab transactions` lists them")
        return found


async def _settled(ports: PushPorts) -> tuple[PushOutcome, ...]:
    """Settle what is open before a push; what cannot be, its preflight tells."""
    try:
        return await _recovered(ports, await ports.ledger.pushes(ports.place.code, OPEN))
    except StoreError:
        return ()


async def _recovered(ports: PushPorts, left: Collection[Push]) -> tuple[PushOutcome, ...]:
    from pms_lab.engine.recover import recover
    from pms_lab.live.push import Down

    if not left:
        return ()
    if isinstance(ports.pms, Down):
        why = f"it stays open, since the PMS cannot be reached: {ports.pms.error}"
        return tuple(_still_open(push, why) for push in left)
    return await _with_holder(ports, await recover(ports))


async def _with_holder(ports: PushPorts, outcomes: tuple[PushOutcome, ...]) -> tuple[PushOutcome, ...]:
    """Add to what is still open for how long its lock is held: that of a process that died lapses by itself."""
    if all(one.state.is_final for one in outcomes):
        return outcomes
    try:
        held = await ports.locks.holder(ports.place.code)
    except StoreError:
        return outcomes
    if held is None:
        return outcomes
    lapse = f"if that process has died, its lock lapses in {held.remaining_s:.0f} s"
    return tuple(one if one.state.is_final else replace(one, why=f"{one.why}; {lapse}") for one in outcomes)


def _still_open(push: Push, why: str) -> PushOutcome:
    cells = tuple(CellOutcome(change, Ending.UNREAD) for change in push.changes)
    return PushOutcome(push.id, push.location, push.state, why, push.checks, cells)


def _end_of(day: date, place: Location) -> datetime:
    """Return the last microsecond of a day by the location's clock, which may show its last hour twice."""
    try:
        next_day = datetime.combine(day + timedelta(days=1), time(), place.zone)
        return next_day.astimezone(UTC) - timedelta(microseconds=1)
    except OverflowError as exc:
        raise InputError(f"{day} ends after the calendar: give an earlier day") from exc

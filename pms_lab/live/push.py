"""All that a push awaits, on this machine: the ledger, the locks, who people are, and the PMS."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import SecretStr
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from pms_lab.adapters.vendors import VENDORS
from pms_lab.domain.location import Location
from pms_lab.domain.outcome import Outcome, Refused, Why
from pms_lab.domain.pms import Availability, Capabilities, Health, NightlyRate
from pms_lab.domain.rates import RateCell
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import ClearRates, UpdateRates
from pms_lab.engine.ledger import Ledger, Runner
from pms_lab.engine.locks import Locks
from pms_lab.engine.pushing.ports import PushPorts, RatePms
from pms_lab.errors import NotSent, PmsError, SettingsError
from pms_lab.live.flow import LiveChance, LiveFlow
from pms_lab.live.pms import connected
from pms_lab.pms_settings import PmsSettings, fetched
from pms_lab.push_settings import PushSettings
from pms_lab.settings import Settings
from pms_lab.store.database import Database, open_database
from pms_lab.store.ledger import SqlBook
from pms_lab.store.people import People, SqlPeople
from pms_lab.store.redis_locks import RedisLocks
from pms_lab.store.redis_windows import open_redis
from pms_lab.store.runner import Threaded
from pms_lab.store.sealing import Seal, key_file
from pms_lab.store.sql_locks import SqlLocks

FOLDER: Final = Path("data") / "ledger"
LEDGER: Final = FOLDER / "ledger.sqlite"
PII_KEY: Final = FOLDER / "pii.key"
THREADS: Final = 4
"""That wait for a database that several may write to at once; SQLite has one writer."""


@dataclass(frozen=True, slots=True)
class Office:
    """What outlasts a push, opened."""

    ledger: Ledger
    locks: Locks
    people: People


@asynccontextmanager
async def office(home: Path, settings: Settings) -> AsyncIterator[Office]:
    """Open the ledger, the locks and the people that the settings name; a missing SQLite file is made, and a key.

    Raises:
        SettingsError: an address is none, or a key is none.
        StoreError: the database cannot be reached, read or written, or the key file cannot be.
    """
    seal = Seal(_keys(home, settings.pii_key))
    with (
        closing(open_database(_address(home, settings.ledger))) as database,
        Threaded(1 if database.is_sqlite else THREADS) as run,
    ):
        async with _locks(settings.locks, database, run) as locks:
            yield Office(Ledger(SqlBook(database), run), locks, People(SqlPeople(database, seal), run))


@asynccontextmanager
async def push_ports(
    opened: Office, place: Location, pms: PmsSettings, push: PushSettings, progress: Callable[[float], None]
) -> AsyncIterator[PushPorts]:
    """Connect to the PMS of a location, and yield what its pushes await. Where it is not to be had, it is `Down`.

    Raises:
        SettingsError: the PMS's address or credentials are none, or it is set up otherwise than the settings say.
    """
    policy = push.policy()
    async with _reached(place, pms, policy.health_s) as reached:
        yield PushPorts(
            flow=LiveFlow(),
            chance=LiveChance(),
            pms=reached,
            ledger=opened.ledger,
            locks=opened.locks,
            place=place,
            policy=policy,
            by=f"pms-lab@{socket.gethostname()}:{os.getpid()}",
            progress=progress,
        )


class Down:
    """A PMS that could not be connected to: the preflight says so, and nothing is sent.

    Attributes:
        error: why.
    """

    def __init__(self, vendor: str, error: PmsError) -> None:
        self._vendor = vendor
        self.error = error

    def capabilities(self) -> Capabilities:
        """Return what the vendor can promise."""
        return VENDORS[self._vendor].capabilities

    async def health_check(self) -> Health:
        """Say that it is down, and why."""
        return Health(is_up=False, latency_s=0.0, detail=str(self.error))

    async def get_rates(self, nights: StayDates, products: Collection[str]) -> Mapping[RateCell, NightlyRate]:
        """Raise what the connection ended in."""
        raise self.error

    async def get_availability(self, nights: StayDates, products: Collection[str]) -> tuple[Availability, ...]:
        """Raise what the connection ended in."""
        raise self.error

    async def update_rates(self, write: UpdateRates) -> Mapping[RateCell, Outcome[None]]:
        """Send nothing."""
        return dict.fromkeys(write.sheet, Refused(Why.NOT_SENT, str(self.error)))

    async def clear_rates(self, write: ClearRates) -> Mapping[RateCell, Outcome[None]]:
        """Send nothing."""
        return dict.fromkeys(write.cells, Refused(Why.NOT_SENT, str(self.error)))


@asynccontextmanager
async def _reached(place: Location, pms: PmsSettings, limit_s: float) -> AsyncIterator[RatePms]:
    async with AsyncExitStack() as stack:
        reached: RatePms
        try:
            async with asyncio.timeout(limit_s):
                reached = await stack.enter_async_context(connected(place, pms))
        except PmsError as error:
            reached = Down(pms.vendor, error)
        except TimeoutError:
            reached = Down(pms.vendor, NotSent(f"no answer within {limit_s:g} s"))
        yield reached


def _address(home: Path, ledger: SecretStr | None) -> str:
    """Return the database's address; a relative path in it starts at home, wherever the command was given."""
    if ledger is None:
        return URL.create("sqlite", database=str(home / LEDGER)).render_as_string()
    address = fetched("ledger", ledger)
    with suppress(ArgumentError, ValueError):  # what is no address is told by whoever opens it
        parsed = make_url(address)
        if parsed.drivername == "sqlite" and parsed.database not in (None, "", ":memory:"):
            return parsed.set(database=str(home / str(parsed.database))).render_as_string()
    return address


def _keys(home: Path, pii_key: SecretStr | None) -> tuple[str, ...]:
    if pii_key is None:
        return key_file(home / PII_KEY)
    return tuple(fetched("pii_key", pii_key).split())


@asynccontextmanager
async def _locks(address: SecretStr | None, database: Database, run: Runner) -> AsyncIterator[Locks]:
    if address is None:
        yield SqlLocks(database, run)
        return
    try:
        redis = open_redis(fetched("locks", address))
    except ValueError as exc:
        raise SettingsError(f"locks is no address of a Redis ({exc}): write it as redis://host:6379") from None
    async with redis:
        yield RedisLocks(redis)

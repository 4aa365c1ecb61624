"""A small world for pushes: one desk with its PMS, its ledger and its locks, through the thin ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from pms_lab.domain.location import Location, Product
from pms_lab.domain.money import Money
from pms_lab.domain.pms import Capabilities
from pms_lab.domain.push import Origin, PushOrder
from pms_lab.domain.rates import RateCell, RateSheet
from pms_lab.engine.ledger import Ledger
from pms_lab.engine.memory_book import MemoryBook
from pms_lab.engine.pushing.ports import PushPorts
from pms_lab.rules.push_policy import CAREFUL, PushPolicy
from pms_lab.sim.driver import Sim
from pms_lab.sim.node import Node
from pms_lab.sim.pms.records import Hotel, RoomType
from pms_lab.sim.pms.state import Pms
from pms_lab.sim.pms.thin import CAN, Decide, ThinHotel, ThinPms, ThinWay, calm
from pms_lab.sim.storage import SimLocks, SimRunner, Storage, locks_of

MORNING: Final = datetime(2026, 2, 18, 14, 0, tzinfo=UTC)
"""06:00 in Las Vegas."""
NIGHT: Final = date(2026, 2, 20)
OLD: Final = {"E": Decimal("46.00"), "F": Decimal("48.00"), "S": Decimal("51.00")}
NEW: Final = {"E": Decimal("46.50"), "F": Decimal("48.20"), "S": Decimal("51.80")}
DESK: Final = Location(
    "LAS_AIRPORT",
    "Las Vegas airport car rental",
    ZoneInfo("America/Los_Angeles"),
    "USD",
    Decimal("0.10"),
    {code: Product(code, f"{code}-class", Decimal("38.00")) for code in OLD},
)
PLAN: Final = "BAR"
HOTEL: Final = Hotel(DESK.code, DESK.name, DESK.zone, DESK.currency, PLAN)
ROOM_TYPES: Final = tuple(RoomType(code, f"{code}-class", amount) for code, amount in OLD.items())
YESTERDAY: Final = MORNING - timedelta(days=1)
"""When the PMS was given `OLD`."""


class PushWorld:
    """One desk, whose PMS holds `OLD` for the night `NIGHT`. What is here outlives every crash.

    Attributes:
        pms, hotel: the PMS, and what it makes of requests; `pms.events` is the truth.
        way: every node's way to it, with what becomes of each request.
        book: the ledger; `storage` is the way to it and to the locks.
    """

    def __init__(
        self, sim: Sim, decide: Decide = calm, *, can: Capabilities = CAN, policy: PushPolicy = CAREFUL,
        lag_s: float = 0.0,
    ) -> None:  # fmt: skip
        """Build it.

        Args:
            lag_s: how old what the PMS shows is; it promises as much.
        """
        self.sim = sim
        self.policy = policy
        self.pms = Pms(HOTEL, ROOM_TYPES, [], lag=timedelta(seconds=lag_s))
        self.hotel = ThinHotel(sim, self.pms, DESK.code, replace(can, read_lag_s=lag_s) if lag_s else can)
        self.way = ThinWay(self.hotel, decide)
        self.book = MemoryBook()
        self.storage = Storage(sim)
        self._locks = locks_of(sim)
        for code, amount in OLD.items():
            self.set(code, amount, YESTERDAY)

    def ports(self, node: Node) -> PushPorts:
        """Return what a push on a node awaits."""
        run = SimRunner(node, self.storage)
        return PushPorts(
            node.flow,
            node.chance,
            ThinPms(self.way, node),
            Ledger(self.book, run),
            SimLocks(self._locks, run),
            DESK,
            self.policy,
            node.name,
        )

    def amounts(self) -> dict[str, Decimal]:
        """Return what the PMS truly holds now."""
        return {code: self.pms.rate(code, NIGHT) for code in OLD}

    def set(self, product: str, amount: Decimal | None, at: datetime | None = None) -> None:
        """Set a rate in the PMS, as a colleague does; None takes it away."""
        self.pms.set_rate(product, PLAN, NIGHT, amount, at or self.sim.now())


def order(rates: Mapping[str, Decimal] = NEW, *, dry_run: bool = False) -> PushOrder:
    """Return an order to push rates for the night `NIGHT`."""
    sheet = {RateCell(DESK.code, code, NIGHT): Money(amount, DESK.currency) for code, amount in rates.items()}
    return PushOrder(RateSheet(sheet), "an analyst", Origin("file", "rates.csv"), dry_run=dry_run)

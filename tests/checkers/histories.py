"""Histories made by hand: a good one, and the parts to spoil it with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from pms_lab.domain.history import Delay, Guards, Healing, History, Hold, Read, Recorded, Sent, Struck, Told, Write
from pms_lab.domain.pms import Capabilities, NightlyRate
from pms_lab.domain.push import Alert, AlertKind, Change, Origin, Push, PushState, Severity, Transition
from pms_lab.domain.rates import RateCell

AT: Final = datetime(2026, 2, 18, 14, 0, tzinfo=UTC)
NIGHT: Final = date(2026, 2, 20)
E, F = (RateCell("LAS", code, NIGHT) for code in "EF")
OLD: Final = {E: Decimal("46.00"), F: Decimal("48.00")}
NEW: Final = {E: Decimal("46.50"), F: Decimal("48.20")}
FOREIGN: Final = Decimal("47.77")
CAN: Final = Capabilities(
    vendor="some", unsupported={}, repeatable=frozenset({"update_rates"}), reconcilable=frozenset(),
    conditional_write=False, atomic_create=True, atomic_rates=False, rate_batch=30, rate_limits=(), read_lag_s=0.0,
    in_flight_s=60.0, shows_deletions=False, webhooks=False,
)  # fmt: skip
GUARDS: Final = Guards("USD", ZoneInfo("America/Los_Angeles"), Decimal("1.15"), Decimal("1.20"), (("E", Decimal(38)),))
S: Final = 1_000_000


def push(*states: PushState, new: dict[RateCell, Decimal] = NEW, exposed_s: float | None = 0.3, **other: Any) -> Push:
    """Return a push that came through these states."""
    steps = (*(Transition(state, AT, "one", "because", None) for state in states[:-1]),)
    last = Transition(states[-1], AT, "one", "because", exposed_s)
    changes = tuple(Change(cell, NightlyRate(OLD[cell]), amount) for cell, amount in new.items())
    given = {"currency": "USD", "read_at": AT, **other}
    return Push(
        "p1", "LAS", tax_basis=None, asked_by="one", asked_at=AT, origin=Origin("file", "rates.csv"), changes=changes,
        transitions=(*steps, last), **given,
    )  # fmt: skip


PREPARED, IN_PROGRESS, PUBLISHED = PushState.PREPARED, PushState.IN_PROGRESS, PushState.PUBLISHED
ROLLED_BACK, REVIEW, REJECTED = PushState.ROLLED_BACK, PushState.PENDING_MANUAL_REVIEW, PushState.REJECTED
SENT: Final = Sent(1 * S, "one", "update_rates", 1, "one", ("p1",))
BEFORE: Final = tuple(Write(number, -S, cell, OLD[cell], True) for number, cell in enumerate((E, F), 1))


def ours(number: int, cell: RateCell, amount: Decimal | None, at_us: int = SENT.at_us + 50_000) -> Write:
    """Return a write of the push."""
    return Write(number, at_us, cell, amount, False, SENT)


def by_hand(number: int, cell: RateCell, amount: Decimal | None, at_us: int) -> Write:
    """Return a colleague's edit."""
    return Write(number, at_us, cell, amount, True)


def recorded(*states: PushState, written: int = 4) -> tuple[Recorded, ...]:
    """Return the ledger's record of these states; the last after `written` writes."""
    early = [Recorded((9 + index) * S // 10, "p1", state, 1, 2) for index, state in enumerate(states[:-1])]
    return (*early, Recorded(2 * S, "p1", states[-1], 1, written))


def told(
    kind: AlertKind = AlertKind.ROLLED_BACK, push_id: str | None = "p1", at_us: int = 2 * S, say: str = "x"
) -> Told:
    """Return an alert."""
    return Told(at_us, Alert(kind, Severity.HIGH, "LAS", push_id or "LAS", say, say, AT, push_id))


ALL: Final = (PREPARED, IN_PROGRESS, PUBLISHED)
BACK: Final = (PREPARED, IN_PROGRESS, ROLLED_BACK)

GOOD: Final = History(
    can=CAN, plan="BAR", guards=GUARDS, sent=(SENT,),
    writes=(*BEFORE, ours(3, E, NEW[E]), ours(4, F, NEW[F])),
    reads=(Read(S * 9 // 10, "one"),), holds=(Hold("one", 1, 0, 3 * S, 1),), recorded=recorded(*ALL),
    pushes=(push(*ALL),), settled_us=2 * S, healing=Healing(0, 100.0),
)  # fmt: skip
"""One push of two cells, published."""

TAKEN_BACK: Final = replace(
    GOOD,
    writes=(*GOOD.writes, ours(5, E, OLD[E], 3 * S // 2), ours(6, F, OLD[F], 3 * S // 2)),
    recorded=recorded(*BACK, written=6),
    pushes=(push(*BACK),),
    told=(told(),),
    struck=(Struck(S, S, "reset"),),
)
"""One push of two cells, taken back, and somebody was told."""

EXPOSED: Final = replace(
    GOOD, writes=(*BEFORE, by_hand(3, E, FOREIGN, S), ours(4, E, NEW[E]), ours(5, F, NEW[F])),
    recorded=recorded(*ALL, written=5), struck=(Struck(S, S, "edit"),),
)  # fmt: skip
"""A colleague's edit was lost between the comparison and the landing, and the push says so."""

WAITED: Final = replace(GOOD, reads=(Read(-4 * S, "one"),), delays=(Delay("one", -4 * S, S),))
"""The comparison was old, since the node was paused."""

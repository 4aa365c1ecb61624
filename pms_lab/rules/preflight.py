"""The preflight: five checks of a push before anything is written, all of them evaluated, whatever fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from operator import itemgetter
from typing import Final

from pms_lab.domain.location import Location, Product
from pms_lab.domain.money import Money
from pms_lab.domain.pms import Health, NightlyRate
from pms_lab.domain.push import Binding, Check, Finding, Rule
from pms_lab.domain.rates import RateCell, RateSheet
from pms_lab.rules.comparing import TOLERANCE
from pms_lab.rules.push_policy import PushPolicy
from pms_lab.rules.settling import CLOCK_SKEW_S

REACHABLE: Final = "pms reachable"
SANE: Final = "rates sane"
FRESH: Final = "inventory fresh"
WRITABLE: Final = "ledger writable"
ALONE: Final = "no active push"

_ROOM: Final = itemgetter(0)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen before a push. A text stands for what could not be seen, and says why.

    Attributes:
        now: by the clock of this machine; aware.
        held: what the PMS holds, by cell.
        day_base: the rates with which the day began, for the cells that we have read before.
        inventory_at: when the availability was last read.
        ledger_at: when the last event of this location was recorded; None before the first.
        ledger: why the ledger cannot be written; None when it can.
        active: the push that is under way, or who holds the lock; None when nobody is.
    """

    now: datetime
    health: Health
    held: Mapping[RateCell, NightlyRate] | str
    day_base: Mapping[RateCell, Decimal]
    inventory_at: datetime | str | None
    ledger_at: datetime | None
    ledger: str | None
    active: str | None


class Verdict(Enum):
    """What the preflight says."""

    GO = "go"
    REVIEW = "review"
    REJECT = "reject"


def preflight(sheet: RateSheet, place: Location, policy: PushPolicy, seen: Seen) -> tuple[Check, ...]:
    """Return all five checks, in the order in which people read them."""
    return (
        Check(REACHABLE, seen.health.is_up, seen.health.detail),
        _sane(sheet, place, policy, seen),
        _fresh(policy, seen),
        _writable(seen),
        Check(ALONE, seen.active is None, seen.active or "nobody else is pushing here"),
    )


def verdict_of(checks: tuple[Check, ...], *, waives_day_cap: bool = False) -> Verdict:
    """Tell whether a push may go on, waits for a person, or is rejected.

    A breach of the day cap alone is a person's to decide; any other is not.

    Args:
        waives_day_cap: whether a person has decided so already.
    """
    failed = [check for check in checks if not check.passed]
    if not failed:
        return Verdict.GO
    rules = {finding.rule for check in failed for finding in check.findings}
    if all(check.name == SANE and check.findings for check in failed) and rules <= {Rule.DAY_CAP}:
        return Verdict.GO if waives_day_cap else Verdict.REVIEW
    return Verdict.REJECT


def binding_of(
    new: Decimal, old: Decimal | None, base: Decimal | None, product: Product | None, policy: PushPolicy
) -> Binding | None:
    """Return the constraint that a new rate comes closest to, or that it breaks by most."""
    limits: list[tuple[Decimal, Rule, Decimal]] = []  # how far the rate is from it: below zero where it is beyond
    if old is not None and old > 0:
        limit = old * policy.push_cap
        limits.append((limit - new, Rule.PUSH_CAP, limit))
        if policy.largest_decrease is not None:
            limit = old * (1 - policy.largest_decrease)
            limits.append((new - limit, Rule.DECREASE, limit))
    if base is not None and base > 0:
        limit = base * policy.day_cap
        limits.append((limit - new, Rule.DAY_CAP, limit))
    if product is not None and product.floor is not None:
        limits.append((new - product.floor, Rule.FLOOR, product.floor))
    if not limits:
        return None
    _, rule, limit = min(limits, key=_ROOM)
    return Binding(rule, limit)


def _sane(sheet: RateSheet, place: Location, policy: PushPolicy, seen: Seen) -> Check:
    whole = list(_of_the_sheet(sheet, place, policy))
    if whole:
        return Check(SANE, False, whole[0].why, tuple(whole))
    rules = _UNREAD_RULES if isinstance(seen.held, str) else _CELL_RULES
    findings = [
        Finding(rule, judged.cell, f"{named(judged.cell)}: {why}")
        for judged in _cells(sheet, place, policy, seen)
        for rule, says in rules.items()
        if (why := says(judged)) is not None
    ]
    if isinstance(seen.held, str):
        findings.append(Finding(Rule.PREVIOUS, None, f"the rates in the PMS could not be read: {seen.held}"))
    if not findings:
        return Check(SANE, True, f"{len(sheet)} cells keep every rule")
    broken = len({finding.cell for finding in findings if finding.cell})
    detail = f"{broken} of {len(sheet)} cells break a rule: {findings[0].why}" if broken else findings[0].why
    return Check(SANE, False, detail, tuple(findings))


def _of_the_sheet(sheet: RateSheet, place: Location, policy: PushPolicy) -> Iterator[Finding]:
    if sheet.location != place.code:
        yield Finding(Rule.LOCATION, None, f"the sheet is for {sheet.location}, not for {place.code}")
    if len(sheet) > policy.max_cells:
        yield Finding(Rule.SIZE, None, f"the sheet has {len(sheet)} cells, more than {policy.max_cells}: split it")
    if sheet.currency != place.currency:
        yield Finding(Rule.CURRENCY, None, f"the sheet is in {sheet.currency}, {place.code} sells in {place.currency}")
    if place.price_step < TOLERANCE:
        why = f"the price step {place.price_step} is finer than {TOLERANCE}, to which rates are read back"
        yield Finding(Rule.PRICE_STEP, None, why)
    if sheet.tax_basis not in (None, policy.tax_basis):
        held = policy.tax_basis or "in a tax basis that the setting tax_basis does not tell"
        yield Finding(Rule.TAX_BASIS, None, f"the sheet is {sheet.tax_basis}, {place.code} sells {held}")


@dataclass(slots=True)
class _Judged:
    """A cell, and all that its rules ask for: `old` is what is held, `base` the day's first rate; nights are within."""

    cell: RateCell
    rate: Money
    new: Decimal
    held: NightlyRate | None
    old: Decimal | None
    base: Decimal | None
    product: Product | None
    place: Location
    policy: PushPolicy
    first_night: date
    last_night: date


def _cells(sheet: RateSheet, place: Location, policy: PushPolicy, seen: Seen) -> Iterator[_Judged]:
    today = seen.now.astimezone(place.zone).date()
    last = today + timedelta(days=policy.horizon_days)
    all_held = {} if isinstance(seen.held, str) else seen.held
    for cell, rate in sheet.items():
        held = all_held.get(cell)
        old = None if held is None else held.amount
        base, product = seen.day_base.get(cell, old), place.products.get(cell.product)
        yield _Judged(cell, rate, rate.amount, held, old, base, product, place, policy, today, last)


def named(cell: RateCell) -> str:
    """Name a cell for people: ``E 2026-11-30``."""
    parts = (cell.product, cell.stay_date, cell.rate_plan, cell.occupancy and f"for {cell.occupancy}")
    return " ".join(str(part) for part in parts if part)


def _product(judged: _Judged) -> str | None:
    if judged.product is not None:
        return None
    return f"{judged.place.code} has no such product: add it to data/locations.toml"


def _stay_date(judged: _Judged) -> str | None:
    night = judged.cell.stay_date
    if night is None:
        return "a rate without a night: say over which nights it holds"
    if not judged.first_night <= night <= judged.last_night:
        return f"the night is not within {judged.first_night} to {judged.last_night}"
    return None


def _price_step(judged: _Judged) -> str | None:
    step = judged.place.price_step
    try:
        rest = judged.new % step
    except InvalidOperation:
        return f"{judged.new:.3e} has more digits than any rate"
    return f"{judged.rate} is no multiple of the price step {step}" if rest else None


def _floor(judged: _Judged) -> str | None:
    floor = judged.product.floor if judged.product else None
    if floor is not None and judged.new < floor:
        return f"{judged.rate} is below the floor of {floor}"
    if judged.new <= 0 and not judged.place.allow_negative:
        return f"{judged.rate} is not above zero"
    return None


def _previous(judged: _Judged) -> str | None:
    if judged.held is not None or judged.policy.allow_new:
        return None
    return "the PMS has no rate for it; a first rate is allowed by the setting allow_new"


def _derived(judged: _Judged) -> str | None:
    is_derived = judged.held is not None and judged.held.is_derived
    return "its rate is derived from another: push the parent" if is_derived else None


def _readable(judged: _Judged) -> str | None:
    if judged.cell.occupancy is None and judged.cell.rate_plan is None:
        return None
    return "only the plan of the settings can be read back, and no occupancy: leave both out"


def _push_cap(judged: _Judged) -> str | None:
    return _above(judged, judged.old, judged.policy.push_cap, "what the PMS holds now")


def _day_cap(judged: _Judged) -> str | None:
    return _above(judged, judged.base, judged.policy.day_cap, "the day's first rate")


def _above(judged: _Judged, base: Decimal | None, cap: Decimal, what: str) -> str | None:
    if base is None or judged.new <= base * cap:
        return None
    return f"{judged.rate} is above {cap} × {base:f}, {what}"


def _decrease(judged: _Judged) -> str | None:
    most = judged.policy.largest_decrease
    if most is None or judged.old is None or judged.new >= judged.old * (1 - most):
        return None
    return f"{judged.rate} is more than {most:.0%} below {judged.old:f}, what the PMS holds now"


_CELL_RULES: Final[Mapping[Rule, Callable[[_Judged], str | None]]] = {
    Rule.PRODUCT: _product,
    Rule.DATE: _stay_date,
    Rule.PRICE_STEP: _price_step,
    Rule.FLOOR: _floor,
    Rule.READABLE: _readable,
    Rule.PREVIOUS: _previous,
    Rule.DERIVED: _derived,
    Rule.PUSH_CAP: _push_cap,
    Rule.DAY_CAP: _day_cap,
    Rule.DECREASE: _decrease,
}

_UNREAD_RULES: Final = {rule: says for rule, says in _CELL_RULES.items() if rule is not Rule.PREVIOUS}
"""Those that can be judged where the PMS could not be read."""


def _fresh(policy: PushPolicy, seen: Seen) -> Check:
    if isinstance(seen.inventory_at, str):
        return Check(FRESH, False, f"the availability could not be read: {seen.inventory_at}")
    if seen.inventory_at is None:
        return Check(FRESH, False, "the availability was never read")
    age_s = (seen.now - seen.inventory_at).total_seconds()
    if age_s < -CLOCK_SKEW_S:
        return Check(FRESH, False, f"the availability was read in the future, at {seen.inventory_at}: set the clock")
    is_fresh = age_s <= policy.inventory_age_h * 3600
    return Check(FRESH, is_fresh, f"{age_s / 3600:.1f} h, at most {policy.inventory_age_h:g} h")


def _writable(seen: Seen) -> Check:
    if seen.ledger is not None:
        return Check(WRITABLE, False, seen.ledger)
    if seen.ledger_at is not None and seen.now < seen.ledger_at - timedelta(seconds=CLOCK_SKEW_S):
        why = f"the clock says {seen.now}, but the last event is of {seen.ledger_at}: set the clock"
        return Check(WRITABLE, False, why)
    return Check(WRITABLE, True, "a probe was written and taken back")

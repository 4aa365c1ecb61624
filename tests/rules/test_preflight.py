"""The preflight: five checks, always all of them, and one table for the rules of a rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pms_lab.domain.location import Location
from pms_lab.domain.money import Money
from pms_lab.domain.pms import Health, NightlyRate
from pms_lab.domain.push import Binding, Check, Rule
from pms_lab.domain.rates import RateCell, RateSheet, TaxBasis
from pms_lab.errors import SettingsError
from pms_lab.rules.preflight import Seen, Verdict, binding_of, preflight, verdict_of
from pms_lab.rules.push_policy import CAREFUL, PushPolicy

NOW = datetime(2026, 12, 1, 7, 30, tzinfo=UTC)  # still 30 November at the desk, in Los Angeles
TODAY = date(2026, 11, 30)
NAMES = ["pms reachable", "rates sane", "inventory fresh", "ledger writable", "no active push"]
UP = Health(is_up=True, latency_s=0.1, detail="up")

FIFTH = PushPolicy(largest_decrease=Decimal("0.2"))
NET = PushPolicy(tax_basis=TaxBasis.NET)


def cell(product: str = "E", night: date | None = TODAY, **other: Any) -> RateCell:
    return RateCell("DESK", product, night, **other)


def sheet(amount: str = "46.50", where: RateCell | None = None, currency: str = "USD", **other: Any) -> RateSheet:
    return RateSheet({where or cell(): Money.of(amount, currency)}, **other)


def seen(old: str | None = "46.00", base: str | None = None, where: RateCell | None = None, **other: Any) -> Seen:
    at = where or cell()
    held: Mapping[RateCell, NightlyRate] = {} if old is None else {at: NightlyRate(Decimal(old))}
    day_base = {} if base is None else {at: Decimal(base)}
    calm = Seen(NOW, UP, held, day_base, NOW - timedelta(hours=1), NOW - timedelta(minutes=5), None, None)
    return replace(calm, **other)


def broken(checks: tuple[Check, ...]) -> set[Rule]:
    return {finding.rule for check in checks for finding in check.findings}


def test_a_calm_push_passes_all_five_checks(desk: Location) -> None:
    checks = preflight(sheet(), desk, CAREFUL, seen())
    assert [check.name for check in checks] == NAMES
    assert all(check.passed and not check.findings for check in checks)
    assert verdict_of(checks) is Verdict.GO


RULES = [
    ("the push cap, reached", sheet("52.90"), seen("46.00"), CAREFUL, set()),
    ("the push cap, passed by a step", sheet("53.00"), seen("46.00"), CAREFUL, {Rule.PUSH_CAP}),
    ("the day cap, reached", sheet("55.20"), seen("50.00", base="46.00"), CAREFUL, set()),
    ("the day cap, passed by a step", sheet("55.30"), seen("50.00", base="46.00"), CAREFUL, {Rule.DAY_CAP}),
    ("both caps", sheet("60.00"), seen("46.00", base="46.00"), CAREFUL, {Rule.PUSH_CAP, Rule.DAY_CAP}),
    ("the floor, reached", sheet("30.00"), seen("46.00"), CAREFUL, set()),
    ("the floor, passed by a step", sheet("29.90"), seen("46.00"), CAREFUL, {Rule.FLOOR}),
    ("zero where no floor is known", sheet("0.00", cell("F")), seen("46.00", where=cell("F")), CAREFUL, {Rule.FLOOR}),
    ("any decrease", sheet("31.00"), seen("460.00"), CAREFUL, set()),
    ("the largest decrease, reached", sheet("36.80"), seen("46.00"), FIFTH, set()),
    (
        "the largest decrease, passed by a step",
        sheet("36.70"),
        seen("46.00"),
        FIFTH,
        {Rule.DECREASE},
    ),
    ("finer than the price step", sheet("46.55"), seen(), CAREFUL, {Rule.PRICE_STEP}),
    ("no previous rate", sheet(), seen(None), CAREFUL, {Rule.PREVIOUS}),
    ("no previous rate, allowed", sheet(), seen(None), PushPolicy(allow_new=True), set()),
    ("a previous rate of zero", sheet(), seen("0"), CAREFUL, {Rule.PUSH_CAP, Rule.DAY_CAP}),
    ("an unknown product", sheet(where=cell("Z")), seen(where=cell("Z")), CAREFUL, {Rule.PRODUCT}),
    ("no night", sheet(where=cell(night=None)), seen(where=cell(night=None)), CAREFUL, {Rule.DATE}),
    ("yesterday", sheet(where=cell(night=date(2026, 11, 29))), seen(where=cell(night=date(2026, 11, 29))), CAREFUL,
     {Rule.DATE}),
    ("the last night", sheet(where=cell(night=date(2026, 12, 7))), seen(where=cell(night=date(2026, 12, 7))),
     PushPolicy(horizon_days=7), set()),
    ("past the last night", sheet(where=cell(night=date(2026, 12, 8))), seen(where=cell(night=date(2026, 12, 8))),
     PushPolicy(horizon_days=7), {Rule.DATE}),
    ("an occupancy", sheet(where=cell(occupancy=2)), seen(where=cell(occupancy=2)), CAREFUL, {Rule.READABLE}),
    ("another currency", sheet(currency="EUR"), seen(), CAREFUL, {Rule.CURRENCY}),
    ("another tax basis", sheet(tax_basis=TaxBasis.GROSS), seen(), NET, {Rule.TAX_BASIS}),
    ("no tax basis said", sheet(), seen(), NET, set()),
    ("the tax basis of the settings", sheet(tax_basis=TaxBasis.NET), seen(), NET, set()),
    ("a tax basis that the settings do not confirm", sheet(tax_basis=TaxBasis.NET), seen(), CAREFUL, {Rule.TAX_BASIS}),
    ("as many cells as allowed", sheet(), seen(), PushPolicy(max_cells=1), set()),
    ("rates that cannot be read", sheet(), seen(held="timed out"), CAREFUL, {Rule.PREVIOUS}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sheet", "seen", "policy", "rules"), [row[1:] for row in RULES], ids=[row[0] for row in RULES]
)
def test_each_rule_of_a_rate(
    sheet: RateSheet, seen: Seen, policy: PushPolicy, rules: set[Rule], desk: Location
) -> None:
    checks = preflight(sheet, desk, policy, seen)
    assert broken(checks) == rules
    assert checks[1].passed is (not rules)
    assert len(checks) == 5


def test_a_derived_rate_and_another_location_and_too_many_cells_are_refused(desk: Location) -> None:
    derived = seen(held={cell(): NightlyRate(Decimal(46), is_derived=True)})
    assert broken(preflight(sheet(), desk, CAREFUL, derived)) == {Rule.DERIVED}
    elsewhere = RateSheet({RateCell("INN", "E", TODAY): Money.of("46.50", "USD")})
    assert broken(preflight(elsewhere, desk, CAREFUL, seen())) == {Rule.LOCATION}
    two = RateSheet({cell(): Money.of(46, "USD"), cell("F"): Money.of(46, "USD")})
    assert broken(preflight(two, desk, PushPolicy(max_cells=1), seen())) == {Rule.SIZE}


OTHERS = [
    ("pms reachable", {"health": Health(is_up=False, latency_s=5, detail="no answer within 5 s")}),
    ("inventory fresh", {"inventory_at": NOW - timedelta(hours=2, seconds=1)}),
    ("inventory fresh", {"inventory_at": NOW + timedelta(minutes=2)}),
    ("inventory fresh", {"inventory_at": None}),
    ("inventory fresh", {"inventory_at": "timed out"}),
    ("ledger writable", {"ledger": "the disk is full"}),
    ("ledger writable", {"ledger_at": NOW + timedelta(minutes=2)}),  # the clock was set back
    ("no active push", {"active": "push 17 has not ended"}),
]


@pytest.mark.parametrize(("name", "other"), OTHERS)
def test_each_other_check_rejects_alone_while_all_five_are_reported(
    name: str, other: dict[str, Any], desk: Location
) -> None:
    checks = preflight(sheet(), desk, CAREFUL, seen(**other))
    assert [check.name for check in checks] == NAMES
    assert [check.name for check in checks if not check.passed] == [name]
    assert verdict_of(checks) is verdict_of(checks, waives_day_cap=True) is Verdict.REJECT


def test_an_inventory_just_two_hours_old_is_fresh(desk: Location) -> None:
    assert preflight(sheet(), desk, CAREFUL, seen(inventory_at=NOW - timedelta(hours=2)))[2].passed


def test_the_day_cap_alone_waits_for_a_person_and_is_waived_by_one(desk: Location) -> None:
    checks = preflight(sheet("55.30"), desk, CAREFUL, seen("50.00", base="46.00"))
    assert verdict_of(checks) is Verdict.REVIEW
    assert verdict_of(checks, waives_day_cap=True) is Verdict.GO


def test_no_person_waives_another_rule(desk: Location) -> None:
    checks = preflight(sheet("60.00"), desk, CAREFUL, seen("46.00", base="46.00"))
    assert verdict_of(checks, waives_day_cap=True) is Verdict.REJECT


def test_a_sheet_with_one_bad_cell_among_many_names_it(desk: Location) -> None:
    night = TODAY + timedelta(days=1)
    rates = {cell(): Money.of("46.50", "USD"), cell(night=night): Money.of("90.00", "USD")}
    held = {one: NightlyRate(Decimal(46)) for one in rates}
    check = preflight(RateSheet(rates), desk, CAREFUL, seen(held=held))[1]
    assert {finding.cell for finding in check.findings} == {cell(night=night)}
    assert check.detail.startswith("1 of 2 cells break a rule: E 2026-12-01: 90.00 USD is above 1.15 × 46")


@pytest.mark.parametrize(
    ("new", "policy", "binding"),
    [
        ("52.00", CAREFUL, Binding(Rule.PUSH_CAP, Decimal("52.9000"))),
        ("31.00", CAREFUL, Binding(Rule.FLOOR, Decimal("30.00"))),
        ("37.00", PushPolicy(largest_decrease=Decimal("0.2")), Binding(Rule.DECREASE, Decimal("36.800"))),
        ("53.00", PushPolicy(push_cap=Decimal(2)), Binding(Rule.DAY_CAP, Decimal("55.2000"))),
    ],
)
def test_the_binding_constraint_is_the_one_with_the_least_room(
    new: str, policy: PushPolicy, binding: Binding, desk: Location
) -> None:
    assert binding_of(Decimal(new), Decimal("46.00"), Decimal("46.00"), desk.products["E"], policy) == binding


def test_without_any_constraint_nothing_binds(desk: Location) -> None:
    assert binding_of(Decimal(1), None, None, desk.products["F"], CAREFUL) is None


@given(old=st.decimals("0.10", "5000", places=1), new=st.decimals("0.10", "9000", places=1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_rate_passes_the_push_cap_just_when_it_is_at_most_115_percent(
    old: Decimal, new: Decimal, desk: Location
) -> None:
    checks = preflight(sheet(str(new), cell("F")), desk, CAREFUL, seen(str(old), where=cell("F")))
    assert (Rule.PUSH_CAP in broken(checks)) == (new > old * Decimal("1.15"))


@pytest.mark.parametrize(
    "fields",
    [
        {"push_cap": Decimal("0.99")},
        {"day_cap": Decimal(0)},
        {"largest_decrease": Decimal("1.01")},
        {"waits_s": (5.0, -1.0)},
        {"lock_ttl_s": 0.0},
        {"part_cells": 0},
    ],
)
def test_a_policy_outside_its_bounds_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=f"{next(iter(fields))} .* outside its bounds"):
        PushPolicy(**fields)

"""Compare-and-set: ours, the old one, or somebody else's."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.push import Change, Ending, PushState
from pms_lab.domain.rates import RateCell
from pms_lab.rules.comparing import Stand, outcomes_of, stand_of

CELL = RateCell("INN", "A", date(2026, 12, 1))
AMOUNTS = st.decimals("0.01", "9999.99", places=2)


def rate(text: str | None) -> NightlyRate | None:
    """Read ``46.50`` as a cell's own rate, ``(46.50)`` as an inherited one, and None as no rate."""
    return None if text is None else NightlyRate(Decimal(text.strip("()")), is_own=not text.startswith("("))


@pytest.mark.parametrize(
    ("old", "new", "held", "stand"),
    [
        ("46.00", "46.50", "46.50", Stand.NEW),
        ("46.00", "46.50", "46.00", Stand.OLD),
        ("46.00", "46.50", "46.49", Stand.FOREIGN),  # a difference of one cent is one
        ("46.00", "46.50", "46.509", Stand.NEW),  # and one of less is none
        ("46.00", "46.50", "46.491", Stand.NEW),
        ("46.00", "46.50", "47.00", Stand.FOREIGN),
        ("46.00", "46.50", None, Stand.FOREIGN),  # a cell that is missing was taken away by somebody
        ("46.00", "46.50", "(46.50)", Stand.FOREIGN),  # our rate was taken away, and it inherits the same
        ("46.00", "46.00", "46.00", Stand.NEW),
        ("(46.00)", "46.50", "(46.00)", Stand.OLD),
        ("(46.00)", "46.50", "46.00", Stand.FOREIGN),  # somebody pinned what was inherited
        ("(46.00)", "46.00", "(46.00)", Stand.OLD),
        ("(46.00)", "46.00", "46.00", Stand.NEW),
        (None, "46.50", None, Stand.OLD),
        (None, "46.50", "46.50", Stand.NEW),
        (None, "46.50", "46.00", Stand.FOREIGN),
    ],
)
def test_what_a_cell_holds_is_ours_the_old_one_or_foreign(
    old: str | None, new: str, held: str | None, stand: Stand
) -> None:
    assert stand_of(Change(CELL, rate(old), Decimal(new)), rate(held)) is stand


@given(old=AMOUNTS, new=AMOUNTS, held=AMOUNTS)
def test_amounts_in_cents_are_told_apart_exactly(old: Decimal, new: Decimal, held: Decimal) -> None:
    stand = stand_of(Change(CELL, NightlyRate(old), new), NightlyRate(held))
    assert stand is (Stand.NEW if held == new else Stand.OLD if held == old else Stand.FOREIGN)


@pytest.mark.parametrize(
    ("state", "held", "was_ours", "ending"),
    [
        (PushState.PUBLISHED, "46.50", False, Ending.PUBLISHED),
        (PushState.ROLLBACK_FAILED, "46.50", True, Ending.OURS),
        (PushState.ROLLED_BACK, "46.00", True, Ending.RESTORED),
        (PushState.ROLLED_BACK, "46.00", False, Ending.UNCHANGED),
        (PushState.PENDING_MANUAL_REVIEW, "47.00", False, Ending.FOREIGN),
        (PushState.PENDING_MANUAL_REVIEW, None, False, Ending.FOREIGN),
    ],
)
def test_what_became_of_a_cell_follows_from_its_last_reading(
    state: PushState, held: str | None, was_ours: bool, ending: Ending
) -> None:
    found = rate(held)
    (told,) = outcomes_of(
        [Change(CELL, rate("46.00"), Decimal("46.50"))],
        {CELL: found} if found else {},
        state,
        {CELL} if was_ours else (),
    )
    assert (told.ending, told.held) == (ending, found)


def test_a_cell_that_held_the_new_amount_already_is_as_before() -> None:
    held = {CELL: NightlyRate(Decimal(46))}
    (told,) = outcomes_of([Change(CELL, rate("46.00"), Decimal(46))], held, PushState.PUBLISHED)
    assert told.ending is Ending.UNCHANGED


def test_without_a_reading_nothing_is_told_of_a_cell() -> None:
    (told,) = outcomes_of([Change(CELL, rate("46.00"), Decimal("46.50"))], None, PushState.IN_PROGRESS)
    assert told.ending is Ending.UNREAD

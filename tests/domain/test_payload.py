from __future__ import annotations

import json
from dataclasses import fields
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pms_lab.domain.money import Money
from pms_lab.domain.payload import from_record, to_record
from pms_lab.domain.pms import PmsId, Preference, ReservationStatus
from pms_lab.domain.rates import RateCell, RateSheet, TaxBasis
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import (
    OPERATIONS,
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
from pms_lab.errors import StoreError

texts = st.text(max_size=20)
ids = st.builds(PmsId, st.sampled_from(["opera", "mews"]), st.text(min_size=1, max_size=10))
nights = st.dates(date(2020, 1, 1), date(2040, 1, 1))
stays = st.builds(StayDates.starting, nights, st.integers(1, 400))
amounts = st.decimals(allow_nan=False, allow_infinity=False)
money = st.builds(Money, amounts, st.sampled_from(["USD", "EUR"]))
zones = st.integers(-720, 720).map(lambda minutes: timezone(timedelta(minutes=minutes)))
times = st.datetimes(timezones=zones)
cells = st.builds(RateCell, st.just("INN"), texts, st.none() | nights, st.none() | texts, st.none() | st.integers(1, 9))
sheets = st.builds(
    RateSheet,
    st.dictionaries(cells, amounts.map(lambda amount: Money(amount, "EUR")), min_size=1, max_size=4),
    st.none() | st.sampled_from(TaxBasis),
)
writes: st.SearchStrategy[Write] = st.one_of(
    st.builds(UpdateGuest, texts, ids, st.none() | texts, st.none() | texts, st.none() | texts),
    st.builds(AddPreferences, texts, ids, st.lists(st.builds(Preference, texts, texts)).map(tuple)),
    st.builds(AddNote, texts, ids, texts),
    st.builds(SetSpecialRequests, texts, ids, texts),
    st.builds(SetStatus, texts, ids, st.sampled_from(ReservationStatus)),
    st.builds(UpdateCheckoutTime, texts, ids, times),
    st.builds(
        CreateReservation, texts, stays, texts, texts, texts, texts,
        phone=st.none() | texts, guest=st.none() | ids, children=st.integers(0, 9), total=st.none() | money,
    ),
    st.builds(ModifyDates, texts, ids, stays),
    st.builds(CancelReservation, texts, ids, texts),
    st.builds(PostCharge, texts, ids, texts, money, st.none() | texts),
    st.builds(UpdateRates, texts, sheets),
    st.builds(ClearRates, texts, st.lists(cells, max_size=4).map(tuple)),
    st.builds(SetAvailability, texts, st.dictionaries(st.tuples(texts, nights), st.integers(0, 99))),
)  # fmt: skip

CHARGE = PostCharge("charge-1", PmsId("opera", "7"), "Minibar", Money(Decimal("46.50"), "USD"))


def exactly(value: object) -> Any:
    """Return what tells a value from its equals: digits of decimals, types, offsets, the order of cells."""
    match value:
        case RateSheet():
            return value.tax_basis, [(exactly(cell), exactly(rate)) for cell, rate in value.items()]
        case Money():
            return str(value.amount), value.currency
        case datetime():
            return value.isoformat()
        case _ if hasattr(value, "__dataclass_fields__"):
            return type(value), [exactly(getattr(value, field.name)) for field in fields(value)]  # type: ignore[arg-type]
        case _:
            return repr(value)


@given(writes)
@example(PostCharge("charge-1", PmsId("opera", "7"), "", Money(Decimal("1E+2"), "USD")))
def test_every_write_comes_back_exactly(write: Write) -> None:
    record = json.loads(json.dumps(to_record(write)))
    assert exactly(from_record(record)) == exactly(write)
    assert record["operation"] == OPERATIONS[type(write)]


def test_a_record_reads_plainly() -> None:
    assert to_record(CHARGE) == {
        "operation": "post_charge",
        "key": "charge-1",
        "reservation": "opera:7",
        "description": "Minibar",
        "amount": ["46.50", "USD"],
        "code": None,
    }


@pytest.mark.parametrize(
    "damage",
    [
        {"operation": "drop_tables"},
        {"operation": None},
        {"amount": ["46.50"]},
        {"amount": ["many", "USD"]},
        {"amount": ["46.50", "usd"]},
        {"amount": 46},
        {"reservation": "7"},
        {"surprise": 1},
        {"operation": "add_reservation_note"},
        {"operation": ["post_charge"]},
        {"reservation": 7},
    ],
)
def test_a_damaged_record_is_refused_without_its_contents(damage: dict[str, Any]) -> None:
    with pytest.raises(StoreError) as refused:
        from_record(to_record(CHARGE) | damage)
    assert "Minibar" not in str(refused.value)


def test_a_record_without_a_field_that_has_a_default_is_read() -> None:
    record = to_record(CHARGE)
    del record["code"]
    assert from_record(record) == CHARGE

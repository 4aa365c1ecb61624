"""Bodies of requests."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pms_lab.adapters.writing import json_body
from pms_lab.domain.pms import Condition
from pms_lab.errors import MoneyError

LEAVES = st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False, allow_infinity=False)
RECORDS = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(RECORDS)
def test_what_is_written_reads_back_as_it_was(record: Any) -> None:
    def number(text: str) -> Decimal:
        return Decimal(text)

    assert json.loads(json_body(record), parse_float=number) == record


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("12.50", b"12.50"),
        ("0.1", b"0.1"),
        ("1E+3", b"1000"),
        ("1E-7", b"0.0000001"),
        ("123456789012345678.91", b"123456789012345678.91"),
        ("-0.05", b"-0.05"),
    ],
)
def test_a_decimal_is_written_with_just_its_digits(amount: str, text: bytes) -> None:
    assert json_body({"amount": Decimal(amount)}) == b'{"amount":' + text + b"}"


@pytest.mark.parametrize("amount", [0.1, Decimal("NaN"), Decimal("Infinity")])
def test_a_number_that_is_not_exact_is_an_error(amount: Any) -> None:
    with pytest.raises(MoneyError, match="exact"):
        json_body([amount])


def test_an_enumeration_is_written_as_its_text() -> None:
    assert json_body({"condition": Condition.CLEAN}) == b'{"condition":"clean"}'

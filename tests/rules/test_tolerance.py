from decimal import Decimal

import pytest

from pms_lab.errors import SettingsError
from pms_lab.rules.tolerance import Tolerance


@pytest.mark.parametrize(
    ("text", "tolerance"),
    [
        ("2.00", Tolerance(Decimal("2.00"))),
        (" 5% ", Tolerance(Decimal(5), is_percent=True)),
        ("0", Tolerance(Decimal(0))),
        ("2.5 %", Tolerance(Decimal("2.5"), is_percent=True)),
    ],
)
def test_a_tolerance_is_an_amount_or_a_percentage(text: str, tolerance: Tolerance) -> None:
    assert Tolerance.parse(text) == tolerance


@pytest.mark.parametrize("text", ["", "two", "-1", "2,00", "NaN", "5%%", "$2"])
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(SettingsError, match="neither an amount"):
        Tolerance.parse(text)


def test_it_is_written_as_it_is_read() -> None:
    for text in ("2.00", "5%"):
        assert str(Tolerance.parse(text)) == text

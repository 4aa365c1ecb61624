"""Bodies about folios, sell limits and rates."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import Field

from pms_lab.sim.pms.faces.opera.forms import Asked, Id


class Price(Asked):
    """A price."""

    amount: Decimal
    currency_code: str


class Charge(Asked):
    """A charge."""

    transaction_code: str = Field(min_length=1)
    price: Price
    posting_quantity: int = Field(default=1, ge=1)
    posting_reference: str | None = None
    posting_remark: str = ""


class Criteria(Asked):
    """What is to be posted."""

    hotel_id: str
    charges: tuple[Charge, ...] = Field(min_length=1, max_length=1)
    reservation_id: Id
    cashier_id: int | None = None


class PostCharges(Asked):
    """`postBillingCharges`."""

    criteria: Criteria


class Limit(Asked):
    """A sell limit of one room type and night."""

    date: date
    amount: int = Field(ge=0)
    flat_or_percentage: Literal["Flat"]
    room_type: str


class Limits(Asked):
    """Sell limits."""

    hotel_id: str
    room_type_sell_limits: tuple[Limit, ...] = Field(min_length=1)


class PutSellLimits(Asked):
    """`changeSellLimitByDate`."""

    sell_limits_by_date: Limits


class Span(Asked):
    """From a night to a night, both included."""

    start_date: date
    end_date: date


class Range(Asked):
    """The nights of a span on some days of the week."""

    time_span: Span
    monday: bool = False
    tuesday: bool = False
    wednesday: bool = False
    thursday: bool = False
    friday: bool = False
    saturday: bool = False
    sunday: bool = False

    @property
    def days(self) -> tuple[bool, ...]:
        """The days of the week, Monday first."""
        return (self.monday, self.tuesday, self.wednesday, self.thursday, self.friday, self.saturday, self.sunday)


class Amounts(Asked):
    """What a night costs; the simulated hotel asks the same of one person and of two."""

    one_person_rate: Decimal | None = Field(default=None, gt=0)
    two_person_rate: Decimal | None = Field(default=None, gt=0)


class DailyRates(Asked):
    """Rates of some room types for some nights."""

    hotel_id: str
    rate_plan_code: str
    room_types: tuple[str, ...] = Field(min_length=1)
    date_range: Range
    increment_flag: Literal[False] = False
    rate_amounts: Amounts


class PutDailyRates(Asked):
    """`setDailyRatePlanScheduleRange`."""

    daily_rate_schedule_range: DailyRates

"""OPERA's answers about folios, rooms, rates, inventory and events, as far as we read them.

Names are OPERA's. Source: its descriptions csh, hsk, rtp, inv and int, version 25.5.0.0.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final

from pydantic import Field

from pms_lab.adapters.opera.models import Answer, Day, Id, Page, Time

PERSONS: Final = ("one", "two", "three", "four", "five")


class Posting(Answer):
    """A line of a folio."""

    reference: str | None = None


class Folio(Answer):
    """Lines of a folio."""

    postings: tuple[Posting, ...] = ()


class FolioWindow(Answer):
    """A window: a part of the bill that somebody pays."""

    folios: tuple[Folio, ...] = ()
    has_more: bool = False


class FolioInformation(Answer):
    """The bill of a reservation."""

    folio_windows: tuple[FolioWindow, ...] = ()


class Folios(Answer):
    """The answer to `getFolio`."""

    reservation_folio_information: FolioInformation


class RoomState(Answer):
    """What housekeeping and the front office say of a room."""

    housekeeping_room_status: str
    front_office_status: str | None = None


class Housekeeping(Answer):
    """The state of a room."""

    housekeeping_room_status: RoomState


class TypeOfRoom(Answer):
    """The room type of a room."""

    room_type: str


class Room(Answer):
    """A room; OPERA's id of it is its number."""

    room_id: str = Field(min_length=1)
    room_type: TypeOfRoom
    housekeeping: Housekeeping


class Rooms(Answer):
    """Rooms."""

    room: tuple[Room, ...] = ()


class RoomPage(Page):
    """A page of rooms."""

    housekeeping_rooms: Rooms = Rooms()


class RoomList(Answer):
    """The answer to `getHousekeepingOverview`."""

    housekeeping_room_info: RoomPage


class RateAmounts(Answer):
    """What a night costs, by the number of adults."""

    one_person_rate: Decimal | None = None
    two_person_rate: Decimal | None = None
    three_person_rate: Decimal | None = None
    four_person_rate: Decimal | None = None
    five_person_rate: Decimal | None = None

    def of(self, persons: int) -> Decimal | None:
        """Return the rate for so many adults."""
        amount: Decimal | None = getattr(self, f"{PERSONS[persons - 1]}_person_rate")
        return amount

    @property
    def persons(self) -> frozenset[int]:
        """The numbers of adults for which there is a rate."""
        return frozenset(persons for persons in range(1, len(PERSONS) + 1) if self.of(persons) is not None)


class BaseRateOffset(Answer):
    """By how much a schedule's rates differ from those of a base rate."""


class Schedule(Answer):
    """The rates of some room types from `start` to `end`, the last night included, on some days of the week."""

    start: Day
    end: Day
    room_type_list: tuple[str, ...] = ()
    rate_amounts: RateAmounts = RateAmounts()
    advanced_base_rate_offset: BaseRateOffset | None = None
    advanced_daily_base_rate_plan_code: str | None = None
    monday: bool | None = None
    tuesday: bool | None = None
    wednesday: bool | None = None
    thursday: bool | None = None
    friday: bool | None = None
    saturday: bool | None = None
    sunday: bool | None = None

    @property
    def is_derived(self) -> bool:
        """Whether OPERA computes its rates from those of another plan."""
        return self.advanced_base_rate_offset is not None or bool(self.advanced_daily_base_rate_plan_code)

    def holds_on(self, night: date) -> bool:
        """Whether the schedule is for a night; one that names no day of the week is for all."""
        days = (self.monday, self.tuesday, self.wednesday, self.thursday, self.friday, self.saturday, self.sunday)
        return self.start <= night <= self.end and (not any(days) or days[night.weekday()] is True)


class ScheduleInfo(Answer):
    """A schedule."""

    rate_plan_schedule_detail: Schedule


class SchedulePage(Page):
    """A page of schedules."""

    rate_plan_schedule: tuple[ScheduleInfo, ...] = ()


class ScheduleList(Answer):
    """The answer to `getRatePlanSchedules`."""

    rate_plan_schedule_list: SchedulePage


class BasedOn(Answer):
    """What a rate plan is based on: ``None``, or a kind of base rate."""

    based_on_rate_plan_type: str | None = None


class RatePlan(Answer):
    """A rate plan.

    Attributes:
        daily: whether it has rates by day, not by season.
        floor_amount: which its rates keep above.
    """

    hotel_id: str | None = None
    rate_plan_code: str | None = None
    daily: bool | None = None
    floor_amount: Decimal | None = None
    rate_plan_based_on_rates: tuple[BasedOn, ...] = ()

    @property
    def is_derived(self) -> bool:
        """Whether OPERA computes its rates from those of another plan."""
        return any(one.based_on_rate_plan_type not in (None, "None") for one in self.rate_plan_based_on_rates)


class RatePlans(Answer):
    """The answer to `getRatePlan`."""

    rate_plans: tuple[RatePlan, ...] = Field(min_length=1)


class Count(Answer):
    """How many rooms of a type can be sold from `start_date` to `end_date`, both included."""

    start_date: Day
    end_date: Day
    available_count: int


class TypeInventory(Answer):
    """The counts of one room type."""

    code: str
    inventory_counts: tuple[Count, ...] = ()


class Inventory(Answer):
    """The counts of a hotel."""

    room_type_inventories: tuple[TypeInventory, ...] = ()


class Inventories(Answer):
    """The answer to `getHotelInventory`."""

    hotel_inventories: tuple[Inventory, ...] = ()


class EventHeader(Answer):
    """What a business event is about."""

    module_name: str
    action_type: str = ""
    primary_key: str | None = None
    created_date_time: Time | None = None


class Event(Answer):
    """A business event."""

    header: EventHeader


class EventData(Answer):
    """A business event with its id."""

    business_event: Event
    business_event_id: Id


class Events(Answer):
    """The answer to `getBusinessEvents`."""

    business_event_data: tuple[EventData, ...] = ()

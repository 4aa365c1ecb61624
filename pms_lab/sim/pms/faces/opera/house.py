"""Operations on rooms, what can be sold, rates and events."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from pms_lab.adapters.writing import Json
from pms_lab.domain.stay import StayDates
from pms_lab.engine.ports import HttpResponse
from pms_lab.sim.pms.faces.opera import house_forms as forms
from pms_lab.sim.pms.faces.opera.desk import Desk, nights_of
from pms_lab.sim.pms.faces.opera.shown import page
from pms_lab.sim.pms.faces.opera.wire import Asked, answer, bare
from pms_lab.sim.pms.state import Rejected

EVENTS_AT_ONCE: Final = 20
DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class House:
    """The operations of the modules hsk, inv, rtp and int, named as Oracle does."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._dequeued = 0

    def get_housekeeping_overview(self, asked: Asked) -> HttpResponse:
        """List rooms; `roomIdText` is the beginning of a number."""
        text = asked.text("roomIdText") or ""
        rooms = [one for one in self._desk.pms.rooms.values(asked.as_of) if one.number.startswith(text)]
        limit, offset = asked.number("limit", 20, 1), asked.number("offset", 0, 0)
        shown: list[Json] = [self._desk.shown(asked.as_of).room(one) for one in rooms]
        info = page("room", shown, limit, offset)
        if not info["room"]:
            return bare(204)
        info["housekeepingRooms"] = {"room": info.pop("room"), "hotelId": self._desk.pms.hotel.code}
        return answer({"housekeepingRoomInfo": info})

    def get_hotel_inventory(self, asked: Asked) -> HttpResponse:
        """Count what can be sold, for at most 90 days."""
        nights = _asked_nights(asked, "dateRangeStart", "dateRangeEnd", 90)
        asked.number("roomCountRequested", 0, 1)
        wanted = asked.all("roomTypes") or list(self._desk.pms.room_types)
        shown, is_daily = self._desk.shown(asked.as_of), asked.text("dailyInventory") == "true"
        rows: list[Json] = [
            shown.inventory(product, nights, is_daily) for product in wanted if product in self._desk.pms.room_types
        ]
        return answer({"hotelInventories": [{"roomTypeInventories": rows}]}) if rows else bare(204)

    def change_sell_limit_by_date(self, asked: Asked) -> HttpResponse:
        """Set sell limits, all or none."""
        limits = asked.read(forms.PutSellLimits).sell_limits_by_date
        for limit in limits.room_type_sell_limits:
            self._desk.check_product(limit.room_type)
        for limit in limits.room_type_sell_limits:
            self._desk.pms.set_limit(limit.room_type, limit.date, limit.amount, asked.at)
        return answer({})

    def get_rate_plan(self, asked: Asked) -> HttpResponse:
        """Show the hotel's rate plan; 204 for any other."""
        hotel = self._desk.pms.hotel
        if asked.path[0] != hotel.rate_plan:
            return bare(204)
        return answer({"ratePlans": [{"hotelId": hotel.code, "ratePlanCode": hotel.rate_plan, "daily": True}]})

    def get_schedules(self, asked: Asked) -> HttpResponse:
        """Show rates, for at most 365 days."""
        nights = _asked_nights(asked, "startDate", "endDate", 365)
        self._desk.check_plan(asked.path[0])
        wanted = asked.all("roomType") or list(self._desk.pms.room_types)
        shown = self._desk.shown(asked.as_of)
        rows = [
            row
            for product in wanted
            if product in self._desk.pms.room_types
            for row in shown.schedules(product, nights)
        ]
        return self._desk.paged(asked, "ratePlanScheduleList", "ratePlanSchedule", rows)

    def set_daily_schedules(self, asked: Asked) -> HttpResponse:
        """Set the rates of some nights, all or none."""
        self._desk.check_plan(asked.path[0])
        form = asked.read(forms.PutDailyRates).daily_rate_schedule_range
        span, days, amounts = form.date_range.time_span, form.date_range.days, form.rate_amounts
        amount = amounts.one_person_rate or amounts.two_person_rate
        if amount is None or amounts.two_person_rate not in (None, amount):
            raise Rejected("invalid", "the simulated hotel asks the same of one person and of two")
        for product in form.room_types:
            self._desk.check_product(product)
        named = amounts.model_dump(by_alias=True, exclude_none=True)
        for night in nights_of(span.start_date, span.end_date + timedelta(days=1)):
            for product in form.room_types if days[night.weekday()] else ():
                self._desk.price(product, night, named)
                self._desk.pms.set_rate(product, asked.path[0], night, amount, asked.at)
        return answer({})

    def delete_daily_schedules(self, asked: Asked) -> HttpResponse:
        """Delete the rates of some nights, for all numbers of persons; without days of the week, of all."""
        self._desk.check_plan(asked.path[0])
        nights = _asked_nights(asked, "startDate", "endDate", 3660)
        products = (asked.text("roomType") or ",".join(self._desk.pms.room_types)).split(",")
        for product in products:
            self._desk.check_product(product)
        named = [day for day in DAYS if asked.text(day) == "true"] or DAYS
        for night in nights:
            for product in products if DAYS[night.weekday()] in named else ():
                self._desk.price(product, night, ())
                self._desk.pms.set_rate(product, asked.path[0], night, None, asked.at)
        return answer({})

    def get_business_events(self, asked: Asked) -> HttpResponse:
        """Give out the next events, once and for good."""
        if asked.path[0] != self._desk.system:
            raise Rejected("not_found", f"no external system {asked.path[0]}")
        limit = asked.number("limit", EVENTS_AT_ONCE, 1)
        if limit > EVENTS_AT_ONCE:
            raise Rejected("invalid", f"limit {limit} is above {EVENTS_AT_ONCE}")
        waiting = [
            one for one in self._desk.pms.events[self._dequeued : self._dequeued + limit] if one.at <= asked.as_of
        ]
        self._dequeued += len(waiting)
        shown = self._desk.shown(asked.as_of)
        return answer({"businessEventData": [shown.event(one) for one in waiting]}) if waiting else bare(204)


def _asked_nights(asked: Asked, start: str, end: str, longest: int) -> StayDates:
    ends = asked.range(start, end)
    if ends is None or (ends[1] - ends[0]).days >= longest or ends[1] == date.max:
        raise Rejected("invalid", f"{start} and {end} are to be given, and to span at most {longest} days")
    return StayDates(ends[0], ends[1] + timedelta(days=1))

"""Where each operation of OPERA's face is."""

from __future__ import annotations

from typing import Final

from pms_lab.sim.pms.faces.opera.desk import Desk
from pms_lab.sim.pms.faces.opera.house import DAYS, House
from pms_lab.sim.pms.faces.opera.profiles import Profiles
from pms_lab.sim.pms.faces.opera.stays import Stays
from pms_lab.sim.pms.faces.opera.wire import Route

PAGING: Final = frozenset({"limit", "offset"})
FETCH: Final = frozenset({"fetchInstructions"})


def routes_of(desk: Desk) -> list[Route]:
    """Return the operations, each with its path and the parameters that it knows."""
    profiles, stays, house = Profiles(desk), Stays(desk), House(desk)
    hotel = f"/v1/hotels/{desk.pms.hotel.code}"
    reservation = f"{hotel}/reservations/*"
    plan = f"/rtp{hotel}/ratePlans/*"
    events = f"/int/v1/externalSystem/*/hotels/{desk.pms.hotel.code}/businessEvents"
    searched = {"profileType", "summaryInfo", "profileName", "givenName", "email", "phone"}
    listed = {"arrivalStartDate", "arrivalEndDate", "departureStartDate", "departureEndDate", "searchType"}
    references = {"externalReferenceIds", "externalSystemCodes"}
    counted = {"dateRangeStart", "dateRangeEnd", "roomCountRequested", "dailyInventory", "roomTypes"}
    deleted = {"startDate", "endDate", "roomType", *DAYS}
    return [
        Route("GET", "/crm/v1/profiles", profiles.get_profiles, PAGING | searched),
        Route("GET", "/crm/v1/profiles/*", profiles.get_profile, FETCH),
        Route("PUT", "/crm/v1/profiles/*", profiles.put_profile),
        Route("POST", "/crm/v1/profiles/*/preferences", profiles.post_preference),
        Route("GET", f"/rsv{hotel}/reservations", stays.get_hotel_reservations, PAGING | listed | references),
        Route("POST", f"/rsv{hotel}/reservations", stays.post_reservation),
        Route("GET", f"/rsv{reservation}", stays.get_reservation, FETCH),
        Route("PUT", f"/rsv{reservation}", stays.put_reservation),
        Route("POST", f"/rsv{reservation}/cancellations", stays.post_cancel_reservation),
        Route("POST", f"/fof{reservation}/checkIns", stays.post_check_in),
        Route("POST", f"/csh{reservation}/checkOuts", stays.post_check_out),
        Route("POST", f"/csh{reservation}/charges", stays.post_billing_charges),
        Route("GET", f"/csh{reservation}/folios", stays.get_folio, FETCH),
        Route("GET", f"/hsk{hotel}/housekeepingOverview", house.get_housekeeping_overview, PAGING | {"roomIdText"}),
        Route("GET", f"/inv{hotel}/hotelInventory", house.get_hotel_inventory, frozenset(counted)),
        Route("PUT", f"/inv{hotel}/sellLimits", house.change_sell_limit_by_date),
        Route("GET", plan, house.get_rate_plan, FETCH),
        Route("GET", f"{plan}/schedules", house.get_schedules, PAGING | {"startDate", "endDate", "roomType"}),
        Route("PUT", f"{plan}/dailySchedules", house.set_daily_schedules),
        Route("DELETE", f"{plan}/dailySchedules", house.delete_daily_schedules, frozenset(deleted)),
        Route("GET", events, house.get_business_events, frozenset({"limit"})),
    ]

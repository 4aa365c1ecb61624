"""How many rooms are free, night by night."""

from __future__ import annotations

from collections.abc import Collection

from pms_lab.adapters.qloapps.models import Nights, Room
from pms_lab.adapters.qloapps.shop import Shop
from pms_lab.adapters.qloapps.xml import body_of
from pms_lab.adapters.reading import parsed
from pms_lab.domain.pms import Availability
from pms_lab.domain.property import Property
from pms_lab.domain.stay import StayDates

ACTIVE = 1


async def free_rooms(
    shop: Shop, place: Property, nights: StayDates, products: Collection[str]
) -> tuple[Availability, ...]:
    """Return the free rooms of each product on each night, by product and night.

    The totals of the answer by night are wrong, as measured, and inactive rooms are free in it: so the active rooms in
    it are counted. A room that is out for a time counts for no night.

    Raises:
        PmsError: no answer can be had.
    """
    wanted = {place.vendor_product(product): product for product in products}
    rooms = [room async for room in shop.all(Room, {"id_hotel": f"[{place.code}]"})]
    active = {(room.id_product, room.id) for room in rooms if room.id_status == ACTIVE}
    question = {
        "id_hotel": place.code,
        **({"id_room_type": next(iter(wanted))} if len(wanted) == 1 else {}),
        "date_from": nights.check_in.isoformat(),
        "date_to": nights.check_out.isoformat(),
        "get_available_rooms": "1",
        "date_wise_breakdown": "1",
    }
    answer = parsed(Nights, await shop.ask_xml("hotel_ari", body_of({"hotel_ari": question})))
    found = [
        Availability(
            wanted[kind.id_room_type],
            night.date_from,
            sum((kind.id_room_type, room.id_room) in active for room in kind.rooms.available),
            sum(product == kind.id_room_type for product, _ in active),
        )
        for night in (*answer.hotel_aris, *([answer.hotel_ari] if answer.hotel_ari else []))
        for kind in night.room_types
        if kind.id_room_type in wanted and night.date_from in nights
    ]
    order = {product: place for place, product in enumerate(products)}
    return tuple(sorted(found, key=lambda one: (order[one.product], one.night)))

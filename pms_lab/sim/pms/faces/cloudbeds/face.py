"""`CloudbedsFace`: one property behind Cloudbeds' API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.sim.pms.faces.cloudbeds.notices import notice
from pms_lab.sim.pms.faces.cloudbeds.rates import RateDesk
from pms_lab.sim.pms.faces.cloudbeds.reads import Reads
from pms_lab.sim.pms.faces.cloudbeds.wire import Ask, Record, Refusal, answered, taken_apart
from pms_lab.sim.pms.faces.cloudbeds.writes import Writes
from pms_lab.sim.pms.records import Event
from pms_lab.sim.pms.state import Pms, Rejected

FIRST_IDS: Final = {"booking": 4_017_000_000_000, "confirmation": 4_017_000_000_000, "guest": 88_000_000}
REJECTIONS: Final = {"no_room": "The room type is not available for the selected dates"}


def new_id(kind: str, number: int) -> str:
    """Return an id as Cloudbeds makes them; a reservation's is also the number that the guest knows."""
    return f"job{number:029x}" if kind == "job" else str(FIRST_IDS.get(kind, 500_000) + number)


def product_id(code: str) -> str:
    """Return a room type's id from our code of it."""
    return str(300_000 + int.from_bytes(code.encode(), "big") % 100_000)


class CloudbedsFace:
    """Cloudbeds' wire format over a `Pms`.

    Attributes:
        rates: where rate jobs can be made to fail, to hang, or to take longer.
    """

    def __init__(self, pms: Pms, key: str) -> None:
        self.pms = pms
        self.rates = RateDesk(pms)
        self.writes = Writes(pms)
        self._key = key
        self._requests = 0
        reads = Reads(pms)
        self._methods: Mapping[str, tuple[str, Callable[[Ask], Record]]] = {
            "getHotels": ("GET", reads.hotels),
            "getGuest": ("GET", reads.guest),
            "getGuestList": ("GET", reads.guests),
            "getGuestsModified": ("GET", reads.modified_guests),
            "getReservation": ("GET", reads.reservation),
            "getReservations": ("GET", reads.reservations),
            "getReservationNotes": ("GET", reads.notes),
            "getHousekeepingStatus": ("GET", reads.housekeeping),
            "getRoomTypes": ("GET", reads.room_types),
            "getAvailableRoomTypes": ("GET", reads.available),
            "getRatePlans": ("GET", self.rates.plans),
            "getRateJobs": ("GET", self.rates.list_jobs),
            "patchRate": ("POST", self.rates.patch),
            "putGuest": ("PUT", self.writes.put_guest),
            "putReservation": ("PUT", self.writes.put_reservation),
            "postReservation": ("POST", self.writes.post_reservation),
            "postReservationNote": ("POST", self.writes.post_note),
            "postCustomItem": ("POST", self.writes.post_custom_item),
        }

    def work(self, at: datetime) -> None:
        """Let the rate jobs that are due by then take effect; each request does so first."""
        self.rates.work(at)

    def notice(self, event: Event) -> bytes | None:
        """Return what Cloudbeds posts of an event to those who subscribed."""
        return notice(event, self.pms.hotel.code)

    def answer(self, request: HttpRequest, at: datetime) -> HttpResponse:
        """Do what a request asks, and answer as Cloudbeds does."""
        self.work(at)
        self._requests += 1
        number = f"{self._requests:016x}"
        try:
            return answered({"success": True} | self._done(request, at), request_id=number)
        except Refusal as no:
            return self._refused(no.message, no.status, number)
        except Rejected as no:
            message = f"{no.message}: not found" if no.code == "not_found" else REJECTIONS.get(no.code, no.message)
            return self._refused(message, 200, number)

    def throttled(self, wait_s: float) -> HttpResponse:
        """Answer one request too many; how long to wait is not said."""
        return answered({"error": "too_many_requests", "message": "Rate limit exceeded"}, 429)

    def _done(self, request: HttpRequest, at: datetime) -> Record:
        headers = {name.lower(): value for name, value in request.headers.items()}
        if headers.get("x-api-key") != self._key:
            raise Refusal("The API key is not valid", 401)
        ask = taken_apart(request, at, self.pms.shown_at(at))
        if ask.method not in self._methods:
            raise Refusal("Not Found", 404)
        verb, do = self._methods[ask.method]
        if verb != ask.verb:
            raise Refusal("Method Not Allowed", 405)
        named = {headers.get("x-property-id"), ask.text("propertyID"), ask.text("propertyIDs")} - {None}
        if ask.method != "getHotels" and named - {self.pms.hotel.code}:
            raise Refusal("Property not found")
        return do(ask)

    def _refused(self, message: str, status: int, number: str) -> HttpResponse:
        if status == 200:
            return answered({"success": False, "message": message}, request_id=number)
        error = {401: "access_denied", 404: "not_found"}.get(status, "invalid_request")
        return answered({"error": error, "message": message}, status, number)

"""Mews's Connector API: which request is for which operation, and who may ask."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from email.utils import format_datetime
from math import ceil
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import ValidationError

from pms_lab.adapters.writing import Json, json_body
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.sim.pms.faces.mews import reads, requests, writes
from pms_lab.sim.pms.faces.mews.faults import Fault, forbidden, invalid
from pms_lab.sim.pms.faces.mews.notices import notice
from pms_lab.sim.pms.faces.mews.reads import Answer
from pms_lab.sim.pms.faces.mews.rows import Books
from pms_lab.sim.pms.records import Event
from pms_lab.sim.pms.state import Pms, Rejected

BASE: Final = "/api/connector/v1/"


class Operation(NamedTuple):
    """What a request of one path must look like, and what does what it asks."""

    body: type[requests.Asked]
    do: Callable[[Books, Any, datetime], Answer]


OPERATIONS: Final[Mapping[str, Operation]] = {
    "configuration/get": Operation(requests.Asked, reads.configuration),
    "reservations/getAll/2023-06-06": Operation(requests.GetReservations, reads.reservations),
    "customers/getAll": Operation(requests.GetCustomers, reads.customers),
    "accountNotes/getAll": Operation(requests.GetAccountNotes, reads.account_notes),
    "serviceOrderNotes/getAll": Operation(requests.GetOrderNotes, reads.order_notes),
    "services/getAll": Operation(requests.Listing, reads.services),
    "resources/getAll": Operation(requests.GetResources, reads.resources),
    "resourceCategories/getAll": Operation(requests.GetCategories, reads.categories),
    "resourceCategoryAssignments/getAll": Operation(requests.GetAssignments, reads.assignments),
    "productServiceOrders/getAll": Operation(requests.GetOrders, reads.orders),
    "orderItems/getAll": Operation(requests.GetOrderItems, reads.order_items),
    "payments/getAll": Operation(requests.GetPayments, reads.payments),
    "rates/getAll": Operation(requests.GetRates, reads.rates),
    "rates/getPricing": Operation(requests.GetPricing, reads.pricing),
    "services/getAvailability": Operation(requests.GetAvailability, reads.availability),
    "services/getAvailability/2024-01-22": Operation(requests.GetMetrics, reads.metrics),
    "customers/add": Operation(requests.AddCustomer, writes.add_customer),
    "customers/update": Operation(requests.UpdateCustomer, writes.update_customer),
    "accountNotes/add": Operation(requests.AddAccountNotes, writes.add_account_notes),
    "serviceOrderNotes/add": Operation(requests.AddOrderNotes, writes.add_order_notes),
    "reservations/add": Operation(requests.AddReservations, writes.add_reservations),
    "reservations/confirm": Operation(requests.OfReservations, writes.confirm),
    "reservations/start": Operation(requests.OfReservation, writes.start),
    "reservations/process": Operation(requests.ProcessReservation, writes.process),
    "reservations/cancel": Operation(requests.CancelReservations, writes.cancel),
    "reservations/updateInterval": Operation(requests.UpdateInterval, writes.update_interval),
    "orders/add": Operation(requests.AddOrder, writes.add_order),
    "rates/updatePrice": Operation(requests.UpdatePrice, writes.update_price),
    "services/updateAvailability": Operation(requests.UpdateAvailability, writes.update_availability),
}


class MewsFace:
    """Mews's wire format over a `Pms`.

    Args:
        pricing: whether the amounts in the PMS are gross or net.
        includes_ends: see `Books`.
    """

    def __init__(
        self,
        pms: Pms,
        *,
        client_token: str,
        access_token: str,
        pricing: Literal["gross", "net"] = "gross",
        includes_ends: bool = True,
    ) -> None:
        self.pms = pms
        self._tokens = {"ClientToken": client_token, "AccessToken": access_token}
        self._books = Books(pms, pricing, includes_ends)
        self._answered = 0

    def answer(self, request: HttpRequest, at: datetime) -> HttpResponse:
        """Do what a request asks, and answer as Mews does; errors are answers too."""
        try:
            return self._told(200, self._done(request, at), at)
        except Fault as fault:
            return self._told(fault.status, self._words(fault), at)

    def notice(self, event: Event) -> bytes | None:
        """Return what Mews posts of an event to those who subscribed."""
        return notice(event, self.pms.hotel.code)

    def throttled(self, wait_s: float) -> HttpResponse:
        """Answer one request too many, saying when to come again."""
        headers = {"content-type": "application/json", "retry-after": str(ceil(wait_s))}
        return HttpResponse(429, headers, json_body(self._words(Fault(429, "Too many requests."))))

    def _done(self, request: HttpRequest, at: datetime) -> Answer:
        path = urlsplit(request.url).path
        operation = OPERATIONS.get(path.removeprefix(BASE)) if path.startswith(BASE) else None
        if operation is None or request.method != "POST":
            raise Fault(404, "Not found.")
        body = _json(request)
        for name, token in self._tokens.items():
            if body.get(name) != token:
                raise Fault(401, f"Invalid {name}.")
        try:
            return operation.do(self._books, operation.body.model_validate(body), at)
        except ValidationError as exc:
            raise invalid(".".join(str(part) for part in exc.errors()[0]["loc"]) or "filters") from exc
        except Rejected as rejected:
            raise forbidden(rejected.message) from rejected

    def _told(self, status: int, answer: Mapping[str, Json], at: datetime) -> HttpResponse:
        self._answered += 1
        headers = {
            "content-type": "application/json; charset=utf-8",
            "date": format_datetime(at.replace(microsecond=0), usegmt=True),
            "request-id": str(self._answered),
        }
        return HttpResponse(status, headers, json_body(answer))

    def _words(self, fault: Fault) -> Mapping[str, Json]:
        return {"Message": fault.message, "RequestId": str(self._answered + 1), "Details": None}


def _json(request: HttpRequest) -> dict[str, Any]:
    kind = next((value for name, value in request.headers.items() if name.lower() == "content-type"), "")
    if kind.partition(";")[0] != "application/json":
        raise Fault(400, "Invalid JSON: the content type is not application/json.")
    try:
        body = json.loads(request.body, parse_float=Decimal)
    except (ValueError, RecursionError) as exc:
        raise Fault(400, "Invalid JSON.") from exc
    if not isinstance(body, dict):
        raise Fault(400, "Invalid JSON.")
    return body

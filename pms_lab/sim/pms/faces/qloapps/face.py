"""The web service of QloApps 1.6.1 over the common state machine: who may ask, and who answers.

Source: the behaviour of a running instance, recorded; tests/sim/pms/test_qloapps_replay.py replays the recordings, and
docs/qloapps-model.md lists what is modelled.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final
from urllib.parse import parse_qs, urlsplit

from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.sim.pms.faces.qloapps.ari import Ari, question_of
from pms_lab.sim.pms.faces.qloapps.bookings import Bookings
from pms_lab.sim.pms.faces.qloapps.books import Books
from pms_lab.sim.pms.faces.qloapps.feature_prices import FeaturePrices
from pms_lab.sim.pms.faces.qloapps.hotel import INSTALLED_AT
from pms_lab.sim.pms.faces.qloapps.prices import Prices
from pms_lab.sim.pms.faces.qloapps.query import chosen, shown_fields
from pms_lab.sim.pms.faces.qloapps.records import Order, Quirks
from pms_lab.sim.pms.faces.qloapps.requests import booking_wish
from pms_lab.sim.pms.faces.qloapps.rows import Rows, demo_records
from pms_lab.sim.pms.faces.qloapps.schema import ALL_NAMES, RESOURCES, closest
from pms_lab.sim.pms.faces.qloapps.wire import (
    BAD_GATEWAY,
    HEADERS,
    HTML,
    Ask,
    Broken,
    Fault,
    ask_of,
    fault_answer,
    list_answer,
    record_answer,
)
from pms_lab.sim.pms.faces.qloapps.writes import NOT_FOUND, Writes
from pms_lab.sim.pms.records import RoomType
from pms_lab.sim.pms.state import Pms

KEY: Final = "PMSLABDEMOPMSLABDEMOPMSLABDEMO01"
"""The key of the demo hotel that may do everything: 32 letters and digits, as keys are."""

METHODS: Final = ("GET", "POST", "PUT", "DELETE", "HEAD")

WRITABLE: Final[Mapping[str, tuple[str, ...]]] = {
    "bookings": ("POST", "PUT"),
    "hotel_ari": ("POST",),
    "room_bookings": ("PUT",),
    "hotel_rooms": ("PUT",),
    "room_types": ("PUT",),
    "customers": ("PUT",),
    "order_histories": ("POST",),
    "feature_prices": ("POST", "PUT", "DELETE"),
    "customer_threads": ("POST",),
    "customer_messages": ("POST",),
}
"""What may be written."""

UNREADABLE: Final = ("hotel_ari", "order_histories")
"""What may not be read: the first is no list of records, and of the second only what is written is modelled."""

_USE_TAX = (
    "[PHP Warning #2] Undefined variable $useTax "
    "(/var/www/src/classes/webservice/WebserviceSpecificManagementBookings.php, line {line})"
)
_INVOICE = (
    '[PHP Warning #2] Attempt to read property "show_full_date" on null '
    "(/var/www/src/classes/pdf/HTMLTemplateInvoice.php, line 476)"
)


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the web service.

    Attributes:
        methods: what it may do.
        resources: what it may do it to; empty for everything.
    """

    is_active: bool = True
    methods: tuple[str, ...] = METHODS
    resources: frozenset[str] = frozenset()


class QloAppsFace:
    """The web service.

    Attributes:
        quirks: what goes wrong; may be replaced at any time.
        keys: who may ask, by key.
        is_on: whether the web service is switched on in the back office.
    """

    def __init__(
        self,
        pms: Pms,
        *,
        quirks: Quirks | None = None,
        keys: Mapping[str, Key] | None = None,
        tax_percent: Decimal = Decimal(4),
    ) -> None:
        self.pms = pms
        self.quirks = quirks or Quirks()
        self.keys = dict(keys or {KEY: Key()})
        self.is_on = True
        self.books = Books(pms, tax_percent, INSTALLED_AT)
        self.prices = Prices(pms, demo_records()["services"])
        self.rows = Rows(pms, self.books, self.prices)
        self._bookings = Bookings(pms, self.books, self.prices)
        self._ari = Ari(pms, self.books, self.prices)
        self._rules = FeaturePrices(self.prices)
        self._writes = Writes(pms, self.books, self.prices, self.rows)

    def answer(self, request: HttpRequest, at: datetime) -> HttpResponse:
        """Do what a request asks, at once and wholly, and answer as the vendor does."""
        ask = ask_of(request, at)
        for event in self.books.foreign_rates():
            self.prices.take_in(event)
        self.books.catch_up()
        try:
            self._admit(ask, request)
            response = self._routed(ask)
            return replace(response, body=b"") if ask.method == "HEAD" else response
        except Fault as fault:
            return fault_answer(ask, fault)
        except Broken as broken:
            return broken.response
        finally:
            self.books.mark()

    def throttled(self, wait_s: float) -> HttpResponse:
        """Answer one request too many: QloApps knows no limit, so this is the web server's."""
        return HttpResponse(503, HTML, BAD_GATEWAY.replace(b"502 Bad Gateway", b"503 Service Temporarily Unavailable"))

    def _admit(self, ask: Ask, request: HttpRequest) -> None:
        """Refuse whoever may not ask this.

        Raises:
            Fault, Broken: as the vendor says it.
        """
        if not self.is_on:
            message = "The QloApps webservice is disabled. Please activate it in the QloApps Back Office"
            raise Fault(503, (22, message))
        name = _key_of(request)
        if name is None:
            raise Broken(401, b"401 Unauthorized", HTML | {"www-authenticate": f'Basic realm="{_REALM}"'})
        if not re.fullmatch(r"[A-Za-z0-9]{32}", name):
            raise Fault(401, (18, "Invalid authentication key format"))
        key = self.keys.get(name)
        if key is None or not key.is_active:
            inactive = (20, "Authentification key is not active")
            raise Fault(401, inactive, (21, "No permission for this authentication key"))
        self._permit(ask, key)

    def _permit(self, ask: Ask, key: Key) -> None:
        if ask.method not in METHODS:
            raise Fault(405, (23, f"Method {ask.method} is not valid"))
        if not ask.resource:
            return
        if ask.resource not in ALL_NAMES:
            names = ", ".join(f'"{name}"' for name in ALL_NAMES)
            message = f'Resource of type "{ask.resource}" does not exists. Did you mean: '
            raise Fault(400, (27, f'{message}"{closest(ask.resource, ALL_NAMES)}"? The full list is: {names}'))
        if key.resources and ask.resource not in key.resources:
            message = f'Resource of type "{ask.resource}" is not allowed with this authentication key'
            raise Fault(401, (26, message))
        if ask.method not in key.methods:
            message = f"Method {ask.method} is not allowed for the resource {ask.resource} with this authentication key"
            raise Fault(405, (25, message))
        reads = () if ask.resource in UNREADABLE else ("GET", "HEAD")
        if ask.method not in (*reads, *WRITABLE.get(ask.resource, ())):
            raise Fault(405, (101, f"Method {ask.method} is not allowed for the resource {ask.resource}"))

    def _routed(self, ask: Ask) -> HttpResponse:
        if ask.resource == "hotel_ari":
            return self._ari.answer(ask, question_of(ask, self.pms.hotel.code), self.pms.shown_at(ask.at))
        if ask.resource not in RESOURCES:
            raise Broken(501, f"the face does not model {ask.resource or 'the list of resources'}".encode())
        if ask.resource == "bookings" and (ask.id or ask.method != "GET"):
            return self._booking(ask)
        return self._read(ask) if ask.method in ("GET", "HEAD") else self._written(ask)

    def _read(self, ask: Ask) -> HttpResponse:
        resource = RESOURCES[ask.resource]
        if "schema" in ask.query:
            raise self._no_schema(ask)
        if ask.id:
            row = self.rows.one(ask.resource, ask.id, self.pms.shown_at(ask.at))
            if row is None:
                raise NOT_FOUND
            return record_answer(ask, resource, row)
        rows = self.rows.of(ask.resource, self.pms.shown_at(ask.at))
        if ask.resource == "bookings":
            return list_answer(ask, resource, rows, None)
        return list_answer(ask, resource, chosen(rows, resource, ask.query), shown_fields(resource, ask.query))

    def _no_schema(self, ask: Ask) -> Exception:
        if ask.query["schema"] in ("blank", "synopsis"):
            return Broken(501, b"the face does not model schemas")
        message = (
            "Please select a schema of type 'synopsis' to get the whole schema informations (which fields are required,"
            " which kind of content...) or 'blank' to get an empty schema to fill before using POST request"
        )
        return Fault(400, (28, message))

    def _booking(self, ask: Ask) -> HttpResponse:
        """Answer for one booking. With stock PHP settings what was done is answered by PHP's warnings."""
        order, fresh = self._found_booking(ask)
        if self.quirks.warns:
            due = sum(self.books.totals(order.id))
            warnings = [_USE_TAX.format(line=line) for line in (3463, 3494)]
            if ask.method == "POST" and 0 < order.paid < due:
                warnings.insert(0, _INVOICE)
            raise Fault(500, *((3, warning) for warning in warnings))
        as_of = self.pms.shown_at(ask.at) if ask.method == "GET" else None
        return self._bookings.show(ask, order, fresh, as_of)

    def _found_booking(self, ask: Ask) -> tuple[Order, set[str]]:
        if ask.method == "GET":
            order = self._order(ask.id, self.pms.shown_at(ask.at))
            if order is None:
                raise NOT_FOUND
            return order, set()
        wish = booking_wish(ask, self.pms.hotel, self._bookable())
        if ask.method == "POST":
            return self._bookings.create(wish, self.quirks, ask.at), set()
        order = self._order(wish.id or ask.id)
        if order is None:
            raise Fault(400, (404, "Booking not found."))
        fresh = self._bookings.change(order, wish, self.quirks, ask.at)
        return self._order(str(order.id)) or order, fresh

    def _order(self, key: str, as_of: datetime | None = None) -> Order | None:
        return self.books.orders.get(int(key), as_of) if key.isdecimal() else None

    def _bookable(self) -> dict[str, RoomType]:
        inventory = {row.product for row in self.books.inventory.values() if row.hotel}
        return {code: kind for code, kind in self.pms.room_types.items() if code in inventory}

    def _written(self, ask: Ask) -> HttpResponse:
        resource = RESOURCES[ask.resource]
        match ask.resource:
            case "feature_prices" if ask.method == "DELETE":
                self._rules.delete(
                    ask.id.split(",") if ask.id else ask.query.get("id", "").strip("[]").split(","), ask.at
                )
                return HttpResponse(200, HEADERS)
            case "feature_prices":
                rows = self._rules.write(ask, self.quirks.killed_at)
            case "hotel_rooms":
                rows = [self._writes.room(ask)]
            case "room_bookings":
                rows = [self._writes.room_line(ask)]
            case "customers":
                rows = [self._writes.customer(ask)]
            case "room_types":
                rows = [self._writes.room_type(ask, self.quirks)]
            case "order_histories":
                rows = [self._writes.order_history(ask, self.quirks)]
            case _:
                rows = [self._writes.note(ask)]
        return record_answer(ask, resource, *rows, status=201 if ask.method == "POST" else 200)


_REALM = "Welcome to PrestaShop Webservice, please enter the authentication key as the login. No password required."


def _key_of(request: HttpRequest) -> str | None:
    """Return the key of a request: the user of its basic authorization, or `ws_key` of its query."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(token, validate=True).decode("utf-8").partition(":")[0]
        except (binascii.Error, ValueError):
            return ""
    return parse_qs(urlsplit(request.url).query).get("ws_key", [None])[0]

"""Recordings of a real QloApps shop, and shops that answer from them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from pms_lab.adapters.qloapps import QloAppsCredentials, QloAppsPms
from pms_lab.adapters.qloapps.models import (
    Booking,
    Customer,
    Group,
    Hotel,
    Language,
    Line,
    Order,
    Record,
    Room,
    RoomType,
    Rule,
)
from pms_lab.adapters.reading import json_of
from pms_lab.adapters.wire import Link
from pms_lab.engine.ports import Http, HttpRequest, HttpResponse
from pms_lab.engine.resilience.limiter import MemoryWindows
from pms_lab.traffic.har import Exchange, read_har
from tests.contracts.harness import Immediate, NoChance
from tests.contracts.vendor_qloapps import PLACE

FIXTURES = Path(__file__).parents[1] / "fixtures"
MORNING = "qloapps-morning/excerpt"
STOCK = "qloapps/04_stock_500_but_committed"
NAMES = sorted(str(path.relative_to(FIXTURES)).removesuffix(".har.gz") for path in FIXTURES.glob("qloapps*/*.har.gz"))
KINDS: list[type[Record]] = [Booking, Customer, Group, Hotel, Language, Line, Order, Room, RoomType, Rule]
BY_RESOURCE = {kind.resource: kind for kind in KINDS}
RECORDED_AT = datetime(2026, 11, 21, 3, 11, 50, tzinfo=UTC)


@cache
def recording(name: str) -> list[Exchange]:
    return read_har(FIXTURES / f"{name}.har.gz")


def answered(exchange: Exchange) -> HttpResponse:
    assert exchange.response is not None
    return exchange.response


def path_of(request: HttpRequest) -> tuple[str, str]:
    """The resource and the id of an address."""
    resource, _, record = urlsplit(request.url).path.partition("/api/")[2].partition("/")
    return resource, record


def query_of(request: HttpRequest) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlsplit(request.url).query).items()}


def read_answers(name: str) -> Iterator[tuple[type[Record], Exchange, bool]]:
    """The answers in JSON about resources that the adapter reads, whole; the last tells whether it is a list."""
    for exchange in recording(name):
        (resource, record), query = path_of(exchange.request), query_of(exchange.request)
        kind, response = BY_RESOURCE.get(resource), exchange.response
        if kind is None or response is None or response.status >= 300 or query.get("output_format") != "JSON":
            continue
        if "schema" in query or "html" in response.headers["content-type"]:
            continue
        if exchange.request.method == "GET" and not record:
            if query.get("display") == "full":
                yield kind, exchange, True
        elif exchange.request.method == "GET" or kind is Booking:
            yield kind, exchange, False


def connected(http: Http, start: datetime = RECORDED_AT) -> tuple[QloAppsPms, Immediate]:
    """The adapter for a shop whose clock shows UTC, as that of the recordings does."""
    flow = Immediate(start)
    link = Link(http, flow, NoChance(), "http://127.0.0.1:8080", MemoryWindows(flow.monotonic_s))
    place = replace(PLACE, zone=ZoneInfo("UTC"))
    return QloAppsPms(place, QloAppsCredentials(key=SecretStr("K" * 32)), link), flow


def json_answer(record: Any) -> HttpResponse:
    return HttpResponse(200, {"content-type": "application/json"}, json.dumps(record, default=str).encode())


class Lists:
    """A shop that answers lists from records, keeps what is written, and answers that as `reply` says."""

    def __init__(self, reply: HttpResponse, **records: list[dict[str, Any]]) -> None:
        self._reply = reply
        self._records = records
        self.written: list[HttpRequest] = []

    async def send(self, request: HttpRequest) -> HttpResponse:
        resource, record = path_of(request)
        if request.method != "GET":
            self.written.append(request)
        if request.method != "GET" or record:
            return self._reply
        rows = self._records.get(resource, [])
        for name, condition in query_of(request).items():
            if field := re.fullmatch(r"filter\[(\w+)\]", name):
                rows = [row for row in rows if _fits(str(row[field[1]]), condition.strip("[]"))]
        return json_answer({BY_RESOURCE[resource].many: rows} if rows else [])


def _fits(value: str, condition: str) -> bool:
    low, comma, high = condition.partition(",")
    return low <= value <= high if comma else value in condition.split("|")


def stock_shop() -> Lists:
    """The shop with stock PHP settings as the recording left it: writes and reads of bookings answer an error 500."""
    exchanges = recording(STOCK)
    lists = [next(iter(json_of(answered(exchange)).values())) for exchange in exchanges[21:23]]
    ana = {
        "firstname": "Ana",
        "lastname": "Silva",
        "phone": "+351912345678",
        "id_lang": 1,
        "date_upd": "2026-11-21 03:11:49",
    }
    guests = [{"id": number, "email": f"s{number - 2}@example.com", **ana} for number in range(2, 8)]
    return Lists(answered(exchanges[0]), orders=lists[0], room_bookings=lists[1], customers=guests)

"""QloApps' adapter against recordings of a real shop: every answer is read, and every request is written as it was."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring

from pms_lab.adapters.qloapps import CAPABILITIES
from pms_lab.adapters.qloapps.models import (
    Booking,
    Customer,
    Hotel,
    Language,
    Line,
    Nights,
    Order,
    Record,
    Room,
    RoomType,
    Rule,
)
from pms_lab.adapters.qloapps.reservations import status_of
from pms_lab.adapters.qloapps.shop import judge, record_of, records_of
from pms_lab.adapters.qloapps.xml import record_in, written_back
from pms_lab.adapters.reading import json_of, parsed, xml_of
from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Applied, Unknown
from pms_lab.domain.pms import PmsId, ReservationStatus
from pms_lab.domain.rates import RateCell, RateSheet
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import CancelReservation, CreateReservation, ModifyDates, UpdateRates
from pms_lab.engine.ports import HttpResponse
from pms_lab.errors import AuthRefused, BadAnswer, PmsError, PmsFailed, PmsRefused
from pms_lab.rules.settling import settling_s
from pms_lab.traffic.har import Exchange
from tests.adapters.qloapps_recorded import (
    MORNING,
    NAMES,
    RECORDED_AT,
    STOCK,
    Lists,
    answered,
    connected,
    path_of,
    read_answers,
    recording,
    stock_shop,
)
from tests.contracts.harness import now

ERRORS = "qloapps/07_errors"
MAY_BE_ABSENT: dict[type[Record], set[str]] = {kind: {"associations"} for kind in (Line, Order, Rule)}


@pytest.mark.parametrize("name", NAMES)
def test_every_answer_that_is_read_is_read_whole(name: str) -> None:
    for kind, exchange, is_list in read_answers(name):
        raw = json_of(answered(exchange))
        if is_list:
            records: list[Any] = records_of(kind, answered(exchange))
            sources = raw[kind.many] if raw else []
        else:
            records, sources = [record_of(kind, answered(exchange))], [raw[kind.one]]
        assert len(records) == len(sources)
        for source in sources:
            assert set(kind.model_fields) - set(source) <= MAY_BE_ABSENT.get(kind, set()), exchange.label


def test_the_recordings_hold_what_they_are_read_for() -> None:
    seen = Counter(kind for name in NAMES for kind, _, _ in read_answers(name))
    least: dict[type[Record], int] = {
        Booking: 180,
        Line: 50,
        Order: 30,
        Rule: 20,
        Customer: 10,
        Hotel: 1,
        Language: 1,
        Room: 1,
        RoomType: 1,
    }
    assert {kind: seen[kind] for kind, count in least.items() if seen[kind] < count} == {}


@pytest.mark.parametrize("name", NAMES)
def test_what_room_lines_say_is_what_the_answer_says(name: str) -> None:
    for kind, exchange, is_list in read_answers(name):
        raw = json_of(answered(exchange))
        if kind is not Line or not is_list or not raw:
            continue
        for line, source in zip(records_of(Line, answered(exchange)), raw["bookings"], strict=True):
            assert (str(line.date_from), str(line.date_to)) == (source["date_from"][:10], source["date_to"][:10])
            assert line.total_price_tax_incl == Decimal(source["total_price_tax_incl"])
            assert line.is_gone == bool(source["is_cancelled"] or source["is_refunded"] or source["is_back_order"])
            assert len(line.child_ages) == source["child_ages"].count('"') // 2


@pytest.mark.parametrize("name", NAMES)
def test_free_rooms_are_counted_as_the_shop_counts_them(name: str) -> None:
    for exchange in recording(name):
        response = exchange.response
        if path_of(exchange.request)[0] != "hotel_ari" or exchange.request.method != "POST":
            continue
        if response is None or response.status != 200 or "JSON" not in exchange.request.url:
            continue
        raw = json_of(response)
        nights = parsed(Nights, response)
        found = nights.hotel_aris or [night for night in (nights.hotel_ari,) if night]
        for night, source in zip(found, raw.get("hotel_aris") or [raw["hotel_ari"]], strict=True):
            assert sum(len(kind.rooms.available) for kind in night.room_types) == source["total_available_rooms"]


def test_lines_that_lost_a_race_are_cancelled_although_their_orders_await_payment() -> None:
    lines = {
        line.id: line
        for kind, exchange, is_list in read_answers("qloapps/05_races_json")
        if kind is Line and is_list
        for line in records_of(Line, answered(exchange))
    }
    (order, *_) = records_of(Order, answered(recording(STOCK)[21]))
    assert order.current_state == 1
    status = Counter(status_of(order, line) for line in lines.values())
    assert status[ReservationStatus.CANCELLED] == 14
    assert status[ReservationStatus.CONFIRMED] == len(lines) - 14


ENDS: dict[str, type[PmsError] | None] = {
    "401 no credentials": AuthRefused,
    "401 malformed key": AuthRefused,
    "401 unknown key": AuthRefused,
    "401 disabled key": AuthRefused,
    "401 bearer": AuthRefused,
    "401 resource not permitted": AuthRefused,
    "405 read-only key": AuthRefused,
    "not found nosuch": PmsRefused,
    "not found orders/9999": PmsRefused,
    "not found bookings/9999": PmsRefused,
    "not found customers/9999": PmsRefused,
    "not found room_bookings/9999": PmsRefused,
    "not found orders/abc": PmsRefused,
    "not found bookings/abc": PmsRefused,
    "method DELETE": PmsRefused,
    "method PATCH": PmsRefused,
    "method OPTIONS": PmsRefused,
    "past dates accepted": None,
    "reverse dates": PmsRefused,
    "zero nights": PmsRefused,
    "bad room type": PmsRefused,
    "more rooms than exist": PmsRefused,
    "bad email -> 200 Fatal error": BadAnswer,
    "bad date": PmsRefused,
    "empty firstname": PmsRefused,
    "digit name": PmsFailed,
    "emoji remark": None,
    "html remark": None,
    "bad currency": PmsRefused,
    "bad property": PmsRefused,
    "no room types": PmsRefused,
    "wrong root": PmsFailed,
    "malformed": PmsFailed,
    "empty body": PmsFailed,
    "PUT missing booking": PmsRefused,
    "PUT unknown guest email": PmsRefused,
    "ARI reverse dates": PmsRefused,
    "ARI JSON body rejected": PmsRefused,
    "ARI empty": PmsRefused,
    "partial customer PUT": PmsRefused,
    "JSON body on generic resource -> 500": PmsFailed,
    "503 webservice disabled": PmsFailed,
    "back": None,
}
"""How each exchange of the recording of errors ends, by its label."""
SEVERAL: dict[int, type[PmsError] | None] = {200: None, 400: PmsRefused, 500: PmsFailed}
"""How those end whose labels, "bad query" and "bad phone", stand for several ends: by the status."""


def end_of(response: HttpResponse) -> type[PmsError] | None:
    try:
        judge()(response, RECORDED_AT)
    except PmsError as error:
        return type(error)
    return None


@pytest.mark.parametrize("label", sorted({exchange.label for exchange in recording(ERRORS)}))
def test_every_recorded_error_ends_as_what_it_means(label: str) -> None:
    for exchange in recording(ERRORS):
        if exchange.label == label:
            response = answered(exchange)
            expected = ENDS[label] if label in ENDS else SEVERAL[response.status]
            assert end_of(response) is expected, exchange.request


def test_an_error_that_repeats_the_request_is_told_without_it() -> None:
    (exchange,) = [
        one
        for one in recording(ERRORS)
        if one.label.startswith("JSON body on generic") and "output_format" in one.request.url
    ]
    with pytest.raises(PmsFailed) as caught:
        judge()(answered(exchange), RECORDED_AT)
    assert str(caught.value) == "HTTP 500: XML error : String could not be parsed as XML"


def test_a_word_of_php_behind_http_200_is_no_success() -> None:
    (exchange,) = [one for one in recording(MORNING) if one.label == "create lead 202"]
    assert (answered(exchange).status, answered(exchange).body) == (200, b"Invalid new order status")
    assert end_of(answered(exchange)) is BadAnswer


@pytest.mark.parametrize("name", ["qloapps/06_slow_timeouts_outage", MORNING])
def test_outages_are_failures_and_not_answers(name: str) -> None:
    failed = [one for one in recording(name) if one.response is not None and one.response.status >= 500]
    assert len(failed) > 3
    assert {end_of(answered(one)) for one in failed} == {PmsFailed}


def test_php_warnings_are_no_outage_and_say_what_to_do() -> None:
    warned = [one for one in recording(STOCK) if answered(one).status == 500]
    assert len(warned) == 12
    for exchange in warned:
        with pytest.raises(BadAnswer, match="may well have taken effect"):
            judge()(answered(exchange), RECORDED_AT)


def ana(number: int, product: str, check_in: date) -> CreateReservation:
    """A booking as the recording with stock PHP settings has it."""
    email, stay = f"s{number}@example.com", StayDates.starting(check_in, 2)
    return CreateReservation(f"k{number}", stay, product, "Ana", "Silva", email, "+351912345678", source="booking.com")


@pytest.mark.parametrize(
    ("write", "order"),
    [
        (ana(0, "GEN", date(2026, 11, 26)), "1"),
        (ana(1, "DLX", date(2026, 11, 28)), "2"),
        (ana(3, "LUX", date(2026, 12, 4)), "5"),
        (ana(4, "GEN", date(2026, 12, 7)), "6"),
        (ana(5, "DLX", date(2026, 12, 10)), "7"),
    ],
    ids=["moved since", "cancelled since", "5", "6", "7"],
)
def test_a_booking_behind_an_error_500_stays_unknown_and_the_order_that_may_be_it_is_named(
    write: CreateReservation, order: str
) -> None:
    shop = stock_shop()
    pms, flow = connected(shop)
    sent_at = flow.now()
    assert isinstance(now(pms.create_reservation(write)), Unknown)
    assert [request.method for request in shop.written] == ["POST"]
    flow.elapsed_s += 3600
    found = now(pms.reconcile(write, sent_at))
    assert isinstance(found, Unknown)
    assert f"the remarks of order {order}: look in the back office" in found.cause
    assert f"[{write.key}]" in found.cause


def test_bookings_alike_are_not_told_apart_where_the_shop_cannot_show_remarks() -> None:
    pms, flow = connected(stock_shop())
    found = now(pms.reconcile(ana(2, "EXE", date(2026, 12, 1)), flow.now()))
    assert isinstance(found, Unknown)
    assert "the remarks of order 4, order 3:" in found.cause


@pytest.mark.parametrize(
    "write",
    [
        ModifyDates("m1", PmsId("qloapps", "1"), StayDates(date(2026, 11, 26), date(2026, 11, 29))),
        CancelReservation("x1", PmsId("qloapps", "2")),
    ],
    ids=["modify", "cancel"],
)
def test_a_change_behind_an_error_500_is_found_by_what_it_did(write: ModifyDates | CancelReservation) -> None:
    pms, flow = connected(stock_shop())
    assert now(pms.reconcile(write, flow.now())) == Applied(None)


def test_a_change_is_sent_once_and_unknown_although_the_shop_cannot_show_the_booking() -> None:
    shop = stock_shop()
    pms, flow = connected(shop)
    move = ModifyDates("m1", PmsId("qloapps", "3"), StayDates(date(2026, 12, 2), date(2026, 12, 5)))
    assert isinstance(now(pms.modify_dates(move)), Unknown)
    assert isinstance(now(pms.cancel_reservation(CancelReservation("x1", PmsId("qloapps", "5")))), Unknown)
    assert [request.method for request in shop.written] == ["PUT", "POST"]
    flow.elapsed_s += settling_s(CAPABILITIES) + 1
    assert not isinstance(now(pms.reconcile(move, RECORDED_AT)), Applied)


def texts(element: Element) -> Any:
    """What an element says, without its attributes, its blanks, and how it was written."""
    return (element.tag, [texts(child) for child in element] or (element.text or "").strip())


def read_before(name: str, label: str) -> list[tuple[Exchange, Exchange]]:
    """Each PUT of a record with the read of it that came before."""
    exchanges = recording(name)
    pairs = []
    for at, put in enumerate(exchanges):
        if label in put.label and put.request.method == "PUT":
            before = [one for one in exchanges[:at] if path_of(one.request) == path_of(put.request)]
            pairs.append(([one for one in before if one.request.method == "GET"][-1], put))
    return pairs


@pytest.mark.parametrize(
    ("name", "label", "tag", "fields"),
    [
        ("qloapps/02_session_json", "check in", "booking", ["id_status"]),
        (MORNING, "check in lead", "booking", ["id_status"]),
        (MORNING, "check out lead", "booking", ["id_status"]),
        (MORNING, "guest name", "customer", ["firstname", "lastname"]),
        (MORNING, "guest e-mail", "customer", ["email"]),
    ],
)
def test_a_record_is_written_back_as_the_front_desk_did(name: str, label: str, tag: str, fields: list[str]) -> None:
    pairs = read_before(name, label)
    assert pairs
    for read, put in pairs:
        wanted = record_in(fromstring(put.request.body), tag)
        changes = {field: wanted.findtext(field, "") for field in fields}
        written = written_back(record_in(xml_of(answered(read)), tag), changes)
        assert texts(record_in(fromstring(written), tag)) == texts(wanted)


def test_a_cancellation_is_written_as_recorded() -> None:
    recorded = next(one for one in recording(MORNING) if "cancel (order_histories)" in one.label)
    wanted = fromstring(recorded.request.body)
    order = wanted[0].findtext("id_order", "")
    orders = [record | {"id": int(order)} for record in stock_records("orders")[2:3]]
    lines = [record | {"id_order": int(order)} for record in stock_records("room_bookings")[1:2]]
    shop = Lists(answered(recorded), orders=orders, room_bookings=lines)
    pms, _ = connected(shop)
    assert now(pms.cancel_reservation(CancelReservation("x", PmsId("qloapps", order)))) == Applied(None)
    assert texts(fromstring(shop.written[0].body)) == texts(wanted)
    assert urlsplit(shop.written[0].url).path == urlsplit(recorded.request.url).path


def stock_records(resource: str) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = stock_shop()._records[resource]
    return records


@pytest.mark.parametrize("label", ["push 1: create 7 rules, chunk 1", "push 2: change 6 rules, chunk 1"])
def test_rates_are_written_as_recorded(label: str) -> None:
    exchanges = recording(MORNING)
    (recorded,) = [one for one in exchanges if one.label == label]
    wanted = fromstring(recorded.request.body)
    read = [one for one in exchanges[: exchanges.index(recorded)] if "filter[id_product]" in one.request.url]
    rules = json_of(answered(read[-1]))
    amounts = {
        RateCell("HOTEL", rule.findtext("id_product", ""), night_of(rule)): Money.of(
            rule.findtext("impact_value", ""), "USD"
        )
        for rule in wanted
    }
    shop = Lists(
        answered(recorded),
        feature_prices=rules["feature_prices"] if rules else [],
        room_types=[{"id": number, "price": "1000.000000"} for number in range(1, 5)],
        groups=[{"id": number} for number in range(1, 4)],
        languages=[{"id": 1}],
    )
    pms, _ = connected(shop)
    now(pms.update_rates(UpdateRates("p", RateSheet(amounts))))
    (sent,) = shop.written
    assert (sent.method, path_of(sent)) == (recorded.request.method, path_of(recorded.request))
    assert rules_in(fromstring(sent.body)) == rules_in(wanted)


def night_of(rule: Element) -> date:
    return date.fromisoformat(rule.findtext("date_from", ""))


def rules_in(root: Element) -> list[dict[str, Any]]:
    """Rules by their nights as they are written; their names do not count, and amounts do as amounts."""
    found = []
    for rule in root:
        fields = dict(texts(rule)[1])
        assert [language.attrib for language in rule.iter("language")] == [{"id": "1"}]
        found.append(fields | {"feature_price_name": "", "impact_value": Decimal(fields["impact_value"])})
    return sorted(found, key=lambda fields: str(fields["date_from"]))


def test_an_order_says_the_time_of_the_shops_clock() -> None:
    made = [one for one in recording("qloapps/02_session_json") if one.label == "create booking"]
    assert len(made) == 32
    for exchange in made:
        stamp = json_of(answered(exchange))["booking"]["booking_date"]
        at = datetime.fromisoformat(stamp).replace(tzinfo=UTC)
        assert abs(at - exchange.started_at) < timedelta(seconds=3)

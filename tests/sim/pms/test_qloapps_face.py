"""The web service of QloApps, request by request: what goes wrong there, and what must not go wrong here."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given, settings
from hypothesis import strategies as st

from pms_lab.domain.pms import ReservationStatus
from pms_lab.domain.stay import StayDates
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.sim.pms.faces.qloapps import KEY, Key, QloAppsFace, Quirks, demo_pms
from pms_lab.sim.pms.state import Wish
from pms_lab.traffic.har import read_har
from tests.sim.pms.qloapps_replay import FIXTURES

NOON = datetime(2026, 11, 30, 17, 0, tzinfo=UTC)
TODAY = date(2026, 11, 30)
BASIC = "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()


class Client:
    """Asks a face, one request a second unless told otherwise."""

    def __init__(self, *, quirks: Quirks | None = None, tax_percent: Decimal = Decimal(4), **hotel: Any) -> None:
        self.face = QloAppsFace(demo_pms(**hotel), quirks=quirks, tax_percent=tax_percent)
        self.pms = self.face.pms
        self.at = NOON

    def send(
        self, method: str, path: str, body: str | bytes = b"", *, wait_s: float = 1, **headers: str
    ) -> HttpResponse:
        self.at += timedelta(seconds=wait_s)
        raw = body.encode() if isinstance(body, str) else body
        request = HttpRequest(method, f"http://h/api/{path}", {"Authorization": BASIC, **headers}, raw)
        return self.face.answer(request, self.at)

    def get(self, path: str, **query: str) -> Any:
        response = self.send("GET", f"{path}?{urlencode({**query, 'output_format': 'JSON'})}", wait_s=0)
        assert response.status == 200, response.body
        return json.loads(response.body)

    def rows(self, resource: str, **query: str) -> list[dict[str, Any]]:
        answer = self.get(resource, **{"display": "full", **query})
        return next(iter(answer.values())) if answer else []

    def book(self, *, wait_s: float = 1, **parts: Any) -> HttpResponse:
        return self.send(
            "POST", "bookings?output_format=JSON", json.dumps({"booking": booking(**parts)}), wait_s=wait_s
        )

    def booked(self, **parts: Any) -> dict[str, Any]:
        response = self.book(**parts)
        assert response.status == 200, response.body
        made: dict[str, Any] = json.loads(response.body)["booking"]
        return made

    def put(self, order: int, **parts: Any) -> HttpResponse:
        body = json.dumps({"booking": {"id": order, **booking(**parts)}})
        return self.send("PUT", f"bookings/{order}?output_format=JSON", body)

    def rule(self, method: str = "POST", **fields: str) -> HttpResponse:
        return self.send(method, "feature_prices", rules(fields))

    def price(self, night: date = TODAY, product: str = "1") -> Decimal:
        """What the hotel quotes for a night, without the service that it adds."""
        return Decimal(str(self.ari(night, night + timedelta(days=1), product)["base_price"])) - 250

    def ari(self, first: date, last: date, product: str = "1", by_night: bool = False) -> dict[str, Any]:
        shelves = "".join(
            f"<get_{shelf}_rooms>1</get_{shelf}_rooms>" for shelf in ("available", "booked", "unavailable")
        )
        more = "<date_wise_breakdown>1</date_wise_breakdown>" if by_night else ""
        body = (
            f"<qloapps><hotel_ari><id_hotel>1</id_hotel><id_room_type>{product}</id_room_type>"
            f"<date_from>{first}</date_from><date_to>{last}</date_to>{shelves}{more}</hotel_ari></qloapps>"
        )
        answer = json.loads(self.send("POST", "hotel_ari?output_format=JSON", body, wait_s=0).body)
        found: dict[str, Any] = answer["hotel_aris"][0] if by_night else answer["hotel_ari"]["room_types"][0]
        return found


def booking(
    *,
    product: str = "1",
    first: date = TODAY,
    nights: int = 2,
    count: int = 1,
    rooms: list[dict[str, Any]] | None = None,
    email: str = "ada@example.com",
    paid: str = "0",
    kinds: list[dict[str, Any]] | None = None,
    prices: dict[str, str] | None = None,
    guest: dict[str, str] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    kind = {
        "id_room_type": product,
        "checkin_date": str(first),
        "checkout_date": str(first + timedelta(days=nights)),
        "number_of_rooms": str(count),
    }
    return {
        "id_property": "1",
        "currency": "USD",
        "source": "test",
        "associations": {
            "customer_detail": {"firstname": "Ada", "lastname": "Byron", "email": email, "phone": "555"}
            | (guest or {}),
            "room_types": kinds if kinds is not None else [kind | ({"rooms": rooms} if rooms is not None else {})],
            "price_details": {"total_paid": paid} | (prices or {}),
        },
        **fields,
    }


def rules(*several: dict[str, str]) -> str:
    return f"<qloapps>{''.join(map(rule, several))}</qloapps>"


def rule(fields: dict[str, str]) -> str:
    whole = {
        "id_product": "1",
        "id_cart": "0",
        "date_from": str(TODAY),
        "date_to": str(TODAY),
        "impact_way": "3",
        "is_special_days_exists": "0",
        "date_selection_type": "2",
        "special_days": "false",
        "impact_type": "2",
        "impact_value": "1777.35",
        "active": "1",
        "name": "RM",
        "groups": "123",
    } | fields
    groups, name = whole.pop("groups"), whole.pop("name")
    listed = "".join(f"<group><id>{one}</id></group>" for one in groups)
    named = f'<feature_price_name><language id="1">{name}</language></feature_price_name>'
    below = f"<associations><groups>{listed}</groups></associations>" if groups else ""
    return f"<feature_price>{''.join(f'<{k}>{v}</{k}>' for k, v in whole.items())}{named}{below}</feature_price>"


def test_a_booking_takes_a_room_costs_its_nights_and_is_taxed_as_a_whole() -> None:
    client = Client()
    client.rule(impact_value="666.66")
    made = client.booked(nights=1)
    assert made["associations"]["price_details"] == {
        "total_paid": 0,
        "total_price_without_tax": 666.66,
        "total_tax": 26.67,
    }
    (order,) = client.rows("orders")
    assert (order["total_paid_tax_incl"], order["current_state"]) == ("693.330000", 1)
    (mine,) = client.pms.bookings.values()
    assert (mine.total, mine.room, mine.group) == (Decimal("666.66"), "1", "1")


def test_several_rooms_are_one_order_and_all_or_none_are_booked() -> None:
    client = Client()
    made = client.booked(count=3)
    rooms = [room["id_room"] for kind in made["associations"]["room_types"] for room in kind["rooms"]]
    assert rooms == [1, 2, 3]
    assert {one.group for one in client.pms.bookings.values()} == {"1"}
    assert client.book(count=3).status == 400
    assert len(client.pms.bookings) == 3
    assert client.booked(count=2)["id"] == 2


@pytest.mark.parametrize(
    ("paid", "state", "shown"), [("0", 1, 0), ("100", 8, 100), ("2080", 2, 2080), ("9999", 2, 2080)]
)
def test_what_is_paid_sets_the_state_and_is_cut_at_what_is_due(paid: str, state: int, shown: int) -> None:
    client = Client()
    assert client.booked(paid=paid)["associations"]["price_details"]["total_paid"] == shown
    (order,) = client.rows("orders")
    assert order["current_state"] == state
    assert sum(one.amount for one in client.pms.postings.values()) == -shown


def test_guests_merge_by_address_and_a_new_booking_renames_the_old_ones() -> None:
    client = Client()
    client.booked()
    client.booked(email="ADA@example.com", guest={"firstname": "Augusta"})
    assert [
        client.get(f"bookings/{order}")["booking"]["associations"]["customer_detail"]["firstname"] for order in (1, 2)
    ] == [
        "Augusta",
        "Augusta",
    ]
    assert len(client.pms.guests) == 2  # the demo hotel's own, and this one


def test_a_race_for_the_last_room_is_won_by_both() -> None:
    client = Client(race=timedelta(seconds=1))
    client.booked(count=4)
    answers = [client.book(email=f"{name}@example.com", wait_s=wait_s) for name, wait_s in (("a", 5), ("b", 0.1))]
    assert [answer.status for answer in answers] == [200, 200]
    assert len(client.pms.double_booked()) == 1
    assert client.book(email="c@example.com", wait_s=5).status == 400


def test_the_loser_of_a_race_may_be_cancelled_without_a_word() -> None:
    client = Client(race=timedelta(seconds=1), quirks=Quirks(cancels_silently=True))
    client.booked(count=4)
    answers = [client.book(email=f"{name}@example.com", wait_s=wait_s) for name, wait_s in (("a", 5), ("b", 0.1))]
    assert [answer.status for answer in answers] == [200, 200]
    assert not client.pms.double_booked()
    (line,) = client.rows("room_bookings", **{"filter[id_order]": "[3]"})
    assert (line["is_cancelled"], line["is_back_order"]) == (1, 1)
    (order,) = client.rows("orders", **{"filter[id]": "[3]"})
    assert order["current_state"] == 1


def test_with_free_rooms_a_race_gives_two_bookings_the_same_room() -> None:
    client = Client(race=timedelta(seconds=1))
    for email, wait_s in (("a@example.com", 1), ("b@example.com", 0.1)):
        client.book(email=email, wait_s=wait_s)
    assert [one.room for one in client.pms.bookings.values()] == ["1", "1"]


def test_rooms_of_one_booking_never_race_each_other() -> None:
    client = Client(race=timedelta(seconds=1))
    client.booked(count=3)
    assert not client.pms.double_booked()


def test_stock_settings_answer_500_to_what_is_done() -> None:
    client = Client(quirks=Quirks(warns=True))
    response = client.book(paid="100")
    assert response.status == 500
    assert [error["code"] for error in json.loads(response.body)["errors"]] == [3, 3, 3]
    assert len(client.rows("orders")) == 1
    assert client.send("GET", "bookings/1").status == 500
    assert client.put(1, booking_status="3").status == 500
    assert client.rows("orders")[0]["current_state"] == 4


@pytest.mark.parametrize("way", ["bookings", "order_histories"])
@pytest.mark.parametrize(("hides", "bumped"), [(True, False), (False, True)])
def test_a_cancellation_shows_in_the_time_of_its_order_but_not_of_its_line(way: str, hides: bool, bumped: bool) -> None:
    client = Client(quirks=Quirks(hides_cancellations=hides))
    client.booked()
    client.at += timedelta(minutes=5)
    if way == "bookings":
        client.put(1, booking_status="3")
    else:
        body = (
            "<qloapps><order_history><id_order>1</id_order><id_order_state>4</id_order_state></order_history></qloapps>"
        )
        assert client.send("POST", "order_histories", body).status == 201
    (order,), (line,) = client.rows("orders"), client.rows("room_bookings")
    assert (order["current_state"], line["is_cancelled"]) == (4, 1)
    assert order["date_upd"] > order["date_add"]
    assert (line["date_upd"] > line["date_add"]) is bumped
    assert client.booked(count=5, email="b@example.com")


def test_undoing_a_cancellation_resets_the_order_and_leaves_the_line_cancelled() -> None:
    client = Client()
    client.booked(paid="100")
    client.put(1, booking_status="3")
    client.put(1, booking_status="1")
    assert client.rows("orders")[0]["current_state"] == 8
    assert client.rows("room_bookings")[0]["is_cancelled"] == 1
    assert client.booked(count=5)


def test_other_dates_give_another_line_and_the_price_of_now_and_the_booking_stays_the_same() -> None:
    client = Client()
    client.booked()
    client.rule(date_from=str(TODAY + timedelta(days=2)), impact_value="1200")
    assert client.rows("room_bookings")[0]["total_price_tax_excl"] == "2000.000000"
    assert client.put(1, first=TODAY + timedelta(days=1)).status == 200
    (line,) = client.rows("room_bookings")
    assert (line["id"], line["id_order"], line["total_price_tax_excl"]) == (2, 1, "2200.000000")
    assert line["id_room"] == 2  # its own room blocks it
    (mine,) = client.pms.bookings.values()
    assert (mine.id, mine.stay.check_in) == ("1", TODAY + timedelta(days=1))


def test_a_stay_that_is_extended_into_itself_is_refused_when_the_others_are_full() -> None:
    client = Client()
    for number in range(5):
        client.booked(email=f"{number}@example.com")
    before = list(client.pms.events)
    response = client.put(1, nights=3, email="0@example.com")
    assert (response.status, response.body) == (
        400,
        b'{"errors":[{"code":404,"message":"Requested room(s) not available"}]}',
    )
    assert client.pms.events == before
    assert client.pms.booking("1").stay == StayDates.starting(TODAY, 2)


def test_a_change_that_does_not_name_the_services_drops_them() -> None:
    client = Client()
    client.booked(rooms=[{"services": [{"id_service": "9", "quantity": "1"}]}])
    assert client.rows("orders")[0]["total_paid_tax_excl"] == "2700.000000"
    client.put(1, remark="Quiet room")
    (order,) = client.rows("orders")
    assert (order["total_paid_tax_excl"], order["total_products"]) == ("2000.000000", "2700.000000")
    assert not list(client.pms.postings.values())


def test_services_that_are_named_again_stay_as_they_are() -> None:
    client = Client()
    client.booked(rooms=[{"services": [{"id_service": "9", "quantity": "1"}]}])
    charge = {"name": "Minibar", "quantity": "1", "price_mode": "1", "unit_price_without_tax": "12.5", "total_tax": "0"}
    client.put(1, rooms=[{"services": [{"id_service": "9", "quantity": "1"}, charge]}])
    before = list(client.pms.postings.items())
    assert [one.amount for _, one in before] == [Decimal(700), Decimal("12.5")]
    client.put(1, rooms=[{"services": [{"id_service": "9", "quantity": "1"}, charge]}], remark="again")
    assert list(client.pms.postings.items()) == before


def test_a_price_of_the_callers_own_is_for_the_whole_stay_and_a_tax_of_0_doubles_the_tax() -> None:
    client = Client()
    client.booked(rooms=[{"unit_price_without_tax": "1500"}])
    client.booked(rooms=[{"unit_price_without_tax": "1500", "total_tax": "0"}], email="b@example.com")
    assert [line["total_price_tax_incl"] for line in client.rows("room_bookings")] == ["1560.000000", "1620.000000"]


def test_a_total_below_the_price_is_answered_500_and_booked_at_the_price() -> None:
    client = Client()
    assert client.book(prices={"total_price_with_tax": "10"}).status == 500
    assert client.rows("orders")[0]["total_paid_tax_incl"] == "2080.000000"


def test_remarks_are_added_once_and_shown_with_the_newest_first() -> None:
    client = Client()
    client.booked(remark="Needs cot")
    for text in ("Quiet room", "Needs cot", "<b>Late</b>"):
        client.put(1, remark=text)
    assert client.get("bookings/1")["booking"]["associations"]["remarks"] == ["Late", "Quiet room", "Needs cot"]
    assert client.pms.booking("1").notes == ("Needs cot", "Quiet room", "Late")


@pytest.mark.parametrize(("id_status", "status"), [(2, ReservationStatus.IN_HOUSE), (3, ReservationStatus.CHECKED_OUT)])
def test_a_stay_is_checked_in_and_out_by_its_line(id_status: int, status: ReservationStatus) -> None:
    client = Client()
    client.booked()
    whole = client.send("GET", "room_bookings/1").body.decode()
    old = "<id_status><![CDATA[1]]></id_status>"
    assert old in whole
    assert (
        client.send("PUT", "room_bookings/1", whole.replace(old, f"<id_status>{id_status}</id_status>")).status == 200
    )
    (line,), (order,) = client.rows("room_bookings"), client.rows("orders")
    assert line["id_status"] == id_status
    assert line["date_upd"] > order["date_upd"]
    assert client.pms.booking("1").status is status


def test_after_an_early_check_out_the_room_is_free_again() -> None:
    client = Client()
    client.booked(nights=5)
    client.send("PUT", "room_bookings/1", "<qloapps><booking><id>1</id><id_status>3</id_status></booking></qloapps>")
    assert client.booked(first=TODAY + timedelta(days=1))["associations"]["room_types"][0]["rooms"][0]["id_room"] == 1


def test_a_cancelled_line_stays_cancelled_whatever_its_status_is_set_to() -> None:
    client = Client()
    client.booked()
    client.put(1, booking_status="3")
    body = "<qloapps><booking><id>1</id><id_status>2</id_status></booking></qloapps>"
    assert client.send("PUT", "room_bookings/1", body).status == 200
    assert client.pms.booking("1").status is ReservationStatus.CANCELLED
    assert client.rows("room_bookings")[0]["is_cancelled"] == 1


def test_what_is_left_out_of_a_guest_is_blanked_and_the_guest_leaves_the_lists() -> None:
    client = Client()
    client.booked()
    body = (
        "<qloapps><customer><id>2</id><passwd>x</passwd><lastname>Byron</lastname><firstname>Ada</firstname>"
        "<email>ada@example.com</email></customer></qloapps>"
    )
    assert client.send("PUT", "customers/2", body).status == 200
    assert [one["id"] for one in client.rows("customers")] == [1]
    blanked = client.get("customers/2")["customer"]
    assert (blanked["active"], blanked["id_shop"], blanked["phone"]) == (0, 0, "")


def test_a_guest_that_is_sent_back_whole_keeps_everything() -> None:
    client = Client()
    client.booked()
    before = client.get("customers/2")["customer"]
    whole = client.send("GET", "customers/2").body.decode()
    client.send("PUT", "customers/2", whole.replace("ada@example.com", "lovelace@example.com"))
    after = client.get("customers/2")["customer"]
    changed = {name for name in before if (before[name] or "") != (after[name] or "")}
    assert changed == {"email", "date_upd"}


# Rules of prices


def test_of_equal_rules_the_lowest_id_wins_and_deleting_it_uncovers_the_next() -> None:
    client = Client()
    for amount in ("1100", "1200"):
        client.rule(impact_value=amount)
    assert client.price() == 1100
    assert client.send("DELETE", "feature_prices/1").status == 200
    assert client.price() == 1200
    assert client.pms.rate("1", TODAY) == 1200
    client.send("DELETE", "feature_prices/?id=[2]")
    assert client.price() == 1000
    assert not list(client.pms.rates.items())


def test_one_night_comes_before_weekdays_and_these_before_a_range() -> None:
    client = Client()
    week = {"date_to": str(TODAY + timedelta(days=6)), "date_selection_type": "1"}
    client.rule(**week, impact_value="1100")
    client.rule(**week, impact_value="1200", is_special_days_exists="1", special_days='["fri","mon"]')
    client.rule(impact_value="1300", date_from=str(TODAY + timedelta(days=4)))
    prices = [client.price(TODAY + timedelta(days=away)) for away in range(8)]
    assert prices == [1200, 1100, 1100, 1100, 1300, 1100, 1100, 1000]


@pytest.mark.parametrize(
    ("fields", "price"),
    [
        ({"impact_way": "2", "impact_type": "1", "impact_value": "15"}, 1150),
        ({"impact_way": "1", "impact_value": "100"}, 900),
        ({"impact_way": "1", "impact_value": "5000"}, 0),
        ({"groups": ""}, 1000),
        ({"active": "0"}, 1000),
        ({"date_selection_type": "9"}, 1000),
        ({"id_product": "99"}, 1000),
        ({"date_selection_type": "1", "date_to": "2026-01-01"}, 1000),
        ({"date_selection_type": "1", "date_to": ""}, 1000),
        ({"id_cart": "7"}, 1000),
        ({"date_to": str(TODAY + timedelta(days=9))}, Decimal("1777.35")),
    ],
    ids=str,
)
def test_a_rule_is_taken_whatever_it_says_and_may_have_no_effect(fields: dict[str, str], price: Decimal) -> None:
    client = Client()
    assert client.rule(**fields).status == 201
    assert client.price() == price
    assert client.price(TODAY + timedelta(days=1)) == 1000


def test_a_rule_for_visitors_alone_changes_the_quote_and_not_the_booking() -> None:
    client = Client()
    client.rule(groups="1", impact_value="1111")
    assert client.price() == 1111
    assert client.booked(nights=1)["associations"]["price_details"]["total_price_without_tax"] == 1000
    assert client.pms.rate("1", TODAY) == 1000


@pytest.mark.parametrize(
    ("sent", "stored", "price"),
    [
        ("1777.35", "1777.350000", "1777.35"),
        ("333.335", "333.335000", "333.34"),
        ("-50", "-50.000000", "0"),
        ("NaN", "0.000000", "0"),
        ("INF", "0.000000", "0"),
        ("abc", "0.000000", "0"),
        ("0x10", "0.000000", "0"),
        ("1,5", "1.500000", "1.5"),
        ("1.777,50", "1.777000", "1.78"),
        ("1e3", "1000.000000", "1000"),
        ("100000000000000", "99999999999999.999999", None),
    ],
)
def test_an_amount_is_stored_as_php_reads_it_and_echoed_as_it_was_sent(
    sent: str, stored: str, price: str | None
) -> None:
    client = Client()
    echo = fromstring(client.rule(impact_value=sent).body)
    assert echo.findtext("feature_price/impact_value") == sent
    assert client.rows("feature_prices")[0]["impact_value"] == stored
    if price is not None:
        assert client.price() == Decimal(price)


def test_a_stay_is_rounded_as_a_whole() -> None:
    client = Client()
    client.rule(date_selection_type="1", date_to=str(TODAY + timedelta(days=1)), impact_value="333.335")
    assert client.booked()["associations"]["price_details"]["total_price_without_tax"] == 666.67
    assert client.booked(nights=1)["associations"]["price_details"]["total_price_without_tax"] == 333.34


@pytest.mark.parametrize("fields", [{"impact_value": ""}, {"name": ""}, {"name": "a;b"}, {"name": "x" * 129}], ids=str)
def test_only_presence_and_the_name_are_checked(fields: dict[str, str]) -> None:
    client = Client()
    assert client.rule(**fields).status == 400
    assert client.rows("feature_prices") == []


def test_many_rules_are_written_until_one_is_wrong() -> None:
    client = Client()
    good = [{"date_from": str(TODAY + timedelta(days=away)), "impact_value": f"11{away}0"} for away in range(4)]
    response = client.send("POST", "feature_prices", rules(*good[:2], {"impact_value": ""}, *good[2:]))
    assert response.status == 400
    assert [one["impact_value"] for one in client.rows("feature_prices")] == ["1100.000000", "1110.000000"]
    missing = [{**good[0], "id": "1", "impact_value": "5"}, {"id": "77"}, {"id": "2"}]
    assert client.send("PUT", "feature_prices", rules(*missing)).status == 404
    assert client.price() == 5
    assert client.price(TODAY + timedelta(days=1)) == 1110


def test_two_rules_with_the_same_id_are_refused_before_anything_is_written() -> None:
    client = Client()
    client.rule()
    assert client.send("PUT", "feature_prices", rules({"id": "1", "impact_value": "5"}, {"id": "1"})).status == 400
    assert client.price() == Decimal("1777.35")


def test_deleting_many_rules_of_which_one_is_missing_deletes_none() -> None:
    client = Client()
    client.rule()
    assert client.send("DELETE", "feature_prices/?id=[1,9]").status == 404
    assert len(client.rows("feature_prices")) == 1


def test_a_server_that_dies_in_a_change_has_written_the_rules_until_then() -> None:
    client = Client()
    nights = [TODAY + timedelta(days=away) for away in range(4)]
    client.send("POST", "feature_prices", rules(*({"date_from": str(night)} for night in nights)))
    client.face.quirks = Quirks(killed_at=2)
    changes = [{"id": str(at), "date_from": str(night), "impact_value": "5"} for at, night in enumerate(nights, 1)]
    assert client.send("PUT", "feature_prices", rules(*changes)).status == 502
    client.face.quirks = Quirks()
    assert [client.price(night) for night in nights] == [5, 5, Decimal("1777.35"), Decimal("1777.35")]


def test_a_server_that_dies_in_a_creation_leaves_an_orphan_that_groups_and_a_name_mend() -> None:
    client = Client(quirks=Quirks(killed_at=1))
    assert client.rule().status == 502
    (orphan,) = client.rows("feature_prices")
    assert orphan["feature_price_name"] is None
    assert "associations" not in orphan
    assert client.price() == 1000
    client.face.quirks = Quirks()
    assert client.rule("PUT", id="1").status == 200
    assert client.price() == Decimal("1777.35")


def test_a_change_without_groups_keeps_them_and_one_without_other_fields_blanks_them() -> None:
    client = Client()
    client.rule()
    assert client.rule("PUT", id="1", groups="", impact_value="1200").status == 200
    assert client.price() == 1200
    bare = (
        "<qloapps><feature_price><id>1</id><id_product>1</id_product><date_from>2026-11-30</date_from>"
        "<impact_way>3</impact_way><is_special_days_exists>0</is_special_days_exists><impact_type>2</impact_type>"
        '<impact_value>1200</impact_value><feature_price_name><language id="1">RM</language></feature_price_name>'
        "</feature_price></qloapps>"
    )
    assert client.send("PUT", "feature_prices/999", bare).status == 200  # the body's id rules
    (row,) = client.rows("feature_prices")
    assert (row["active"], row["date_to"], row["date_selection_type"]) == (0, "0000-00-00", 0)
    assert client.price() == 1000


# What people do in the hotel


def test_a_booking_made_at_the_desk_is_an_order_with_its_line() -> None:
    client = Client()
    person = client.pms.add_guest(NOON, first_name="Mary", last_name="Shelley", email="mary@example.com")
    mine = client.pms.book(Wish(StayDates.starting(TODAY, 2), "1", person.id, notes=("VIP",)), NOON)
    client.pms.post(mine.id, "Minibar", Decimal("12.50"), NOON)
    client.pms.post(mine.id, "Cash", Decimal(-100), NOON)
    shown = client.get("bookings/1")["booking"]["associations"]
    assert shown["remarks"] == ["VIP"]
    assert shown["price_details"] == {"total_paid": 100, "total_price_without_tax": 2012.5, "total_tax": 80}
    (order,) = client.rows("orders")
    assert (order["current_state"], order["total_paid_real"]) == (8, "100.000000")
    assert client.booked()["id"] == 2


def test_a_cancellation_at_the_desk_shows_in_the_order_and_a_check_in_in_the_line() -> None:
    client = Client()
    client.booked()
    client.booked(email="b@example.com")
    later = client.at + timedelta(minutes=5)
    client.pms.set_status("1", ReservationStatus.CANCELLED, later)
    client.pms.set_status("2", ReservationStatus.IN_HOUSE, later)
    client.at = later
    since = {
        "filter[date_upd]": f">[{(later - timedelta(minutes=1)).astimezone(client.pms.hotel.zone):%Y-%m-%d %H:%M:%S}]"
    }
    assert [one["id"] for one in client.rows("orders", **since, date="1")] == [1]
    assert [one["id"] for one in client.rows("room_bookings", **since, date="1")] == [2]
    assert [one["is_cancelled"] for one in client.rows("room_bookings")] == [1, 0]
    assert client.rows("orders")[0]["current_state"] == 4


def test_a_rate_set_at_the_desk_is_a_rule_and_one_taken_back_is_none() -> None:
    client = Client()
    client.rule()
    client.pms.set_rate("1", "BAR", TODAY, Decimal("1234.50"), client.at)
    assert client.price() == Decimal("1234.50")
    assert [one["impact_value"] for one in client.rows("feature_prices")] == ["1234.500000"]
    client.pms.set_rate("1", "BAR", TODAY, None, client.at)
    assert client.price() == 1000
    assert client.rows("feature_prices") == []


def test_a_replica_shows_what_was() -> None:
    client = Client(lag=timedelta(seconds=30))
    client.booked()
    assert client.rows("orders") == []
    client.at += timedelta(seconds=60)
    assert len(client.rows("orders")) == 1


# Rooms and room types


def test_a_room_that_is_out_is_unavailable_and_cannot_be_booked() -> None:
    client = Client()
    body = "<qloapps><room><id>1</id><id_status>2</id_status><comment>painting</comment></room></qloapps>"
    assert client.send("PUT", "hotel_rooms/1", body).status == 200
    rooms = client.ari(TODAY, TODAY + timedelta(days=1))["rooms"]
    assert (list(rooms["available"]), list(rooms["unavailable"])) == (["2", "3", "4", "5"], ["1"])
    assert client.booked()["associations"]["room_types"][0]["rooms"][0]["id_room"] == 2


def test_totals_by_night_are_wrong_and_rooms_are_right() -> None:
    client = Client()
    client.booked(count=2)
    night = client.ari(TODAY, TODAY + timedelta(days=1), by_night=True)
    assert [night[f"total_{shelf}_rooms"] for shelf in ("available", "booked", "unavailable")] == [3, 3, 3]
    rooms = night["room_types"][0]["rooms"]
    assert (list(rooms["available"]), list(rooms["booked"])) == (["3", "4", "5"], ["1", "2"])


@pytest.mark.parametrize(("ruins", "guests"), [(True, 2), (False, 4)])
def test_a_put_of_a_room_type_sets_the_price_and_may_ruin_the_inventory(ruins: bool, guests: int) -> None:
    client = Client(quirks=Quirks(ruins_room_types=ruins))
    whole = client.send("GET", "room_types/2").body.decode()
    put = whole.replace("<price><![CDATA[1500.000000]]>", "<price><![CDATA[1620.000000]]>")
    assert client.send("PUT", "room_types/2", put).status == 200
    assert client.pms.room_types["2"].base_rate == 1620
    (row,) = client.rows("hotel_room_types", **{"filter[id_product]": "[2]"})
    assert row["max_guests"] == guests
    assert Decimal(str(client.ari(TODAY, TODAY + timedelta(days=1), "2")["base_price"])) == (1620 if ruins else 1870)


# Lists


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"limit": "2"}, [1, 2]),
        ({"limit": "1,2"}, [2, 3]),
        ({"limit": "x"}, []),
        ({"sort": "[id_DESC]", "limit": "2"}, [6, 5]),
        ({"sort": "[id_product_DESC,id_ASC]", "limit": "3"}, [6, 5, 1]),
        ({"filter[id]": "[2|5]"}, [2, 5]),
        ({"filter[id]": "[2,4]"}, [2, 3, 4]),
        ({"filter[id]": ">[4]"}, [5, 6]),
        ({"filter[id]": "<[2]"}, [1]),
        ({"filter[id]": "![2]"}, [1, 3, 4, 5, 6]),
        ({"filter[id]": "3"}, [3]),
        ({"filter[date_from]": "[2026-12-02 00:00:00,2026-12-02 23:59:59]"}, [3]),
        ({"filter[room_num]": "[gr-101]"}, [1, 3, 4]),
        ({"filter[room_num]": "[GR]%"}, [1, 2, 3, 4]),
        ({"filter[room_num]": "%[1_1]"}, [1, 3, 4, 5, 6]),
        ({"filter[id]": "[99]"}, []),
    ],
    ids=str,
)
def test_lists_are_filtered_sorted_and_cut(query: dict[str, str], ids: list[int]) -> None:
    client = Client()
    for product, away in (("1", 0), ("1", 0), ("1", 2), ("1", 4), ("2", 0), ("4", 0)):
        client.booked(product=product, first=TODAY + timedelta(days=away))
    assert [row["id"] for row in client.rows("room_bookings", **query)] == ids


def test_a_time_can_be_filtered_by_with_date_only() -> None:
    client = Client()
    path = "orders?filter[date_upd]=" + quote(">[2026-11-30 00:00:00]")
    assert client.send("GET", path).status == 400
    assert client.send("GET", path + "&date=1").status == 200


def test_fields_come_in_the_resources_order_whatever_is_asked() -> None:
    client = Client()
    client.booked()
    assert [list(row) for row in client.rows("orders", display="[source,id]")] == [["id", "source"]]
    assert client.get("orders") == {"orders": [{"id": 1}]}


# Who may ask, and what cannot be read


def test_a_key_may_stand_in_the_query() -> None:
    face = QloAppsFace(demo_pms())
    answer = face.answer(HttpRequest("GET", f"http://h/api/hotels?ws_key={KEY}"), NOON)
    assert answer.status == 200
    assert face.answer(HttpRequest("GET", "http://h/api/hotels?ws_key="), NOON).status == 401


@pytest.mark.parametrize(
    ("key", "method", "path", "status"),
    [
        (Key(), "GET", "hotels", 200),
        (Key(is_active=False), "GET", "hotels", 401),
        (Key(methods=("GET",)), "POST", "bookings", 405),
        (Key(resources=frozenset({"orders"})), "GET", "hotels", 401),
        (Key(), "DELETE", "orders/1", 405),
        (Key(), "GET", "hotel_ari", 405),
        (Key(), "GET", "carts", 501),
        (Key(), "GET", "orders?schema=blank", 501),
    ],
    ids=str,
)
def test_a_key_may_do_what_it_is_for(key: Key, method: str, path: str, status: int) -> None:
    face = QloAppsFace(demo_pms(), keys={KEY: key})
    request = HttpRequest(method, f"http://h/api/{path}", {"authorization": BASIC})
    assert face.answer(request, NOON).status == status


def test_a_head_has_no_body() -> None:
    client = Client()
    assert client.send("HEAD", "hotels/1").body == b""


BODIES: dict[str, tuple[str, str, bytes]] = {
    f"{exchange.request.method} {exchange.request.url.partition('/api/')[2]} {exchange.label}": (
        exchange.request.method,
        exchange.request.url.partition("/api/")[2],
        exchange.request.body,
    )
    for name in ("02_session_json", "07_errors", "09_rates_and_rooms")
    for exchange in read_har(FIXTURES / f"{name}.har.gz")
    if exchange.request.body
}

MANGLED: dict[str, Callable[[bytes], bytes]] = {
    "truncated": lambda body: body[: len(body) // 2],
    "in another encoding": lambda body: body.decode("utf-8", "replace").encode("utf-16"),
    "HTML": lambda body: b"<html><body>no</body></html>",
    "empty": lambda body: b"",
    "a list": lambda body: b"[]",
    "null": lambda body: b"null",
    "deep": lambda body: b'{"booking":' * 5000,
    "deep XML": lambda body: b"<a>" * 5000,
    "numbers": lambda body: body.replace(b'"1"', b"1e999").replace(b">1<", b">1e999<"),
    "other dates": lambda body: body.replace(b"2026-", b"9999-"),
    "with an entity": lambda body: b'<!DOCTYPE a [<!ENTITY e "x">]><qloapps><a>&e;</a></qloapps>',
}


@pytest.mark.parametrize("mangle", MANGLED.values(), ids=MANGLED)
def test_no_body_brings_the_face_down(mangle: Callable[[bytes], bytes]) -> None:
    client = Client()
    client.booked()
    for method, path, body in BODIES.values():
        assert client.send(method, path, mangle(body)).status in (200, 201, 400, 404, 405, 500)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(BODIES)),
    st.lists(st.tuples(st.integers(0, 4000), st.binary(max_size=4)), min_size=1, max_size=4),
)
def test_no_mutation_of_a_recorded_body_brings_the_face_down(name: str, edits: list[tuple[int, bytes]]) -> None:
    client = Client()
    method, path, body = BODIES[name]
    for at, text in edits:
        place = at % (len(body) + 1)
        body = body[:place] + text + body[place + len(text) :]
    assert 200 <= client.send(method, path, body).status <= 500


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_no_query_brings_the_face_down(value: str, field: str, path: str) -> None:
    client = Client()
    client.booked()
    for name in (
        f"filter[{field}]",
        "filter[id]",
        "filter[date_from]",
        "display",
        "sort",
        "limit",
        "schema",
        "output_format",
    ):
        for where in ("orders", f"room_bookings/{quote(path)}"):
            assert 200 <= client.send("GET", f"{where}?{urlencode({name: value})}").status <= 501
    assert client.send("DELETE", f"feature_prices/{quote(path)}?{urlencode({'id': value})}").status == 404

"""How Mews is spoken to: tokens, pages, refusals, and what it promises."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from pms_lab.adapters.mews import CAPABILITIES, MewsPms
from pms_lab.domain.outcome import Refused, Why
from pms_lab.domain.pms import GuestQuery, ReservationStatus
from pms_lab.domain.writes import (
    SetStatus,
    UpdateGuest,
)
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.engine.resilience.limiter import MemoryWindows
from pms_lab.errors import AuthRefused, BadAnswer, PmsFailed, SettingsError
from pms_lab.sim.pms.faces.mews.ids import guid
from tests.adapters.mews_desk import TODAY, Desk, charge, ref
from tests.contracts.harness import collected, now
from tests.contracts.vendor_mews import ACCESS_TOKEN, CLIENT_TOKEN, PLACE, credentials


def test_tokens_go_in_the_body_of_every_request_and_nowhere_else() -> None:
    desk = Desk()
    booking = desk.booking()
    now(desk.mews.get_reservation(ref(booking.id)))
    now(desk.mews.post_charge(charge(booking)))
    for request in desk.http.sent:
        assert request.method == "POST"
        assert request.url.startswith("http://127.0.0.1:8080/api/connector/v1/")
        assert "?" not in request.url
        assert dict(request.headers) == {"content-type": "application/json"}
        body = json.loads(request.body)
        assert (body["ClientToken"], body["AccessToken"]) == (CLIENT_TOKEN, ACCESS_TOKEN)
        assert body["Client"] == "pms_lab 0.1.0"


def test_what_the_rate_limit_counts_by_is_no_token_but_the_same_for_all_who_use_it() -> None:
    class Counted(MemoryWindows):
        keys: ClassVar[list[str]] = []

        async def take(self, key: str, limits: Any) -> float | None:
            self.keys.append(key)
            return await super().take(key, limits)

    desk = Desk()
    windows = Counted(desk.flow.monotonic_s)
    link = replace(desk.link, windows=windows)
    for known in (credentials(), credentials(client_token="another client"), credentials(access_token="other")):
        now(MewsPms(PLACE, known, link).health_check())
    first, second, third = windows.keys
    assert first == second != third
    assert first.startswith("mews:")
    assert not any(token in first for token in (CLIENT_TOKEN, ACCESS_TOKEN, ACCESS_TOKEN[:8]))


def test_capabilities_promise_nothing_that_is_not_documented() -> None:
    promised = (CAPABILITIES.atomic_create, CAPABILITIES.atomic_rates, CAPABILITIES.conditional_write)
    assert promised == (False, False, False)
    assert (CAPABILITIES.rate_batch, CAPABILITIES.in_flight_s) == (1000, 30.0)


def test_tokens_of_another_enterprise_are_refused() -> None:
    with pytest.raises(AuthRefused, match=guid("other")):
        now(Desk(place=replace(PLACE, code=guid("other"))).mews.connect())


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"zone": "Europe/Prague"}, "zone"),
        ({"pricing": "net"}, "pricing"),
        ({"currency": "EUR"}, "currency"),
    ],
)
def test_settings_that_contradict_mews_are_an_error(options: dict[str, Any], word: str) -> None:
    with pytest.raises(SettingsError, match=word):
        now(Desk(**options).mews.connect())


def test_a_page_that_is_not_full_is_the_last() -> None:
    desk = Desk()
    desk.booking()
    now(collected(desk.mews.get_in_house()))
    now(collected(desk.mews.get_arrivals(TODAY)))
    assert len(desk.bodies("reservations/getAll/2023-06-06")) == 2


def test_a_full_page_without_a_cursor_is_the_last() -> None:
    desk = Desk()
    for number in range(200):
        desk.guest(email=f"{number}@example.com")
    desk.tampering("customers/getAll", lambda answer: answer.update(Cursor=None))
    assert len(now(collected(desk.mews.search_guests(GuestQuery(name="Byron"))))) == 200
    assert len(desk.bodies("customers/getAll")) == 2  # by last name, and by first name


def test_the_next_page_begins_after_the_cursor_and_asks_the_same() -> None:
    desk = Desk()
    for number in range(201):
        desk.guest(email=f"{number}@example.com")
    now(collected(desk.mews.search_guests(GuestQuery(name="Byron"))))
    first, second, *_ = desk.bodies("customers/getAll")
    assert first.pop("Limitation") == {"Count": 200}
    assert second.pop("Limitation") == {"Count": 200, "Cursor": guid("guest", 2)}
    assert first == second


def test_a_cursor_that_comes_again_is_an_error_and_not_an_endless_loop() -> None:
    desk = Desk()
    for number in range(401):
        desk.guest(email=f"{number}@example.com")
    desk.tampering("customers/getAll", lambda answer: answer.update(Cursor=guid("guest", 202)))
    with pytest.raises(BadAnswer, match="twice"):
        now(collected(desk.mews.search_guests(GuestQuery(name="Byron"))))


def test_a_list_that_is_too_heavy_is_asked_for_in_smaller_pages() -> None:
    desk = Desk()
    for number in range(120):
        desk.guest(email=f"{number}@example.com")
    desk.http.tamper = too_heavy_above(50)
    assert len(now(collected(desk.mews.search_guests(GuestQuery(name="Byron"))))) == 120
    counts = [body["Limitation"]["Count"] for body in desk.bodies("customers/getAll")]
    assert counts == [200, 100, 50, 50, 50, 200, 100, 50]


def test_a_list_that_is_too_heavy_in_small_pages_too_is_an_error_before_the_breaker_opens() -> None:
    desk = Desk()
    desk.http.tamper = too_heavy_above(0)
    with pytest.raises(PmsFailed, match="408"):
        now(collected(desk.mews.get_in_house()))
    desk.http.tamper = lambda request, response: response
    assert now(desk.mews.health_check()).is_up


def too_heavy_above(count: int) -> Callable[[HttpRequest, HttpResponse], HttpResponse]:
    def tamper(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        asked = json.loads(request.body).get("Limitation", {"Count": 0})["Count"]
        heavy = HttpResponse(408, {}, b'{"Message":"Too heavy.","RequestId":"1"}')
        return heavy if asked > count and not request.url.endswith("Notes/getAll") else response

    return tamper


def test_a_rule_of_the_hotels_is_a_refusal_and_not_a_matter_of_credentials() -> None:
    desk = Desk()
    booking = desk.booking()
    outcome = now(desk.mews.set_reservation_status(SetStatus("s", ref(booking.id), ReservationStatus.CHECKED_OUT)))
    assert isinstance(outcome, Refused)
    assert outcome.why is Why.REJECTED
    assert "The reservation is Confirmed" in outcome.message


def test_wrong_tokens_are_a_matter_of_credentials() -> None:
    desk = Desk(known=credentials(access_token="wrong"))
    with pytest.raises(AuthRefused):
        now(desk.mews.connect())
    assert len(desk.http.sent) == 1


def test_asked_too_often_without_a_time_is_waited_for_with_backoff() -> None:
    desk = Desk()
    told = iter([HttpResponse(429), HttpResponse(429)])
    desk.http.tamper = lambda request, response: next(told, response)
    now(desk.mews.connect())
    assert len(desk.http.sent) == 3
    assert desk.flow.elapsed_s >= 3


def test_asked_too_often_with_a_time_is_waited_for_as_long() -> None:
    desk = Desk()
    told = iter([desk.face.throttled(6.2)])
    desk.http.tamper = lambda request, response: next(told, response)
    now(desk.mews.connect())
    assert 7 <= desk.flow.elapsed_s < 9


def test_data_that_has_changed_meanwhile_is_a_refusal() -> None:
    desk = Desk()
    desk.http.tamper = lambda request, response: HttpResponse(409, {}, b'{"Message":"Conflict"}')
    assert isinstance(now(desk.mews.update_guest(UpdateGuest("g", ref(guid(1)), phone="1"))), Refused)


def test_the_words_of_a_refusal_hold_no_guest_and_no_token() -> None:
    words = f"Ada 'Byron' <ada@example.com> +1 (555) 010-0999 used {ACCESS_TOKEN} and {CLIENT_TOKEN.lower()}"
    desk = Desk()
    told = json.dumps({"Message": words, "RequestId": f"id-{ACCESS_TOKEN}"}).encode()
    desk.http.tamper = lambda request, response: HttpResponse(400, {}, told)
    outcome = now(desk.mews.update_guest(UpdateGuest("g", ref(guid(1)), phone="1")))
    assert isinstance(outcome, Refused)
    for secret in ("Byron", "ada@example.com", "010-0999", ACCESS_TOKEN[:20], CLIENT_TOKEN.lower()[:20]):
        assert secret not in outcome.message

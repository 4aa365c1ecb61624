"""Mews's tokens stand in the body of every request: nothing that is shown or logged may hold them."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from pms_lab.adapters.mews import MewsCredentials
from pms_lab.adapters.mews.api import MewsApi
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.errors import NotSent, PmsError, SettingsError, Unanswered
from tests.adapters.mews_desk import READS, WRITES, Desk, Operation, busy_desk, performed
from tests.contracts.harness import NOON, now
from tests.contracts.vendor_mews import ACCESS_TOKEN, CLIENT_TOKEN, credentials

ECHO: Final = f"{CLIENT_TOKEN} {ACCESS_TOKEN}"


def shown(thing: object) -> str:
    """Return all the ways in which a value may be printed."""
    return f"{thing} {thing!r} {thing:}" + "".join(chain(thing) if isinstance(thing, BaseException) else ())


def chain(error: BaseException | None) -> Iterator[str]:
    """Yield an error and those behind it, as they print, and as a traceback shows them."""
    while error is not None:
        yield f"{error} {error!r} {''.join(traceback.format_exception(error))}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def holds_a_token(text: str) -> bool:
    """Whether a token stands in a text, or so much of one that it is no secret any more."""
    return any(token[at : at + 12] in text for token in (CLIENT_TOKEN, ACCESS_TOKEN) for at in (0, 20, 40))


def answering(status: int, body: bytes) -> Callable[[HttpRequest, HttpResponse], HttpResponse]:
    headers = {"content-type": "application/json", "request-id": ACCESS_TOKEN, "location": f"https://x/{ECHO}"}
    return lambda request, response: HttpResponse(status, headers, body)


def echoing(status: int) -> Callable[[HttpRequest, HttpResponse], HttpResponse]:
    """Answer as a server in development does: with the whole request in the error."""

    def tamper(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        told = {"Message": f"Bad: {request.body.decode()}", "RequestId": ACCESS_TOKEN, "Details": request.body.decode()}
        return HttpResponse(status, {}, json.dumps(told).encode())

    return tamper


TAMPERS: Final = {
    **{f"an echo with {status}": echoing(status) for status in (302, 400, 401, 403, 404, 408, 409, 429, 500, 503)},
    "an echo with 200": echoing(200),
    "half": answering(200, f'{{"Message": "{ECHO}'.encode()),
    "HTML": answering(500, f"<html>{ECHO}</html>".encode()),
    "not UTF-8": answering(200, b"\xff" + ECHO.encode()),
    "the wrong types": answering(
        200, json.dumps(dict.fromkeys(("Reservations", "Customers", "Enterprise", "Cursor"), ECHO)).encode()
    ),
}


def fails(error: PmsError) -> Callable[[HttpRequest], None]:
    def before(request: HttpRequest) -> None:
        raise error

    return before


BEFORES: Final = {"a timeout": fails(Unanswered("nobody answered")), "no connection": fails(NotSent("no connection"))}


def upset(desk: Desk, trouble: str) -> None:
    """Let one kind of trouble befall every request."""
    if trouble in BEFORES:
        desk.http.before = BEFORES[trouble]
    else:
        desk.http.tamper = TAMPERS[trouble]


TROUBLES: Final = [*TAMPERS, *BEFORES]


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_no_error_of_a_read_shows_a_token(read: Operation, trouble: str) -> None:
    desk = busy_desk()
    upset(desk, trouble)
    with pytest.raises((PmsError, SettingsError)) as caught:
        now(read(desk))
    assert not holds_a_token(shown(caught.value))
    assert not holds_a_token(shown(now(desk.mews.health_check())))


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("write", WRITES, ids=lambda write: type(write).__name__)
def test_no_outcome_of_a_write_shows_a_token(write: Any, trouble: str) -> None:
    desk = busy_desk()
    upset(desk, trouble)
    for outcome in performed(desk, write):
        assert not holds_a_token(shown(outcome))
    assert not holds_a_token(shown(now(desk.mews.reconcile(write, NOON))))


@pytest.mark.parametrize("write", WRITES, ids=lambda write: type(write).__name__)
def test_no_outcome_of_a_write_whose_answer_is_lost_shows_a_token(write: Any) -> None:
    desk = busy_desk()
    desk.http.loses_answers = True
    for outcome in performed(desk, write):
        assert not holds_a_token(shown(outcome))


def test_nothing_that_knows_the_tokens_prints_them() -> None:
    desk = busy_desk()
    now(desk.mews.get_reservation(next(iter(now(READS["get_arrivals"](desk)))).id))
    known = credentials()
    api = MewsApi(known, desk.link)
    call = api._call("configuration/get", {})
    things = [known, known.model_dump(), known.model_dump_json(), desk.mews, desk.link, api, api._wire, call]
    for thing in [*things, *desk.http.sent, *desk.http.answered]:
        assert not holds_a_token(shown(thing))
    assert holds_a_token(call.body.decode())


def test_credentials_that_are_wrong_are_not_shown() -> None:
    with pytest.raises(ValueError, match="pricing") as caught:
        credentials(pricing=ACCESS_TOKEN, access_token=[ACCESS_TOKEN])
    assert not holds_a_token(f"{caught.value} {caught.value!r}")


@pytest.mark.parametrize("field", ["client_token", "access_token"])
def test_an_empty_token_is_no_token(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        credentials(**{field: ""})


def test_tax_codes_are_parted_by_commas() -> None:
    assert credentials(tax_codes="US-DC-G, US-X").tax_codes == ("US-DC-G", "US-X")


def test_every_credential_can_be_given_as_text() -> None:
    texts = {name: "gross" if name == "pricing" else "15:00" for name in MewsCredentials.model_fields}
    assert MewsCredentials.model_validate(texts).arrival.hour == 15


def test_the_check_itself_finds_a_token() -> None:
    assert holds_a_token(f"so {ACCESS_TOKEN[15:]} it is")
    assert holds_a_token(shown(ValueError(CLIENT_TOKEN)))
    assert not holds_a_token(shown(replace(HttpRequest("POST", "https://x/"), body=ECHO.encode())))

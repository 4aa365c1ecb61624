"""Nothing that is not allowed by name leaves a recording."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.traffic.har import Exchange, write_har
from pms_lab.traffic.scrub import REDACTED, Allowed, scrubbed

CANARY = "canary5ecret"
AT = datetime(2026, 11, 21, tzinfo=UTC)
ALLOWED = Allowed(frozenset({"Content-Type"}), frozenset({"display"}), frozenset({"booking", "id", "rooms"}))

BODIES: dict[str, Any] = {
    "a value": {"booking": {"id": 1, "email": CANARY}},
    "a name": {"booking": {CANARY: 1}},
    "below a name": {"guest": {"id": CANARY}},
    "in a list": [{"booking": [{"phone": [CANARY]}]}],
}
TEXTS = {
    **{f"JSON, {where}": json.dumps(body) for where, body in BODIES.items()},
    "XML, a text": f"<booking><email>{CANARY}</email></booking>",
    "XML, an element": f"<booking><{CANARY}/></booking>",
    "XML, an attribute": f'<booking token="{CANARY}"/>',
    "XML, an attribute's name": f'<booking {CANARY}="1"/>',
    "XML, after an element": f"<booking><id>1</id>{CANARY}</booking>",
    "XML, a comment": f"<booking><!-- {CANARY} --></booking>",
    "XML, the root": f"<{CANARY}/>",
    "XML, broken": f"<booking><id>{CANARY}",
    "XML, an entity": f'<!DOCTYPE x [<!ENTITY e "{CANARY}">]><booking>&e;</booking>',
    "a form, a value": f"id=1&password={CANARY}",
    "a form, a name": f"{CANARY}=1",
    "HTML": f"<html><p>{CANARY}<br></html>",
    "plain text": CANARY,
    "JSON, broken": '{"email": "' + CANARY,
    "JSON, a text": json.dumps(CANARY),
}


def exchange(**parts: Any) -> Exchange:
    response = HttpResponse(200, parts.get("answer_headers", {}), parts.get("answer", b""))
    request = HttpRequest("POST", parts.get("url", "http://h/api/x"), parts.get("headers", {}), parts.get("body", b""))
    return Exchange(request, response, AT, label="kept", channel="kept", error=parts.get("error", ""))


def written(one: Exchange, path: Path) -> bytes:
    write_har(path / "it.har", [scrubbed(one, ALLOWED)])
    return (path / "it.har").read_bytes()


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("way", ["body", "answer"])
def test_a_canary_in_a_body_does_not_survive(text: str, way: str, tmp_path: Path) -> None:
    assert CANARY.encode() not in written(exchange(**{way: text.encode()}), tmp_path)


@pytest.mark.parametrize(
    "parts",
    [
        {"headers": {"Authorization": f"Basic {CANARY}"}},
        {"headers": {CANARY: "1"}},
        {"answer_headers": {"set-cookie": CANARY}},
        {"url": f"http://h/api/x?ws_key={CANARY}"},
        {"url": f"http://h/api/x?{CANARY}"},
        {"url": f"http://{CANARY}:pw@h/api/x"},
        {"url": f"http://h/api/x#{CANARY}"},
        {"url": f"http://h/api/x?{quote('filter[email]')}=[{CANARY}]"},
        {"error": f"ReadTimeout at http://h/?ws_key={CANARY}"},
    ],
    ids=str,
)
def test_a_canary_beside_the_bodies_does_not_survive(parts: dict[str, Any], tmp_path: Path) -> None:
    assert CANARY.encode() not in written(exchange(**parts), tmp_path)


def test_what_is_allowed_stays() -> None:
    kept = scrubbed(
        exchange(
            url="http://h/api/bookings?display=full&ws_key=1",
            headers={"content-type": "application/json"},
            body=b'{"booking": {"id": 1, "rooms": [1, 2], "email": "a@b"}}',
            answer=b"<booking><id>1</id></booking>",
            error="ReadTimeout: 5 s",
        ),
        ALLOWED,
    )
    assert kept.request.url == f"http://h/api/bookings?display=full&{REDACTED}={REDACTED}"
    assert kept.request.headers == {"content-type": "application/json"}
    assert json.loads(kept.request.body) == {"booking": {"id": 1, "rooms": [1, 2], REDACTED: REDACTED}}
    assert kept.response is not None
    assert kept.response.body == b"<booking><id>1</id></booking>"
    assert (kept.label, kept.channel, kept.error) == ("kept", "kept", "ReadTimeout")


NAMES = st.sampled_from(["booking", "id", "rooms", "email", CANARY])
JSON = st.recursive(
    st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


def planted(value: Any, allowed: frozenset[str]) -> Any:
    """Put the canary into every value whose name is not allowed."""
    if isinstance(value, list):
        return [planted(one, allowed) for one in value]
    if isinstance(value, dict):
        return {name: planted(one, allowed) if name in allowed else CANARY for name, one in value.items()}
    return value


@given(JSON.filter(lambda value: isinstance(value, list | dict)))
def test_no_nesting_of_json_lets_the_canary_through(value: Any) -> None:
    body = json.dumps(planted(value, ALLOWED.fields)).encode()
    assert CANARY.encode() not in scrubbed(exchange(body=body), ALLOWED).request.body

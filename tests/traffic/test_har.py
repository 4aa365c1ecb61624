"""Recordings: what browsers and proxies write is read, and what is written is read back."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.errors import InputError
from pms_lab.traffic.har import Exchange, parse_har, read_har, write_har

FIXTURES = Path(__file__).parent.parent / "fixtures" / "qloapps"
AT = datetime(2026, 11, 21, 3, 11, 1, tzinfo=UTC)


def har(**entry: Any) -> bytes:
    """A recording of one exchange, with some of its parts replaced."""
    whole: dict[str, Any] = {
        "startedDateTime": "2026-11-21T03:11:01.000Z",
        "time": 20.5,
        "request": {"method": "get", "url": "http://h/api/x", "headers": []},
        "response": {"status": 200, "headers": [], "content": {"text": "ok"}},
    }
    return json.dumps({"log": {"entries": [whole | entry]}}).encode()


def only(body: bytes) -> Exchange:
    (exchange,) = parse_har(body)
    return exchange


def content(**parts: Any) -> dict[str, Any]:
    return {"response": {"status": 200, "headers": [], "content": parts}}


def test_an_exchange_is_read_with_its_label_and_channel() -> None:
    exchange = only(har(comment="room line", _channel="pms-ops"))
    assert (exchange.request.method, exchange.request.url) == ("GET", "http://h/api/x")
    assert exchange.response == HttpResponse(200, {}, b"ok")
    assert (exchange.started_at, exchange.took_s) == (AT, 0.0205)
    assert (exchange.label, exchange.channel, exchange.error) == ("room line", "pms-ops", "")


@pytest.mark.parametrize("packed", [lambda body: body, gzip.compress, lambda body: b"\xef\xbb\xbf" + body])
def test_plain_gzipped_and_marked_files_are_read(packed: Any) -> None:
    assert only(packed(har())).response is not None


@pytest.mark.parametrize(
    ("entry", "body"),
    [
        (content(text=base64.b64encode(b"\x00\xff").decode(), encoding="base64"), b"\x00\xff"),
        (content(size=3), b""),
        (content(text=None), b""),
        (content(text="höhe"), "höhe".encode()),
    ],
    ids=["base64", "no text", "null", "text"],
)
def test_bodies_are_bytes_however_they_are_written(entry: dict[str, Any], body: bytes) -> None:
    response = only(har(**entry)).response
    assert response is not None
    assert response.body == body


@pytest.mark.parametrize("response", [{"status": 0, "content": {}}, {"status": -1}, {}, None])
def test_without_an_answer_there_is_an_error_and_no_response(response: Any) -> None:
    exchange = only(har(response=response, _error="ReadTimeout"))
    assert (exchange.response, exchange.error) == (None, "ReadTimeout")
    assert only(har(response=response)).error == "no answer"


def test_a_time_that_is_not_known_is_none() -> None:
    assert only(har(time=-1)).took_s is None
    assert only(har(time=None)).took_s is None


def test_headers_are_joined_and_pseudo_headers_are_left_out() -> None:
    pairs = [(":authority", "h"), ("Set-Cookie", "a"), ("set-cookie", "b"), ("X-Y", "1")]
    listed = [{"name": name, "value": value} for name, value in pairs]
    exchange = only(
        har(
            request={"method": "GET", "url": "http://h/", "headers": listed[:1] + listed[3:]},
            response={"status": 200, "headers": listed},
        )
    )
    assert exchange.request.headers == {"X-Y": "1"}
    assert exchange.response is not None
    assert exchange.response.headers == {"set-cookie": "a, b", "x-y": "1"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"log": {}}',
        b'{"log": {"entries": {}}}',
        b'{"log": {"entries": [null]}}',
        b'{"log": {"entries": [{}]}}',
        b"\x1f\x8bnot gzip",
        b"\xff\xfe",
        b"[" * 100_000,
        har(startedDateTime="yesterday"),
        har(response={"status": "many"}),
        har(**content(text="!", encoding="base64")),
        har(request={"method": "GET"}),
        har(request=[]),
        har(time="long"),
        har(response={"status": float("inf")}),
        gzip.compress(har())[:-20],
    ],
)
def test_what_is_no_recording_is_refused_with_where(body: bytes) -> None:
    with pytest.raises(InputError, match="somewhere"):
        parse_har(body, "somewhere")


@pytest.mark.parametrize("name", ["it.har", "it.har.gz"])
def test_what_is_written_is_read_back(tmp_path: Path, name: str) -> None:
    exchanges = [
        Exchange(
            HttpRequest("POST", "http://h/api/x?a=1", {"Content-Type": "text/plain"}, b"\xff\x00"),
            HttpResponse(201, {"content-type": "application/json"}, '{"name":"Zoë"}'.encode()),
            AT,
            0.25,
            "create",
            "agoda",
        ),
        Exchange(HttpRequest("GET", "http://h/"), None, AT, None, error="ReadTimeout"),
    ]
    write_har(tmp_path / name, exchanges)
    assert read_har(tmp_path / name) == exchanges


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.har.gz")), ids=lambda path: path.name)
def test_the_recordings_of_the_project_are_read_and_written_the_same(path: Path, tmp_path: Path) -> None:
    exchanges = read_har(path)
    write_har(tmp_path / "copy.har", exchanges)
    assert read_har(tmp_path / "copy.har") == exchanges
    assert all(exchange.label and exchange.channel for exchange in exchanges)

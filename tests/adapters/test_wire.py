"""The wire against real sockets that misbehave, and the rules of every exchange."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import time
import warnings
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import httpx
import pytest

from pms_lab.adapters.wire import (
    LONGEST_ANSWER,
    Call,
    FixedHeaders,
    HttpxDoor,
    Link,
    Wire,
    checked_base_url,
    judge_status,
)
from pms_lab.domain.pms import RateLimit
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.engine.resilience.limiter import MemoryWindows
from pms_lab.errors import (
    AuthRefused,
    BadAnswer,
    BreakerOpen,
    Effect,
    HostRefused,
    NotSent,
    PmsError,
    PmsFailed,
    PmsRefused,
    Throttled,
    Unanswered,
)
from pms_lab.live.flow import LiveFlow
from pms_lab.live.http import http_door
from tests.adapters.servers import answer, saying, server
from tests.conftest import ROOT
from tests.contracts.harness import Immediate, NoChance, now

TLS = ROOT / "tests" / "fixtures" / "tls"
CANARY = "canary-7f3a"


def sent(port: int, path: str = "/", timeout_s: float = 5, scheme: str = "http", **headers: str) -> HttpResponse:
    """Send one request through the real door."""

    async def once() -> HttpResponse:
        door = http_door()
        try:
            return await door.send(HttpRequest("GET", f"{scheme}://127.0.0.1:{port}{path}", headers, b"", timeout_s))
        finally:
            await door.aclose()

    return asyncio.run(once())


def test_an_answer_comes_with_its_headers_in_lower_case() -> None:
    with server(saying(answer("200 OK", b"{}", "X-Request-Id: 7"))) as port:
        response = sent(port)
    assert (response.status, response.headers["x-request-id"], response.body) == (200, "7", b"{}")


def test_a_refused_connection_has_had_no_effect() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(NotSent) as raised:
        sent(port)
    assert raised.value.effect is Effect.NONE


@pytest.mark.parametrize(
    "handle",
    [
        saying(b""),
        saying(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"),
        saying(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
        saying(b"garbage that is no HTTP\r\n\r\n"),
        lambda connection, head: time.sleep(0.6),
    ],
    ids=["closed", "half a body", "half a chunk", "garbage", "silence"],
)
def test_no_whole_answer_leaves_the_effect_unknown(handle: Callable[[socket.socket, bytes], None]) -> None:
    with server(handle) as port, pytest.raises(Unanswered) as raised:
        sent(port, timeout_s=0.3)
    assert raised.value.effect is Effect.UNKNOWN


def test_an_endless_body_is_given_up_and_not_kept_in_memory() -> None:
    def flood(connection: socket.socket, head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(200):
            connection.sendall(b"x" * (1 << 20))

    with server(flood) as port, pytest.raises(BadAnswer, match="32 MB"):
        sent(port)


def test_a_body_that_unpacks_to_too_much_is_given_up() -> None:
    bomb = gzip.compress(bytes(LONGEST_ANSWER + 1))
    with server(saying(answer("200 OK", bomb, "content-encoding: gzip"))) as port, pytest.raises(BadAnswer):
        sent(port)


def test_a_redirect_is_an_answer_and_the_other_host_hears_nothing() -> None:
    heard: list[bytes] = []
    with (
        server(lambda connection, head: heard.append(head)) as other,
        server(saying(answer("302 Found", b"", f"location: http://127.0.0.1:{other}/"))) as port,
    ):
        assert sent(port, authorization=CANARY).status == 302
    assert not heard


def test_a_cookie_is_not_kept() -> None:
    heads: list[str] = []

    def handle(connection: socket.socket, head: bytes) -> None:
        heads.append(head.decode().lower())
        connection.sendall(answer("200 OK", b"", f"set-cookie: session={CANARY}; Path=/"))

    async def twice(port: int) -> None:
        door = http_door()
        for _ in range(2):
            await door.send(HttpRequest("GET", f"http://127.0.0.1:{port}/"))
        await door.aclose()

    with server(handle) as port:
        asyncio.run(twice(port))
    assert len(heads) == 2
    assert "cookie" not in heads[1]


def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "certificate.pem", TLS / "key.pem")
    with server(saying(answer("200 OK")), context) as port, pytest.raises(NotSent):
        sent(port, scheme="https")


def test_tls_1_1_is_too_old() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(TLS / "certificate.pem", TLS / "key.pem")
    with server(saying(answer("200 OK")), context) as port, pytest.raises(NotSent) as raised:
        sent(port, scheme="https")
    assert "ALERT" in str(raised.value.__cause__).upper() or "PROTOCOL" in str(raised.value.__cause__).upper()


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://pms.example.com/api", ()),
        ("https://key:secret@pms.example.com", ()),
        ("https://evil.example.com", ("pms.example.com",)),
        ("https://pms.example.com.evil.example.com", ("pms.example.com",)),
        ("ftp://pms.example.com", ()),
        ("pms.example.com", ()),
        ("http://localhost.example.com", ()),
        ("http://127.0.0.1.example.com", ()),
    ],
)
def test_an_address_that_may_not_be_spoken_to_is_refused(url: str, allowed: tuple[str, ...]) -> None:
    with pytest.raises(HostRefused) as raised:
        checked_base_url(url, allowed)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8089/api", "http://[::1]/", "http://localhost", "https://pms.example.com"]
)
def test_loopback_and_https_may_be_spoken_to(url: str) -> None:
    assert checked_base_url(url) == url


NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "headers", "error", "wait_s"),
    [
        (301, {"location": "https://elsewhere"}, BadAnswer, None),
        (400, {}, PmsRefused, None),
        (401, {}, AuthRefused, None),
        (403, {}, AuthRefused, None),
        (404, {}, PmsRefused, None),
        (408, {}, PmsFailed, None),
        (409, {}, PmsRefused, None),
        (429, {"retry-after": "7"}, Throttled, 7),
        (429, {"retry-after": "Mon, 30 Nov 2026 12:00:30 GMT"}, Throttled, 30),
        (429, {"retry-after": "soon"}, Throttled, None),
        (500, {}, PmsFailed, None),
        (503, {"retry-after": "2"}, PmsFailed, 2),
    ],
)
def test_a_status_means_one_error(
    status: int, headers: Mapping[str, str], error: type[PmsError], wait_s: float | None
) -> None:
    with pytest.raises(PmsError) as raised:
        judge_status(lambda response: "")(HttpResponse(status, headers), NOON)
    assert type(raised.value) is error
    assert (raised.value.status, raised.value.retry_after_s) == (status, wait_s)


class Scripted:
    """An `Http` port that answers with statuses in turn, the last one for ever; or raises what stands among them."""

    def __init__(self, *script: int | PmsError) -> None:
        self.script = list(script)
        self.sent: list[HttpRequest] = []

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.sent.append(request)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, PmsError):
            raise step
        return HttpResponse(step)


class Rotating:
    """Credentials of which there is a next one."""

    def __init__(self, *keys: str) -> None:
        self.keys = list(keys)

    async def headers(self) -> Mapping[str, str]:
        return {"x-key": self.keys[0]}

    async def renew(self, refused: Mapping[str, str]) -> bool:
        del self.keys[0]
        return True


def wire_to(
    http: Scripted, flow: Immediate, *, keys: tuple[str, ...] = ("k",), limits: tuple[RateLimit, ...] = ()
) -> Wire:
    link = Link(http, flow, NoChance(), "http://127.0.0.1", MemoryWindows(flow.monotonic_s))
    authorization = Rotating(*keys) if len(keys) > 1 else FixedHeaders({"x-key": keys[0]})
    return link.wire(authorization=authorization, judge=judge_status(lambda r: ""), limits=limits, counted_as="test")


GET = Call("GET", "/x")


@pytest.mark.parametrize("failure", [Unanswered("lost"), NotSent("refused"), 429, 500, 502, 503, 504], ids=str)
def test_a_read_is_tried_three_times_with_growing_waits(failure: int | PmsError) -> None:
    http, flow = Scripted(failure, failure, 200), Immediate()
    now(wire_to(http, flow).ask(GET))
    assert len(http.sent) == 3
    assert flow.elapsed_s == pytest.approx(1 * 1.25 + 2 * 1.25)  # half of the jitter of at most 50 %


@pytest.mark.parametrize("failure", [400, 403, 404, 409, 501, BadAnswer("odd")], ids=str)
def test_what_will_not_fare_better_is_not_tried_again(failure: int | PmsError) -> None:
    http = Scripted(failure)
    with pytest.raises(PmsError):
        now(wire_to(http, Immediate()).ask(GET))
    assert len(http.sent) == 1


@pytest.mark.parametrize("failure", [Unanswered("lost"), NotSent("refused"), 429, 500, 503], ids=str)
def test_a_write_is_sent_once(failure: int | PmsError) -> None:
    http = Scripted(failure)
    with pytest.raises(PmsError):
        now(wire_to(http, Immediate()).tell(GET))
    assert len(http.sent) == 1


@pytest.mark.parametrize("exchange", ["ask", "tell"])
def test_a_401_renews_the_credentials_once(exchange: str) -> None:
    http, flow = Scripted(401, 200), Immediate()
    now(getattr(wire_to(http, flow, keys=("old", "new")), exchange)(GET))
    assert [request.headers["x-key"] for request in http.sent] == ["old", "new"]
    http = Scripted(401)
    with pytest.raises(AuthRefused):
        now(getattr(wire_to(http, flow, keys=("old", "new", "newer")), exchange)(GET))
    assert len(http.sent) == 2


def test_five_failures_in_a_row_open_the_breaker_and_nothing_more_is_sent() -> None:
    http, flow = Scripted(500), Immediate()
    wire = wire_to(http, flow)
    for _ in range(5):
        with pytest.raises(PmsFailed):
            now(wire.tell(GET))
    with pytest.raises(BreakerOpen):
        now(wire.tell(GET))
    assert len(http.sent) == 5


def test_after_a_429_nobody_asks_before_the_time_that_the_pms_named() -> None:
    class Named(Scripted):
        async def send(self, request: HttpRequest) -> HttpResponse:
            status = (await super().send(request)).status
            return HttpResponse(status, {"retry-after": "9"} if status == 429 else {})

    http, flow = Named(429, 200), Immediate()
    wire = wire_to(http, flow, limits=(RateLimit(100, 1, "token"),))
    with pytest.raises(Throttled):
        now(wire.tell(GET))
    now(wire.tell(GET))
    assert flow.elapsed_s >= 9


def test_credentials_and_bodies_are_in_no_repr() -> None:
    link = Link(Scripted(200), Immediate(), NoChance(), "http://127.0.0.1", MemoryWindows(lambda: 0))
    request = HttpRequest("POST", f"http://127.0.0.1/x?key={CANARY}", {"x-key": CANARY}, CANARY.encode())
    call = Call("POST", "/x", {"key": CANARY}, {"x-key": CANARY}, CANARY.encode())
    answered = HttpResponse(200, {"set-cookie": CANARY}, CANARY.encode())
    shown = [request, call, answered, FixedHeaders({"x-key": CANARY}), link]
    assert all(CANARY not in f"{one!r} {one}" for one in shown)


def test_the_door_s_errors_name_the_host_and_nothing_secret() -> None:
    def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout(f"waiting with {CANARY}", request=request)

    async def once() -> None:
        await HttpxDoor(httpx.MockTransport(lost)).send(
            HttpRequest("GET", f"https://pms.example.com/x?key={CANARY}", {"x-key": CANARY})
        )

    with pytest.raises(Unanswered) as raised:
        asyncio.run(once())
    assert "pms.example.com" in str(raised.value)
    assert CANARY not in str(raised.value)


def test_an_answer_that_comes_in_drops_is_given_up_when_the_time_is_over() -> None:
    def drip(connection: socket.socket, head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")
        for _ in range(100):
            connection.sendall(b"x")
            time.sleep(0.2)

    async def once(port: int) -> None:
        flow, door = LiveFlow(), http_door()
        link = Link(door, flow, NoChance(), f"http://127.0.0.1:{port}", MemoryWindows(flow.monotonic_s), timeout_s=0.5)
        wire = link.wire(authorization=FixedHeaders({}), judge=judge_status(lambda r: ""), limits=(), counted_as="test")
        try:
            await wire.tell(GET)
        finally:
            await door.aclose()

    began_s = time.monotonic()
    with server(drip) as port, pytest.raises(Unanswered):
        asyncio.run(once(port))
    assert time.monotonic() - began_s < 10


@pytest.mark.parametrize(
    "credential", [f"{CANARY}\n", f"{CANARY}\r\nx: y", f"{CANARY}é"], ids=["line", "header", "accent"]
)
def test_a_credential_that_http_does_not_carry_is_not_sent_and_not_shown(credential: str) -> None:
    with server(saying(answer("200 OK"))) as port, pytest.raises(NotSent) as raised:
        sent(port, authorization=credential)
    error: BaseException = raised.value
    assert CANARY not in f"{error!r} {error.__cause__!r}"
    assert error.__suppress_context__


def test_an_address_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(NotSent):
        sent(9, "/" + "x" * 70_000)


@pytest.mark.parametrize("url", ["https://[bad", "https://pms.example.com:99x"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(HostRefused):
        checked_base_url(url)


def test_while_the_breaker_is_open_no_place_in_the_rate_limit_is_taken() -> None:
    http, flow = Scripted(500), Immediate()
    wire = wire_to(http, flow, limits=(RateLimit(5, 1, "token"),))
    for _ in range(5):
        with pytest.raises(PmsFailed):
            now(wire.tell(GET))
    before_s = flow.elapsed_s
    for _ in range(100):
        with pytest.raises(BreakerOpen):
            now(wire.tell(GET))
    assert flow.elapsed_s == before_s


def test_whom_we_search_for_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with server(saying(answer("200 OK"))) as port:
        sent(port, f"/guests?email={CANARY}")
    assert "/guests" in caplog.text
    assert CANARY not in caplog.text

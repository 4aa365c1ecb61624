"""The wire: one HTTP exchange with a PMS, and the rules of every exchange.

A call passes the rate limiter, then the breaker, then goes out; its answer is judged; a 401 renews the credentials,
once.
`Wire.ask` repeats what may be repeated, `Wire.tell` sends once. This is the only module that knows httpx.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http.cookiejar import CookieJar
from ipaddress import ip_address
from typing import Final, Protocol
from urllib.parse import urlencode, urlsplit

import httpx

from pms_lab.adapters.reading import coded
from pms_lab.domain.pms import RateLimit
from pms_lab.engine.ports import TIMEOUT_S, Chance, Flow, Http, HttpRequest, HttpResponse
from pms_lab.engine.resilience.breaker import Breaker, BreakerPolicy, OnChange
from pms_lab.engine.resilience.limiter import Limiter, WindowStore
from pms_lab.engine.resilience.retry import repeated
from pms_lab.errors import (
    AuthRefused,
    BadAnswer,
    HostRefused,
    NotSent,
    PmsError,
    PmsFailed,
    PmsRefused,
    Throttled,
    Unanswered,
)
from pms_lab.rules.retrying import RetryPolicy, retry_after_s

GRACE_S: Final = 1.0  # a door may count its timeout anew with every part of an answer; this one counts all of it
LONGEST_ANSWER: Final = 32 << 20  # bytes: no answer of a PMS that we ask for is longer

Query = Mapping[str, str] | Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Call:
    """One exchange, without its address and its credentials.

    Attributes:
        path: below the PMS's base address, its parts already quoted.
        query: by name, or as pairs where a name comes more than once.
    """

    method: str
    path: str
    query: Query = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


class Authorization(Protocol):
    """The credentials of a vendor, as headers."""

    async def headers(self) -> Mapping[str, str]:
        """Return the headers that prove who we are."""

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Get new ones in place of those refused; False where there is nothing to renew."""


@dataclass(frozen=True, slots=True)
class FixedHeaders:
    """Credentials that do not change, such as an API key."""

    fixed: Mapping[str, str] = field(repr=False)

    async def headers(self) -> Mapping[str, str]:
        """Return them."""
        return self.fixed

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Say that there are no others."""
        return False


Explain = Callable[[HttpResponse], str]
"""A vendor's own words for what went wrong, without guests' data; empty where it has none."""

CodeOf = Callable[[HttpResponse], object]
"""A vendor's code for what went wrong; None where it gives none."""

Judge = Callable[[HttpResponse, datetime], None]
"""Raise what an answer means, when it means anything but success."""


def judge_status(explain: Explain, code_of: CodeOf = lambda response: None) -> Judge:
    """Judge an answer by its HTTP status, in the vendor's own words and with its code.

    The judge raises AuthRefused (401, 403), Throttled (429), PmsRefused (other 4xx), PmsFailed (5xx and 408), and
    BadAnswer for a redirect, which is never followed: credentials go to the host of the settings only.
    """

    def judge(response: HttpResponse, now: datetime) -> None:
        status = response.status
        if 200 <= status < 300:
            return
        wait_s = retry_after_s(response.headers.get("retry-after"), now)
        message = f"HTTP {status}" + (f": {words}" if (words := explain(response)) else "")
        raise coded(_error_of(status, message, wait_s), code_of(response))

    return judge


def _error_of(status: int, message: str, wait_s: float | None) -> PmsError:
    if status in (401, 403):
        return AuthRefused(f"{message}; check the credentials in the settings", status=status)
    if status == 429:
        return Throttled(message, status=status, retry_after_s=wait_s)
    if status >= 500 or status == 408:
        return PmsFailed(message, status=status, retry_after_s=wait_s)
    if status >= 400:
        return PmsRefused(message, status=status)
    return BadAnswer(f"{message}: redirects are not followed; check the base address in the settings", status=status)


@dataclass(frozen=True)
class Link:
    """What connects an adapter to its PMS; the drivers make one.

    Attributes:
        base_url: as `checked_base_url` returns it, without a slash at its end.
        windows: where the requests of all who share a rate limit are counted.
        rate_share: the part of the rate limit that is ours, where those who share it cannot count together.
        spread_s: by how much one request may be longer on its way than another: the vendor counts arrivals.
        on_breaker: told of every transition of the breaker.
    """

    http: Http
    flow: Flow
    chance: Chance
    base_url: str
    windows: WindowStore
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    timeout_s: float = TIMEOUT_S
    rate_share: float = 1.0
    spread_s: float = 0.1
    breaker_policy: BreakerPolicy = field(default_factory=BreakerPolicy)
    on_breaker: OnChange = lambda old, new, why: None

    def wire(self, *, authorization: Authorization, judge: Judge, limits: Sequence[RateLimit], counted_as: str) -> Wire:
        """Return the wire of one adapter.

        Args:
            counted_as: tells apart those who share a rate limit: the vendor's name and what the vendor counts by. It is
                no secret: of a token, a hash.
        """
        limiter = Limiter(self.flow, self.windows, counted_as, limits, fraction=self.rate_share, spread_s=self.spread_s)
        breaker = Breaker(self.flow, counted_as, self.breaker_policy, self.on_breaker)
        return Wire(self, limiter, breaker, authorization, judge)


class Wire:
    """The exchanges with one property's PMS."""

    def __init__(
        self, link: Link, limiter: Limiter, breaker: Breaker, authorization: Authorization, judge: Judge
    ) -> None:
        self.flow = link.flow
        self.breaker = breaker
        self._link = link
        self._limiter = limiter
        self._authorization = authorization
        self._judge = judge

    async def ask(self, call: Call) -> HttpResponse:
        """Make a call that may be repeated: a read, or a write that takes effect once however often it is sent.

        Raises:
            PmsError: the last attempt's.
        """
        return await repeated(self.flow, self._link.chance, self._link.policy, lambda: self._once(call))

    async def tell(self, call: Call) -> HttpResponse:
        """Make a call that must not be repeated.

        Raises:
            PmsError: its `effect` says whether the call may have taken effect.
        """
        return await self._once(call)

    async def _once(self, call: Call) -> HttpResponse:
        credentials = await self._authorization.headers()
        try:
            return await self._exchange(call, credentials)
        except AuthRefused as refused:
            if refused.status != 401 or not await self._authorization.renew(credentials):
                raise
        return await self._exchange(call, await self._authorization.headers())

    async def _exchange(self, call: Call, credentials: Mapping[str, str]) -> HttpResponse:
        self.breaker.check()
        await self._limiter.take()
        try:
            return await self.breaker.run(lambda: self._judged(call, credentials))
        except Throttled as throttled:
            if throttled.retry_after_s is not None:
                await self._limiter.pause(throttled.retry_after_s)
            raise

    async def _judged(self, call: Call, credentials: Mapping[str, str]) -> HttpResponse:
        query = f"?{urlencode(call.query)}" if call.query else ""
        url = f"{self._link.base_url}{call.path}{query}"
        headers = {**call.headers, **credentials}
        request = HttpRequest(call.method, url, headers, call.body, self._link.timeout_s)
        try:
            async with self.flow.timeout(self._link.timeout_s + GRACE_S):
                response = await self._link.http.send(request)
        except TimeoutError as exc:
            raise Unanswered(f"{_host(request)} was still answering after {self._link.timeout_s:g} s") from exc
        self._judge(response, self.flow.now())
        return response


def checked_base_url(url: str, allowed_hosts: Collection[str] = ()) -> str:
    """Return a PMS's base address if it may be spoken to.

    Args:
        allowed_hosts: the only hosts that may be spoken to; empty where any may.

    Raises:
        HostRefused: plain HTTP beyond this machine, credentials in the address, or a host that is not listed.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as exc:
        raise HostRefused(f"the base address is none ({exc}): write it as https://host/path") from exc
    if parts.scheme not in ("http", "https") or not host:
        raise HostRefused(f"an address of scheme {parts.scheme!r} and host {host!r}: write it as https://host/path")
    if parts.scheme == "http" and not _is_loopback(host):
        raise HostRefused(f"plain HTTP to {host}: what is sent would be readable on the way; use https")
    if parts.username or parts.password:
        raise HostRefused(f"the base address of {host} holds credentials: put them into their own settings")
    if allowed_hosts and host not in allowed_hosts:
        raise HostRefused(
            f"{host} is not among the allowed hosts {', '.join(sorted(allowed_hosts))}: add it, or correct it"
        )
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class HttpxDoor:
    """The `Http` port on httpx, with a transport of the driver's."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        logging.getLogger("httpx").addFilter(_without_queries)
        self._client = httpx.AsyncClient(
            transport=transport, follow_redirects=False, trust_env=False, cookies=_NoCookies()
        )

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send a request once and read its answer to the end: see `Http`.

        Raises:
            BadAnswer: the answer is longer than `LONGEST_ANSWER`.
        """
        try:
            async with self._client.stream(
                request.method,
                request.url,
                headers=dict(request.headers),
                content=request.body,
                timeout=request.timeout_s,
            ) as answer:
                body = await _read(answer)
        except (httpx.LocalProtocolError, httpx.InvalidURL, UnicodeEncodeError) as exc:
            # Its text may hold the credential that cannot be sent.
            reason = f"a header or address that HTTP does not carry ({type(exc).__name__}): check the credentials"
            raise NotSent(f"nothing was sent to {_host(request)}: {reason}") from None
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as exc:
            raise NotSent(f"no connection to {_address(request)}: {type(exc).__name__}") from exc
        except httpx.TimeoutException as exc:
            raise Unanswered(f"{_host(request)} did not answer within {request.timeout_s:g} s") from exc
        except httpx.HTTPError as exc:
            raise Unanswered(f"the answer of {_host(request)} broke off: {type(exc).__name__}") from exc
        return HttpResponse(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, body)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class _NoCookies(CookieJar):
    """A jar that keeps nothing: a PMS's API has no sessions, and the standard jar reads the wall clock."""

    def add_cookie_header(self, request: object) -> None:
        """Add none."""

    def extract_cookies(self, response: object, request: object) -> None:
        """Take none."""


def _without_queries(record: logging.LogRecord) -> bool:
    """Take the queries out of what httpx logs: guests are searched for by name."""
    if isinstance(record.args, tuple):
        record.args = tuple(arg.copy_with(query=None) if isinstance(arg, httpx.URL) else arg for arg in record.args)
    return True


async def _read(answer: httpx.Response) -> bytes:
    body = bytearray()
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > LONGEST_ANSWER:
            raise BadAnswer(
                f"an answer longer than {LONGEST_ANSWER >> 20} MB: ask for less at a time", status=answer.status_code
            )
    return bytes(body)


def _address(request: HttpRequest) -> str:
    parts = urlsplit(request.url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def _host(request: HttpRequest) -> str:
    return urlsplit(request.url).hostname or "the PMS"

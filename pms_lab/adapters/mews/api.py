"""One call to Mews: tokens in the body, answers judged, lists page by page."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Final, TypeVar

from pydantic import BaseModel

from pms_lab.adapters.mews.capabilities import CAPABILITIES, VENDOR
from pms_lab.adapters.mews.credentials import MewsCredentials
from pms_lab.adapters.mews.models import Fault, Page
from pms_lab.adapters.reading import parsed
from pms_lab.adapters.wire import Call, Explain, FixedHeaders, Judge, Link, judge_status
from pms_lab.adapters.writing import Json, json_body
from pms_lab.engine.ports import HttpResponse
from pms_lab.errors import BadAnswer, PmsFailed, PmsRefused

A = TypeVar("A", bound=BaseModel)
R = TypeVar("R")

BASE: Final = "/api/connector/v1/"
PAGE_ROWS: Final = 200
LEAST_ROWS: Final = 25
TOO_HEAVY: Final = 408
FORBIDDEN: Final = 403

# Of a fault's words: e-mail addresses, quoted values, numbers as long as a phone's, and all that could be a token.
PRIVATE: Final = re.compile(r"\S+@\S+|'[^']*'|\"[^\"]*\"|\+?\d[\d ()/.-]{5,}\d|[0-9A-Fa-f]{16,}[0-9A-Fa-f-]*")


class MewsApi:
    """Mews's operations, by their path. Every request carries the tokens in its body, which nothing shows."""

    def __init__(self, credentials: MewsCredentials, link: Link) -> None:
        tokens = (credentials.client_token.get_secret_value(), credentials.access_token.get_secret_value())
        self._identity = {"ClientToken": tokens[0], "AccessToken": tokens[1], "Client": credentials.client}
        self._wire = link.wire(
            authorization=FixedHeaders({}),
            judge=_judge(lambda response: _explained(response, tokens)),
            limits=CAPABILITIES.rate_limits,
            counted_as=f"{VENDOR}:{sha256(tokens[1].encode()).hexdigest()[:16]}",
        )

    async def ask(self, path: str, answer: type[A], body: Mapping[str, Json]) -> A:
        """Make a call that may be repeated, and return its answer.

        Raises:
            PmsError: the last attempt's.
        """
        return parsed(answer, await self._wire.ask(self._call(path, body)))

    async def tell(self, path: str, answer: type[A], body: Mapping[str, Json]) -> A:
        """Make a call that must not be repeated, and return its answer.

        Raises:
            PmsError: its `effect` says whether the call may have taken effect.
        """
        return parsed(answer, await self._wire.tell(self._call(path, body)))

    async def pages(self, kind: type[Page[R]], filters: Mapping[str, Json]) -> AsyncIterator[tuple[R, ...]]:
        """Yield the pages of a list to its end: a page that is not full, or has no cursor, is the last.

        A list that is too heavy for Mews (408) is asked for in smaller pages, down to `LEAST_ROWS`.
        """
        count, cursor = PAGE_ROWS, None
        seen: set[str] = set()
        while True:
            limitation: Mapping[str, Json] = {"Count": count} | ({"Cursor": cursor} if cursor else {})
            try:
                page = await self.ask(kind.path, kind, {**filters, "Limitation": limitation})
            except PmsFailed as failed:
                if failed.status != TOO_HEAVY or count <= LEAST_ROWS:
                    raise
                count //= 2
                continue
            yield page.rows
            if page.cursor is None or len(page.rows) < count:
                return
            if page.cursor in seen:
                raise BadAnswer(f"{kind.path} came to the same cursor twice: the list has no end")
            cursor = page.cursor
            seen.add(cursor)

    async def rows(self, kind: type[Page[R]], filters: Mapping[str, Json]) -> list[R]:
        """Return a whole list that is known to be short."""
        return [row async for page in self.pages(kind, filters) for row in page]

    def _call(self, path: str, body: Mapping[str, Json]) -> Call:
        headers = {"content-type": "application/json"}
        return Call("POST", BASE + path, headers=headers, body=json_body({**self._identity, **body}))


def _judge(explain: Explain) -> Judge:
    """Judge by the status, but for 403: in Mews it is a rule of the hotel's; 401 refuses credentials."""
    others = judge_status(explain)

    def judge(response: HttpResponse, now: datetime) -> None:
        if response.status == FORBIDDEN:
            raise PmsRefused(f"HTTP {FORBIDDEN}: {explain(response)}", status=FORBIDDEN)
        others(response, now)

    return judge


def _explained(response: HttpResponse, tokens: tuple[str, ...]) -> str:
    try:
        fault = parsed(Fault, response)
    except BadAnswer:
        return ""
    words, request = fault.message or "", fault.request_id or "unknown"
    for token in tokens:
        words, request = words.replace(token, "…"), request.replace(token, "…")
    return f"{PRIVATE.sub('…', words)[:200]} (request {request[:40]})"

"""OPERA Cloud's wire format over the common state machine. Source: Oracle's descriptions, version 25.5.0.0."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import parse_qs, urlsplit

from pms_lab.adapters.writing import json_body
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.sim.pms.faces.opera.desk import Desk
from pms_lab.sim.pms.faces.opera.routes import routes_of
from pms_lab.sim.pms.faces.opera.wire import JSON, Asked, Turned, bare, chosen, fault, query_of
from pms_lab.sim.pms.state import Pms, Rejected

TOKEN_LIFE_S: Final = 3600
CLIENT_ID: Final = "sample-client"
CLIENT_SECRET: Final = "sample-secret"  # noqa: S105 - of the simulated hotel
APP_KEY: Final = "0f1e2d3c-4b5a-4678-9abc-def012345678"
SCOPE: Final = "urn:opc:hgbu:ws:__myscopes__"
EXTERNAL_SYSTEM: Final = "PMSLAB"


class OperaFace:
    """`Face` of OPERA Cloud: one hotel, one client, one external system with its queue of events.

    Attributes:
        tokens: until when each token is good; take one out to have it refused.
    """

    def __init__(self, pms: Pms) -> None:
        self.pms = pms
        self.tokens: dict[str, datetime] = {}
        self._routes = routes_of(Desk(pms, EXTERNAL_SYSTEM))

    def answer(self, request: HttpRequest, at: datetime) -> HttpResponse:
        """Do what a request asks and answer it: see `Face`."""
        try:
            if urlsplit(request.url).path == "/oauth/v1/tokens":
                return self._token(request, at)
            return self._answered(request, at)
        except Turned as turned:
            return turned.answer
        except Rejected as rejected:
            status = 404 if rejected.code == "not_found" else 400
            return fault(status, rejected.message, rejected.code.upper())

    def throttled(self, wait_s: float) -> HttpResponse:
        """Answer one request too many: OPERA declares no `Retry-After`."""
        return bare(429)

    def _answered(self, request: HttpRequest, at: datetime) -> HttpResponse:
        headers = _folded(request.headers)
        self._let_in(headers, at)
        route, path = chosen(self._routes, request)
        if request.body and headers.get("content-type") != JSON:
            return bare(415)
        return route.handler(Asked(path, query_of(request, route), request.body, at, self.pms.shown_at(at)))

    def _let_in(self, headers: Mapping[str, str], at: datetime) -> None:
        kind, _, token = headers.get("authorization", "").partition(" ")
        if headers.get("x-app-key") != APP_KEY or kind != "Bearer" or self.tokens.get(token, at) <= at:
            raise Turned(bare(401))
        if headers.get("x-hotelid") != self.pms.hotel.code:
            raise Turned(bare(403))

    def _token(self, request: HttpRequest, at: datetime) -> HttpResponse:
        headers = _folded(request.headers)
        secret = b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if headers.get("x-app-key") != APP_KEY or headers.get("authorization") != f"Basic {secret}":
            return bare(401)
        form = parse_qs(request.body.decode("ascii", "replace"))
        is_form = headers.get("content-type") == "application/x-www-form-urlencoded"
        if request.method != "POST" or not is_form or form != {"grant_type": ["client_credentials"], "scope": [SCOPE]}:
            return bare(400)
        token = f"token-{len(self.tokens) + 1}"
        self.tokens[token] = at + timedelta(seconds=TOKEN_LIFE_S)
        record = json_body({"access_token": token, "expires_in": TOKEN_LIFE_S, "token_type": "Bearer"})
        return HttpResponse(200, {"content-type": "application/json"}, record)


def _folded(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}

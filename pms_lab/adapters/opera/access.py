"""Who we are to OPERA Cloud, and what it can promise.

Sources: Oracle's description oauth.json, version 21.5.0.0, and its integration platform's user guide (c_limits.htm,
c_faqs.htm).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Final, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from pms_lab.adapters.opera.models import Fault
from pms_lab.adapters.opera.models import Token as TokenAnswer
from pms_lab.adapters.reading import beforehand, parsed
from pms_lab.adapters.wire import Call, FixedHeaders, Link, judge_status
from pms_lab.domain.pms import Capabilities, RateLimit
from pms_lab.engine.ports import HttpResponse
from pms_lab.engine.resilience.tokens import Token, TokenKeeper
from pms_lab.errors import BadAnswer

T = TypeVar("T")

VENDOR: Final = "opera"
CONTENT: Final[Mapping[str, str]] = {"content-type": "application/json;charset=UTF-8"}
"""On every call: OPERA's descriptions name this type, and plain ``application/json`` may be refused."""

CAPABILITIES: Final = Capabilities(
    vendor=VENDOR,
    unsupported={"parse_webhook": "OPERA Cloud calls nobody: its events are polled, or streamed over a WebSocket"},
    repeatable=frozenset({"update_checkout_time", "modify_dates", "update_rates", "clear_rates"}),
    reconcilable=frozenset(
        {
            "update_guest",
            "update_guest_preferences",
            "add_reservation_note",
            "set_special_requests",
            "set_reservation_status",
            "create_reservation",
            "cancel_reservation",
            "post_charge",
        }
    ),
    conditional_write=False,
    atomic_create=False,  # nothing is said of two bookings for the last room, and a hotel may allow overbooking
    atomic_rates=False,
    rate_batch=1,  # one amount for a run of nights
    rate_limits=(RateLimit(50, 1.0, "environment"),),
    read_lag_s=0,
    in_flight_s=30,  # Oracle publishes no bound; the longest stall measured on another PMS
    shows_deletions=True,
    webhooks=False,
)


class OperaCredentials(BaseModel):
    """What the environment and the property have given out for us.

    Attributes:
        app_key: of our application on the developer portal, a UUID.
        scope: issued with the environment, the same for all calls.
        external_system: our code in the property's list of external systems; events wait under it, and our business
            keys are references of it.
        enterprise_id: wanted by environments of OPERA Cloud Identity Management.
        cashier_id: under which charges and check-outs are booked, where the property wants one.
        note_type: one of the property's note types.
        guarantee: one of the property's guarantee codes, for new reservations; `payment_method` likewise.
        cancel_reason: one of the property's codes.
        persons: whose rate is read and published where a cell names no occupancy; 1 to 5.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    client_id: str = Field(min_length=1)
    client_secret: SecretStr
    app_key: SecretStr
    scope: str = Field(min_length=1)
    external_system: str = Field(min_length=1, max_length=40)
    enterprise_id: str | None = Field(default=None, pattern="^[A-Z0-9]{1,8}$")
    cashier_id: int | None = None
    note_type: str = "RESERVATION"
    guarantee: str = "6PM"
    payment_method: str = "CA"
    cancel_reason: str = "CXL"
    persons: int = Field(default=1, ge=1, le=5)


class Access:
    """`Authorization` by OAuth2 client credentials: a token for an hour, used for fifty minutes.

    Attributes:
        breaker: of the host that gives out the tokens.
    """

    def __init__(self, hotel: str, credentials: OperaCredentials, link: Link) -> None:
        self._hotel = hotel
        self._credentials = credentials
        secret = f"{credentials.client_id}:{credentials.client_secret.get_secret_value()}"
        ours = {"authorization": f"Basic {b64encode(secret.encode()).decode()}", "x-app-key": self._app_key}
        if credentials.enterprise_id:
            ours["enterpriseId"] = credentials.enterprise_id
        self._wire = link.wire(
            authorization=FixedHeaders(ours),
            judge=judge_status(explain, code_of),
            limits=CAPABILITIES.rate_limits,
            counted_as=counted_as(link),
        )
        self.breaker = self._wire.breaker
        self._keeper = TokenKeeper(link.flow, lambda: beforehand(self._fetch()))

    async def headers(self) -> Mapping[str, str]:
        """Return the headers of a call.

        Raises:
            NotSent: no token could be had.
            PmsRefused: OPERA gives us none.
        """
        token = await self._keeper.token()
        return {"authorization": f"Bearer {token}", "x-app-key": self._app_key, "x-hotelid": self._hotel}

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Fetch a token in the place of a refused one.

        Raises:
            NotSent: no token could be had.
            PmsRefused: OPERA gives us none.
        """
        await self._keeper.renew(refused["authorization"].removeprefix("Bearer "))
        return True

    def forget(self) -> None:
        """Let go of the token."""
        self._keeper.forget()

    @property
    def _app_key(self) -> str:
        return self._credentials.app_key.get_secret_value()

    async def _fetch(self) -> Token:
        form = urlencode({"grant_type": "client_credentials", "scope": self._credentials.scope}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded"}
        call = Call("POST", "/oauth/v1/tokens", headers=headers, body=form)
        answer = parsed(TokenAnswer, await self._wire.tell(call))
        return Token(answer.access_token, answer.expires_in)


def counted_as(link: Link) -> str:
    """Return the key of the rate limit: OPERA counts by environment, which is the host."""
    return f"{VENDOR}/environment/{link.base_url}"


def explain(response: HttpResponse) -> str:
    """Return OPERA's title and code of what went wrong; its details may name guests."""
    fault = _fault(response)
    return " ".join(filter(None, (fault.title[:200], fault.error_code[:40])))


def code_of(response: HttpResponse) -> str:
    """Return OPERA's code of what went wrong."""
    return _fault(response).error_code


def _fault(response: HttpResponse) -> Fault:
    try:
        return parsed(Fault, response)
    except BadAnswer:
        return Fault()

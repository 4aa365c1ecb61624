"""Access tokens that run out, renewed in time and once for all who wait."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from pms_lab.engine.flow import SingleFlight
from pms_lab.engine.ports import Flow

USED_SHARE: Final = 5 / 6


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; its `repr` does not show it.

    Attributes:
        expires_in_s: how long it is good from when it was asked for.
    """

    value: str = field(repr=False)
    expires_in_s: float


class TokenKeeper:
    """Holds one token, and fetches the next at 5/6 of its life. One fetch runs at a time; the others wait for it.

    Args:
        fetch: asks the PMS for a token. Its error reaches the caller that led the fetch; the next one leads anew.
    """

    def __init__(self, flow: Flow, fetch: Callable[[], Awaitable[Token]]) -> None:
        self._flow = flow
        self._fetch = fetch
        self._flight: SingleFlight[str] = SingleFlight(flow)
        self._value: str | None = None
        self._renew_at_s = 0.0

    async def token(self) -> str:
        """Return a token that is good for a while.

        Raises:
            PmsError: none could be had.
        """
        if self._value is None or self._flow.monotonic_s() >= self._renew_at_s:
            return await self._flight.do(self._fetched)
        return self._value

    async def renew(self, refused: str) -> str:
        """Return a token in the place of one that the PMS refused with 401: a new one, fetched once for all.

        Raises:
            PmsError: none could be had.
        """
        if refused == self._value:
            self.forget()
        return await self.token()

    def forget(self) -> None:
        """Let go of the token."""
        self._value = None

    async def _fetched(self) -> str:
        began_s = self._flow.monotonic_s()
        token = await self._fetch()
        self._value, self._renew_at_s = token.value, began_s + token.expires_in_s * USED_SHARE
        return token.value

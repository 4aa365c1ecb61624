from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import pytest

from pms_lab.engine.resilience.tokens import Token, TokenKeeper
from pms_lab.errors import AuthRefused
from pms_lab.sim.driver import Sim


class Office:
    """Gives out tokens that are good for an hour; each takes a second."""

    def __init__(self, sim: Sim) -> None:
        self.node = sim.node("client")
        self.flow = self.node.flow
        self.given: list[float] = []
        self.is_shut = False
        self.keeper = TokenKeeper(self.flow, self.give)

    async def give(self) -> Token:
        self.given.append(self.flow.monotonic_s())
        await self.flow.sleep(1)
        if self.is_shut:
            raise AuthRefused("shut")
        return Token(f"secret-{len(self.given)}", 3600)

    def run(self, story: Coroutine[Any, Any, None]) -> None:
        self.node.run(story)


@pytest.fixture
def office() -> Any:
    with Sim() as sim:
        yield Office(sim)


def test_fifty_who_want_a_token_cause_one_fetch(office: Office) -> None:
    async def story() -> None:
        tokens = await office.flow.together(*(office.keeper.token() for _ in range(50)))
        assert set(tokens) == {"secret-1"}

    office.run(story())
    assert office.given == [0]


def test_a_token_is_renewed_after_fifty_of_sixty_minutes_from_when_it_was_asked_for(office: Office) -> None:
    async def story() -> None:
        await office.keeper.token()
        await office.flow.sleep(2998)
        assert await office.keeper.token() == "secret-1"
        await office.flow.sleep(1)
        assert await office.keeper.token() == "secret-2"

    office.run(story())
    assert office.given == [0, 3000]


def test_fifty_who_were_refused_cause_one_fetch(office: Office) -> None:
    async def story() -> None:
        old = await office.keeper.token()
        tokens = await office.flow.together(*(office.keeper.renew(old) for _ in range(50)))
        assert set(tokens) == {"secret-2"}
        assert await office.keeper.renew(old) == "secret-2"

    office.run(story())
    assert len(office.given) == 2


def test_a_fetch_that_fails_or_is_broken_off_is_led_by_the_next(office: Office) -> None:
    async def impatient() -> str:
        try:
            async with office.flow.timeout(0.5):
                return await office.keeper.token()
        except TimeoutError:
            return "gave up"

    async def story() -> None:
        ends = await office.flow.together(impatient(), office.keeper.token(), office.keeper.token())
        assert ends == ["gave up", "secret-2", "secret-2"]
        office.keeper.forget()
        office.is_shut = True
        with pytest.raises(AuthRefused):
            await office.keeper.token()
        office.is_shut = False
        assert await office.keeper.token() == "secret-4"

    office.run(story())


def test_a_token_that_is_good_for_no_time_is_used_once(office: Office) -> None:
    async def give() -> Token:
        office.given.append(office.flow.monotonic_s())
        return Token("brief", 0)

    async def story() -> None:
        keeper = TokenKeeper(office.flow, give)
        assert await keeper.token() == "brief"
        assert await keeper.token() == "brief"

    office.run(story())
    assert len(office.given) == 2


def test_a_token_is_not_shown() -> None:
    assert "secret" not in repr(Token("secret", 3600))

"""What every implementation of `Locks` must do."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Protocol, TypeAlias, TypeVar

import pytest

from pms_lab.engine.locks import Holder, Locks
from tests.conftest import ROOT

T = TypeVar("T")

SHORT_S: Final = 0.05
"""For a lock that is to lapse: nothing may depend on its being held."""
LONG_S: Final = 60.0
"""For a lock that is to be held: no test takes that long."""

Wait: TypeAlias = Callable[[float], Awaitable[None]]
"""Let so much time pass by the store's clock."""
Story: TypeAlias = Callable[[Locks, Wait], Coroutine[Any, Any, T]]


class Play(Protocol):
    """Opens the locks, and lets a story run on them."""

    def __call__(self, story: Story[T]) -> T:
        """Return the story's result."""


async def really_wait(wait_s: float) -> None:
    """Wait for a real store, some of which count in milliseconds."""
    await asyncio.sleep(wait_s + 0.005)


class LocksContract:
    """Subclass it as `Test…` and give it a fixture `play`: a `Play` on locks that nobody has taken yet."""

    def test_a_lock_that_was_never_taken_is_nobodys(self, play: Play) -> None:
        async def story(locks: Locks, wait: Wait) -> None:
            assert await locks.holder("INN") is None
            assert not await locks.renew("INN", "ada", 1, LONG_S)
            await locks.release("INN", "ada", 1)
            assert await locks.holder("INN") is None

        play(story)

    def test_a_lock_that_somebody_holds_is_given_to_nobody(self, play: Play) -> None:
        async def story(locks: Locks, wait: Wait) -> None:
            token = await taken(locks, "ada")
            assert await locks.acquire("INN", "bob", LONG_S) is None
            assert await locks.acquire("INN", "ada", LONG_S) is None
            assert await locks.renew("INN", "ada", token, LONG_S)

        play(story)

    def test_the_holder_is_shown_with_the_time_that_is_left(self, play: Play) -> None:
        async def story(locks: Locks, wait: Wait) -> tuple[int, Holder | None]:
            token = await taken(locks, "ada")
            await wait(SHORT_S)
            return token, await locks.holder("INN")

        token, holder = play(story)
        assert holder
        assert (holder.owner, holder.token) == ("ada", token)
        assert LONG_S / 2 < holder.remaining_s <= LONG_S - SHORT_S

    def test_a_released_lock_can_be_taken_at_once(self, play: Play) -> None:
        async def story(locks: Locks, wait: Wait) -> None:
            for _ in range(10):
                token = await taken(locks, "ada")
                await locks.release("INN", "ada", token)
                assert await locks.holder("INN") is None
                await locks.release("INN", "ada", token)

        play(story)

    def test_a_token_is_higher_than_all_before_whether_they_were_released_or_lapsed(self, play: Play) -> None:
        async def story(locks: Locks, wait: Wait) -> list[int]:
            tokens = []
            for turn in range(8):
                tokens.append(await taken(locks, f"holder {turn % 3}", SHORT_S if turn % 2 else LONG_S))
                if turn % 2:
                    await wait(SHORT_S)
                else:
                    await locks.release("INN", f"holder {turn % 3}", tokens[-1])
            return tokens

        tokens = play(story)
        assert tokens[0] > 0
        assert all(before < after for before, after in pairwise(tokens))

    def test_a_lock_lapses_by_the_stores_clock(self, play: Play) -> None:
        async def story(locks: Locks, wait: Wait) -> None:
            await taken(locks, "ada", SHORT_S)
            await wait(SHORT_S)
            assert await locks.holder("INN") is None
            await taken(locks, "bob")

        play(story)

    def test_a_renewal_counts_from_now(self, play: Play) -> None:
        async def story(locks: Locks, wait: Wait) -> None:
            token = await taken(locks, "ada")
            assert await locks.renew("INN", "ada", token, 3 * LONG_S)
            holder = await locks.holder("INN")
            assert holder
            assert 2 * LONG_S < holder.remaining_s <= 3 * LONG_S
            assert await locks.renew("INN", "ada", token, SHORT_S)
            await wait(SHORT_S)
            assert await locks.holder("INN") is None

        play(story)

    def test_a_lapsed_lock_is_not_renewed_even_if_nobody_has_taken_it(self, play: Play) -> None:
        async def story(locks: Locks, wait: Wait) -> None:
            token = await taken(locks, "ada", SHORT_S)
            await wait(SHORT_S)
            assert not await locks.renew("INN", "ada", token, LONG_S)
            assert await locks.holder("INN") is None
            await locks.release("INN", "ada", token)
            assert await taken(locks, "ada") > token

        play(story)

    @pytest.mark.parametrize("successor", ["bob", "ada"])
    def test_a_former_holder_neither_renews_nor_releases_whoever_came_after(self, play: Play, successor: str) -> None:
        async def story(locks: Locks, wait: Wait) -> None:
            former = await taken(locks, "ada", SHORT_S)
            await wait(SHORT_S)
            token = await taken(locks, successor)
            assert not await locks.renew("INN", "ada", former, 3 * LONG_S)
            await locks.release("INN", "ada", former)
            holder = await locks.holder("INN")
            assert holder
            assert (holder.owner, holder.token) == (successor, token)
            assert holder.remaining_s <= LONG_S

        play(story)

    def test_only_owner_and_token_together_renew_and_release(self, play: Play) -> None:
        async def story(locks: Locks, wait: Wait) -> None:
            token = await taken(locks, "ada")
            for owner, number in [
                ("bob", token),
                ("ada", token - 1),
                ("ada", token + 1),
                ("ad", token),
                ("ADA", token),
            ]:
                assert not await locks.renew("INN", owner, number, LONG_S)
                await locks.release("INN", owner, number)
            assert await locks.renew("INN", "ada", token, LONG_S)

        play(story)

    def test_of_many_that_ask_at_once_one_gets_the_lock(self, play: Play) -> None:
        async def story(locks: Locks, wait: Wait) -> list[int]:
            tokens = []
            for _ in range(3):
                asked = [locks.acquire("INN", f"holder {number}", LONG_S) for number in range(20)]
                answers = enumerate(await asyncio.gather(*asked))
                ((winner, token),) = [(number, token) for number, token in answers if token is not None]
                assert await locks.renew("INN", f"holder {winner}", token, SHORT_S)
                tokens.append(token)
                await wait(SHORT_S)
            return tokens

        first, second, third = play(story)
        assert first < second < third

    def test_each_location_has_a_lock_of_its_own(self, play: Play) -> None:
        locations = [
            "INN",
            "inn",
            "INN ",
            "I_N",
            "IN%",
            "INN:held",
            "INN:token",
            "{INN}",
            "INN}",
            "Gästehaus",
            "x" * 64,
        ]

        async def story(locks: Locks, wait: Wait) -> None:
            tokens = {location: await locks.acquire(location, "ada", LONG_S) for location in locations}
            for location, token in tokens.items():
                assert token
                assert await locks.renew(location, "ada", token, LONG_S)
            first, *others = locations
            await locks.release(first, "ada", tokens[first] or 0)
            assert [location for location in locations if await locks.holder(location)] == others

        play(story)

    @pytest.mark.parametrize(
        "owner",
        ["", " ", "17 ada", "o'hara", 'a "b"', "100 %s", ":name", "{x}", "tab\tline\nend ", "Ünï 🏨", "x" * 1000],
    )
    def test_an_owner_may_be_any_text(self, play: Play, owner: str) -> None:
        async def story(locks: Locks, wait: Wait) -> None:
            token = await taken(locks, owner)
            holder = await locks.holder("INN")
            assert holder
            assert (holder.owner, holder.token) == (owner, token)
            assert not await locks.renew("INN", f"{owner} ", token, LONG_S)
            assert await locks.renew("INN", owner, token, LONG_S)
            await locks.release("INN", owner, token)
            assert await locks.holder("INN") is None

        play(story)


async def taken(locks: Locks, owner: str, ttl_s: float = LONG_S) -> int:
    """Take the lock of ``INN``, which is free, and return its token."""
    token = await locks.acquire("INN", owner, ttl_s)
    assert token is not None
    return token


@dataclass(frozen=True, order=True)
class Held:
    """For how long one process surely held a lock, by the clock that all processes of a machine share."""

    since_s: float
    until_s: float
    token: int
    owner: str


HAMMER: Final = """
import asyncio, sys
from tests.contracts.locks import hammer
from {module} import opened

async def main(owner, *args):
    async with opened(*args) as locks:
        await hammer(locks, owner)

asyncio.run(main(*sys.argv[1:]))
"""

TURNS: Final = 24
TURN_S: Final = 0.03


async def hammer(locks: Locks, owner: str) -> None:
    """Take one lock again and again, and print when it was surely held.

    In turn it lapses, is renewed about when it lapses, is released about then, and is released at once.
    """
    await locks.holder("INN")
    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()
    for turn in range(TURNS):
        token = None
        while token is None:
            await asyncio.sleep(0.001)
            asked_s = time.monotonic()
            token = await locks.acquire("INN", owner, TURN_S)
        since_s, until_s = time.monotonic(), asked_s + TURN_S
        if turn % 4 in (1, 2):
            await asyncio.sleep(TURN_S + (turn // 4 % 3 - 1) * 0.005)
            asked_s = time.monotonic()
            if turn % 4 == 1 and await locks.renew("INN", owner, token, TURN_S):
                until_s = asked_s + TURN_S
        if turn % 4 in (2, 3):
            until_s = min(until_s, time.monotonic())
            await locks.release("INN", owner, token)
        print(since_s, until_s, token, owner)  # noqa: T201


def check_two_processes(module: str, *args: str) -> None:
    """Let two processes hammer one lock, which the module's `opened(*args)` opens: they never hold it at once."""
    command = [sys.executable, "-c", HAMMER.format(module=module)]
    started = [
        subprocess.Popen(
            [*command, owner, *args],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for owner in ("ada", "bob")
    ]
    for process in started:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    printed = [process.communicate(timeout=60)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    lines = [line.split() for text in printed for line in text.splitlines()]
    assert len(lines) == 2 * TURNS
    check_never_at_once([Held(float(a), float(b), int(token), owner) for a, b, token, owner in lines])


def check_never_at_once(turns: list[Held]) -> None:
    """See that holders follow each other, and that their tokens rise in the order in which they held the lock."""
    assert len({turn.token for turn in turns}) == len(turns)
    # A process that was stopped while it asked may have heard only after its lock had lapsed: it never held it.
    held = sorted(turn for turn in turns if turn.since_s < turn.until_s)
    assert len(held) > TURNS
    for before, after in pairwise(held):
        assert before.until_s <= after.since_s
        assert before.token < after.token
    assert sum(before.owner != after.owner for before, after in pairwise(held)) > 2

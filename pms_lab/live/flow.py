"""The ports `Flow`, `Flag` and `Chance` on asyncio."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any, TypeVar

T = TypeVar("T")


class LiveFlag:
    """The port `Flag`."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Let all who wait, and all who come later, go on."""
        self._event.set()

    async def wait(self) -> None:
        """Return once the flag is set."""
        await self._event.wait()


class LiveFlow:
    """The port `Flow`, inside a running loop."""

    def now(self) -> datetime:
        """Return the machine's clock, in UTC."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Return the loop's clock."""
        return asyncio.get_running_loop().time()

    async def sleep(self, wait_s: float) -> None:
        """Wait; zero or less lets others go first."""
        await asyncio.sleep(wait_s)

    def timeout(self, limit_s: float) -> AbstractAsyncContextManager[object]:
        """Cancel the body when it takes longer than `limit_s`, and raise `TimeoutError` in its place."""
        return asyncio.timeout(limit_s)

    async def together(self, *work: Coroutine[Any, Any, T]) -> list[T]:
        """Run coroutines at the same time and return their results in order.

        This is no `asyncio.TaskGroup`: in CPython 3.11 and 3.12 a group that fails while a timeout ends it leaves a
        cancellation behind, which then hits whatever its task awaits next.
        """
        tasks = [asyncio.ensure_future(one) for one in work]
        failed: asyncio.Task[T] | None = None
        cancelled: asyncio.CancelledError | None = None
        while pending := [task for task in tasks if not task.done()]:
            aborting = failed or cancelled
            try:
                await asyncio.wait(pending, return_when=asyncio.FIRST_EXCEPTION)
            except asyncio.CancelledError as exc:
                cancelled = exc
            failed = failed or next(filter(_has_failed, tasks), None)
            if not aborting and (failed or cancelled):
                for task in tasks:
                    task.cancel()
        # All are looked at: an error that nobody looks at is logged as never retrieved.
        for task in tasks:
            _has_failed(task)
        if cancelled:
            raise cancelled
        return [task.result() for task in ([failed] if failed else tasks)]

    def flag(self) -> LiveFlag:
        """Return a new flag, not set."""
        return LiveFlag()


class LiveChance:
    """The port `Chance`, from the machine's own randomness: every stream is as good as any other."""

    def __init__(self) -> None:
        self._random = secrets.SystemRandom()

    def share(self, name: str) -> float:
        """Return a number, at least 0 and below 1."""
        return self._random.random()

    def new_id(self) -> str:
        """Return 32 hexadecimal digits."""
        return secrets.token_hex(16)


def _has_failed(task: asyncio.Task[Any]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None

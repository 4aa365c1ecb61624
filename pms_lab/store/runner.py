"""Where work on a database is done: in threads, or at once. Both are a `Runner`, see `engine/ledger.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

from pms_lab.errors import StoreError
from pms_lab.store.database import POSTGRES_CONNECTIONS, Database

T = TypeVar("T")


class Threaded:
    """Does work in threads of its own, so that the loop goes on; what has begun, and what waits its turn, is done.

    Args:
        threads: 1 for SQLite, which has one writer anyway.

    Close it before the database.
    """

    def __init__(self, threads: int = 1) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="store")

    @classmethod
    def on(cls, database: Database) -> Self:
        """Return one with as many threads as the database can use."""
        return cls(1 if database.is_sqlite else POSTGRES_CONNECTIONS)

    async def __call__(self, work: Callable[[], T]) -> T:
        """Do it once, to its end, and return its result.

        A cancellation is raised when the work is done, not before: else the caller would think that nothing happened.

        Raises:
            StoreError: it is closed.
        """
        try:
            done = asyncio.get_running_loop().run_in_executor(self._threads, work)
        except RuntimeError as exc:
            raise StoreError(f"nothing more can be stored: {exc}") from exc
        cancelled: asyncio.CancelledError | None = None
        while not done.done():
            try:
                await asyncio.wait([done])
            except asyncio.CancelledError as exc:
                cancelled = exc
        if cancelled is not None:
            raise cancelled from done.exception()
        return done.result()

    def close(self) -> None:
        """Take no more work, and wait until what there is is done."""
        self._threads.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


async def at_once(work: Callable[[], T]) -> T:
    """Do work where it is asked for, as simulations and tests want it."""
    return work()

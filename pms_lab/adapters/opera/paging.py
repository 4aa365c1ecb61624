"""The pages of a list that changes while it is read."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from typing import Final, TypeVar

from pms_lab.errors import BadAnswer

R = TypeVar("R")

PAGE: Final = 100
SHARED: Final = 5  # rows of a page that the next one begins with: so many less one may leave without a page more
MOST_IDLE: Final = 5  # pages in a row that bring nothing new
KEPT: Final = (MOST_IDLE + 2) * PAGE  # ids: no page that is asked for again begins further back


async def rows_of(
    page_at: Callable[[int], Awaitable[tuple[Sequence[R], bool]]], id_of: Callable[[R], Hashable]
) -> AsyncIterator[R]:
    """Yield the rows of a list, each once.

    OPERA counts a page's place in rows. Rows that leave the list move those behind them to the front, past the place
    where the next page would begin. So each page begins within the one before. One that begins with a row that has not
    been seen has a gap before it: the page further in front is asked for, until there is none.

    Args:
        page_at: returns the rows from a place on, and whether more follow.

    Raises:
        BadAnswer: more rows are promised than come, or the list changes faster than it can be read.
    """
    kept: deque[Hashable] = deque(maxlen=KEPT)
    offset, idle = 0, 0
    while idle < MOST_IDLE:
        rows, has_more = await page_at(offset)
        seen = set(kept)
        if offset and (not rows or id_of(rows[0]) not in seen):
            offset, idle = max(0, offset - PAGE + SHARED), idle + 1
            continue
        new = {id_of(row): row for row in rows if id_of(row) not in seen}
        kept.extend(new)
        for row in new.values():
            yield row
        if not has_more:
            return
        if not rows:
            raise BadAnswer("an empty page, and OPERA says that more follow: try again")
        offset, idle = offset + max(1, len(rows) - SHARED), 0 if new else idle + 1
    raise BadAnswer(f"{MOST_IDLE} pages in a row show nothing new: the list has no end, or changes too fast; try again")

"""Exit codes, the same for all commands."""

from __future__ import annotations

from enum import IntEnum

EXIT_CODES = (
    "Exit codes: 0 done · 1 failed, the message says why · 2 wrong usage · 3 some imported rows were refused · "
    "4 all rows, or the file, were refused · 5 not pushed, nothing was written · 6 waits for review · "
    "7 rolled back · 8 a person is needed, or `pms-lab recover`"
)


class Exit(IntEnum):
    """How a command ended."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    SOME_REFUSED = 3
    ALL_REFUSED = 4
    NOT_PUSHED = 5
    IN_REVIEW = 6
    ROLLED_BACK = 7
    NEEDS_PERSON = 8

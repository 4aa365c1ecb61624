"""Exit codes, the same for all commands."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """How a command ended."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    SOME_REFUSED = 3
    ALL_REFUSED = 4

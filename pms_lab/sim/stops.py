"""What stops a coroutine or a run in the simulation.

Those that reach code under test are no `Exception`: code that retries on errors must not catch them.
"""

from __future__ import annotations

from pms_lab.errors import PmsLabError


class Cancelled(BaseException):
    """The task is asked to stop; `finally` blocks run, and may await."""


class Crashed(BaseException):
    """The node is dead: a port refuses, or nobody will ever know how a task would have ended."""


class ForeignAwait(BaseException):
    """The code awaited something that is no port; it is raised at that `await`."""


class Runaway(BaseException):
    """A run took more steps than it may; the message lists every task and where it waits."""


class Deadlock(PmsLabError):
    """Nothing can happen any more, and the main task waits; the message lists every task and where it waits."""

"""Repeating what may fare better a moment later."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pms_lab.engine.ports import Chance, Flow
from pms_lab.errors import Effect, PmsError
from pms_lab.rules.retrying import RetryPolicy, is_worth_repeating, wait_before

T = TypeVar("T")


async def repeated(flow: Flow, chance: Chance, policy: RetryPolicy, attempt: Callable[[], Awaitable[T]]) -> T:
    """Run `attempt` until it succeeds, and wait between failures as the policy says.

    Only for what may happen twice: reads, and the writes that the vendor makes repeatable.

    Raises:
        PmsError: the last one, when it is not worth repeating, the attempts are used up, or the PMS asks for a longer
            wait than the policy allows. Its `doubt` is an earlier attempt that may have had its effect.
    """
    failures = 0
    doubt: PmsError | None = None
    while True:
        try:
            return await attempt()
        except PmsError as error:
            failures += 1
            error.doubt = doubt
            doubt = error if error.effect is Effect.UNKNOWN else doubt
            wait_s = wait_before(policy, failures, chance.share("retry"), error.retry_after_s)
            if wait_s is None or not is_worth_repeating(error):
                raise
        await flow.sleep(wait_s)

"""Rate-limit windows in Redis, for several processes on several machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from pms_lab.domain.pms import RateLimit
from pms_lab.errors import StoreError

# KEYS: the times of the last requests (µs, newest first); until when none may pass (µs).
# ARGV: of each limit its requests and its window in µs, in turn.
_TAKE: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local free = tonumber(redis.call('GET', KEYS[2]) or 0)
local kept, longest = 0, 0
for i = 1, #ARGV, 2 do
  local requests, window = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  local taken = redis.call('LINDEX', KEYS[1], requests - 1)
  if taken then free = math.max(free, taken + window) end
  kept, longest = math.max(kept, requests), math.max(longest, window)
end
if now <= free then return free - now end
redis.call('LPUSH', KEYS[1], string.format('%.0f', now))
redis.call('LTRIM', KEYS[1], 0, kept - 1)
redis.call('PEXPIRE', KEYS[1], math.ceil(longest / 1000) + 1000)
return -1
"""

# KEYS: until when none may pass (µs). ARGV: the pause in µs.
_PAUSE: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local till = math.max(now + ARGV[1], tonumber(redis.call('GET', KEYS[1]) or 0))
redis.call('SET', KEYS[1], string.format('%.0f', till), 'PX', math.ceil((till - now) / 1000) + 1000)
"""


def open_redis(url: str, timeout_s: float = 2.0) -> Redis:
    """Return a client that answers or fails within `timeout_s`: no attempts of its own. Close it with `aclose`."""
    return Redis.from_url(
        url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), retries=0)
    )


class RedisWindows:
    """An implementation of `WindowStore`: see there. One round trip a call, each a script that Redis runs as a whole.

    The clock is the Redis server's, so the clocks of the processes need not agree. Set back, it makes everybody wait
    longer; set forward, it lets a window begin early: let it be slewed, not stepped.
    Source: https://redis.io/docs/latest/commands/time and /develop/programmability/eval-intro.

    Args:
        redis: a client that gives up soon, as a request waits for it: see `open_redis`.
        prefix: of all keys.
    """

    def __init__(self, redis: Redis, prefix: str = "pms_lab:window:") -> None:
        self._prefix = prefix
        self._take = redis.register_script(_TAKE)
        self._pause = redis.register_script(_PAUSE)

    async def take(self, key: str, limits: Sequence[RateLimit]) -> float | None:
        """Take one place in all windows at once, or in none.

        Raises:
            StoreError: Redis does not answer.
        """
        numbers = [number for limit in limits for number in (limit.requests, round(limit.window_s * 1e6))]
        try:
            wait_us = await self._take(keys=self._keys(key), args=numbers)
        except RedisError as exc:
            raise _no_answer(exc) from exc
        return None if wait_us < 0 else wait_us / 1e6

    async def pause(self, key: str, wait_s: float) -> None:
        """Give no place away for so many seconds.

        Raises:
            StoreError: Redis does not answer.
        """
        try:
            await self._pause(keys=self._keys(key)[1:], args=[round(wait_s * 1e6)])
        except RedisError as exc:
            raise _no_answer(exc) from exc

    def _keys(self, key: str) -> list[str]:
        # In braces: both keys lie on the same node of a cluster.
        return [f"{self._prefix}{{{key}}}:taken", f"{self._prefix}{{{key}}}:paused"]


def _no_answer(error: RedisError) -> StoreError:
    kind = type(error).__name__
    return StoreError(f"Redis does not count requests ({kind}): start it, or give each process a fixed fraction")

"""The locks of the locations in Redis, for several processes on several machines."""

from __future__ import annotations

from math import ceil
from typing import Any, Final

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import ConnectionError as ConnectionBroken
from redis.exceptions import RedisError

from pms_lab.engine.locks import Holder
from pms_lab.errors import StoreError

# The lock is the text "token owner", which lapses; the last token is a key of its own, which stays.
# Times are Redis's own. A token follows the last one, and is at least the time in µs: so it rises even after Redis lost
# its data. A double holds it exactly until the year 2255.

# KEYS: the lock; the last token. ARGV: the owner; for how many ms.
_ACQUIRE: Final = """
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
local clock = redis.call('TIME')
local last = tonumber(redis.call('GET', KEYS[2]) or 0)
local token = string.format('%.0f', math.max(last + 1, clock[1] * 1000000 + clock[2]))
redis.call('SET', KEYS[2], token)
redis.call('SET', KEYS[1], token .. ' ' .. ARGV[1], 'NX', 'PX', ARGV[2])
return token
"""

# KEYS: the lock. ARGV: what it must be; for how many ms.
_RENEW: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

# KEYS: the lock. ARGV: what it must be.
_RELEASE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""

# KEYS: the lock.
_HOLDER: Final = """
local held = redis.call('GET', KEYS[1])
return held and {held, redis.call('PTTL', KEYS[1])}
"""


class RedisLocks:
    """An implementation of `Locks`: see there. One round trip a call, each a script that Redis runs as a whole.

    A Redis that loses its data, or fails over to a replica that had not heard, gives away a lock that somebody holds.
    Then two send until the first one renews or writes to the ledger, which refuses its lower token. So let Redis keep
    its data (`appendonly yes`), evict nothing (`noeviction`), and slew its clock rather than step it.
    Source: https://redis.io/docs/latest/commands/set and /develop/programmability/eval-intro.

    Args:
        redis: from `open_redis`, which gives up soon.
        prefix: of all keys.
    """

    def __init__(self, redis: Redis, prefix: str = "pms_lab:lock:") -> None:
        self._prefix = prefix
        self._acquire = redis.register_script(_ACQUIRE)
        self._renew = redis.register_script(_RENEW)
        self._release = redis.register_script(_RELEASE)
        self._holder = redis.register_script(_HOLDER)

    async def acquire(self, location: str, owner: str, ttl_s: float) -> int | None:
        """Take the lock if nobody holds it, and return its token."""
        token = await _ask(self._acquire, self._keys(location), owner, _ms(ttl_s))
        return None if token is None else int(token)

    async def renew(self, location: str, owner: str, token: int, ttl_s: float) -> bool:
        """Keep the lock for `ttl_s` from now; whether it was still the owner's."""
        return bool(await _ask(self._renew, self._keys(location)[:1], _held(owner, token), _ms(ttl_s)))

    async def release(self, location: str, owner: str, token: int) -> None:
        """Give the lock back; without effect when it is no longer the owner's."""
        await _ask(self._release, self._keys(location)[:1], _held(owner, token))

    async def holder(self, location: str) -> Holder | None:
        """Return who holds the lock; None where nobody does."""
        found = await _ask(self._holder, self._keys(location)[:1])
        if found is None:
            return None
        token, _, owner = found[0].decode().partition(" ")
        return Holder(owner, int(token), found[1] / 1000)

    def _keys(self, location: str) -> list[str]:
        # In braces: both keys lie on the same node of a cluster.
        return [f"{self._prefix}{{{location}}}:held", f"{self._prefix}{{{location}}}:token"]


def _held(owner: str, token: int) -> str:
    return f"{token} {owner}"


def _ms(ttl_s: float) -> int:
    # Never shorter than the holder believes.
    return ceil(ttl_s * 1000)


async def _ask(script: AsyncScript, keys: list[str], *args: str | int) -> Any:
    try:
        try:
            return await script(keys=keys, args=args)
        except ConnectionBroken:
            # Redis has closed this one, which was idle or older than Redis itself. If it broke while a lock was taken,
            # that lock is somebody's now, and lapses.
            return await script(keys=keys, args=args)
    except RedisError as exc:
        kind = type(exc).__name__
        raise StoreError(f"the locks in Redis do not answer ({kind}): start it, or keep them in the database") from exc

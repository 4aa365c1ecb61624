"""A real connection to the PMS of one location."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from pms_lab.adapters.vendors import adapter_of
from pms_lab.adapters.wire import HttpxDoor, Link, checked_base_url
from pms_lab.domain.location import Location
from pms_lab.domain.property import Property
from pms_lab.engine.pms import PMSAdapter
from pms_lab.engine.resilience.breaker import BreakerPolicy
from pms_lab.engine.resilience.limiter import MemoryWindows, WindowStore
from pms_lab.errors import HostRefused, SettingsError
from pms_lab.live.flow import LiveChance, LiveFlow
from pms_lab.live.http import http_door
from pms_lab.pms_settings import PmsSettings, revealed
from pms_lab.store.redis_windows import RedisWindows, open_redis


@asynccontextmanager
async def connected(location: Location, settings: PmsSettings) -> AsyncIterator[PMSAdapter]:
    """Connect, and disconnect at the end.

    Raises:
        SettingsError: the address may not be spoken to, or the credentials are not what the vendor wants.
        PmsError: the PMS cannot be reached or refuses the credentials.
    """
    async with windows_of(settings) as windows, aclosing(http_door()) as door:
        link, place = link_to(door, settings, windows), property_of(location, settings)
        adapter = adapter_of(settings.vendor, place, revealed(settings.credentials), link)
        await adapter.connect()
        try:
            yield adapter
        finally:
            await adapter.disconnect()


def property_of(location: Location, settings: PmsSettings) -> Property:
    """Return a location as its PMS's adapter knows it."""
    return Property(
        location.code, settings.property, location.zone, location.currency, settings.rate_plan, settings.products
    )


@asynccontextmanager
async def windows_of(settings: PmsSettings) -> AsyncIterator[WindowStore]:
    """Open where requests are counted: in a Redis that the settings name, or in this process.

    Raises:
        SettingsError: the address of the Redis is none.
    """
    if settings.rate_store is None:
        yield MemoryWindows(LiveFlow().monotonic_s)
        return
    try:
        redis = open_redis(settings.rate_store.get_secret_value())
    except ValueError as exc:
        raise SettingsError(f"rate_store is no address of a Redis ({exc}): write it as redis://host:6379") from None
    async with redis:
        yield RedisWindows(redis)


def link_to(door: HttpxDoor, settings: PmsSettings, windows: WindowStore) -> Link:
    """Return the link to a PMS through an HTTP door.

    Raises:
        SettingsError: the address may not be spoken to.
    """
    flow = LiveFlow()
    try:
        base_url = checked_base_url(settings.base_url, settings.allowed_hosts).rstrip("/")
    except HostRefused as exc:
        raise SettingsError(f"base_url: {exc}") from exc
    return Link(
        door,
        flow,
        LiveChance(),
        base_url,
        windows,
        timeout_s=settings.timeout_s,
        rate_share=settings.rate_share,
        breaker_policy=BreakerPolicy(settings.breaker_failures, settings.breaker_recovery_s),
    )

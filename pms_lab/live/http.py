"""Real HTTP: TLS of at least 1.2 with verified certificates."""

from __future__ import annotations

import ssl
from functools import cache

import httpx

from pms_lab.adapters.wire import HttpxDoor


def http_door() -> HttpxDoor:
    """Return the `Http` port to real servers. It ignores proxies and certificates named in the environment."""
    return HttpxDoor(httpx.AsyncHTTPTransport(verify=_tls(), trust_env=False))


@cache
def _tls() -> ssl.SSLContext:
    """Return what all doors of this process share: to read the certificates anew takes 20 ms and holds up everybody."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context

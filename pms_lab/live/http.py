"""Real HTTP: TLS of at least 1.2 with verified certificates."""

from __future__ import annotations

import ssl

import httpx

from pms_lab.adapters.wire import HttpxDoor


def http_door() -> HttpxDoor:
    """Return the `Http` port to real servers. It ignores proxies and certificates named in the environment."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return HttpxDoor(httpx.AsyncHTTPTransport(verify=context, trust_env=False))

"""OPERA Cloud under the contract; every request and answer is held against Oracle's description meanwhile."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from pms_lab.adapters.opera import CAPABILITIES, OperaCredentials, OperaPms
from pms_lab.adapters.wire import Link
from pms_lab.domain.property import Property
from pms_lab.sim.pms.faces.opera import (
    APP_KEY,
    CLIENT_ID,
    CLIENT_SECRET,
    EXTERNAL_SYSTEM,
    SCOPE,
    OperaFace,
    opera_pms,
)
from tests.adapters.official import Official, Witnessed, is_date_time, is_local_date_time
from tests.contracts.harness import Vendor

FIXTURES = Path(__file__).parents[1] / "fixtures" / "opera"

OFFICIAL = Official(
    *(json.loads(path.read_text()) for path in sorted(FIXTURES.glob("*.json"))),
    formats={"date-time": lambda text: is_date_time(text) or is_local_date_time(text)},
    undeclared={429: "named by the documentation of the rate limits, declared by no operation"},
)
PLACE = Property("LAS_HOTEL", "HOTEL1", ZoneInfo("America/New_York"), "USD", "BAR")
CREDENTIALS = OperaCredentials(
    client_id=CLIENT_ID,
    client_secret=SecretStr(CLIENT_SECRET),
    app_key=SecretStr(APP_KEY),
    scope=SCOPE,
    external_system=EXTERNAL_SYSTEM,
    cashier_id=4,
)


def face(**sample: Any) -> Witnessed:
    """Return the sample hotel, watched."""
    return Witnessed(OperaFace(opera_pms(**sample)), OFFICIAL)


def adapter(link: Link) -> OperaPms:
    """Return the adapter, with credentials that the face accepts."""
    return OperaPms(PLACE, CREDENTIALS, link)


SECRETS = (CLIENT_SECRET, APP_KEY, b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode())
VENDOR = Vendor("opera", face, adapter, CAPABILITIES.rate_limits, SECRETS)

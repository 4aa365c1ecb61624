"""QloApps under contract."""

from __future__ import annotations

from base64 import b64encode
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from pms_lab.adapters.qloapps import CAPABILITIES, QloAppsCredentials, QloAppsPms
from pms_lab.adapters.wire import Link
from pms_lab.domain.property import Property
from pms_lab.sim.pms.faces.qloapps import KEY, QloAppsFace, demo_pms
from tests.contracts.harness import Vendor

PLACE = Property(
    location="HOTEL",
    code="1",
    zone=ZoneInfo("America/New_York"),
    currency="USD",
    rate_plan="BAR",
    products={"GEN": "1", "DLX": "2", "EXE": "3", "LUX": "4"},
)


def face(**sample: Any) -> QloAppsFace:
    """Return the demo hotel, in a place without taxes: the contract's amounts have none."""
    return QloAppsFace(demo_pms(**sample), tax_percent=Decimal(0))


def adapter(link: Link) -> QloAppsPms:
    """Return the adapter for it."""
    return QloAppsPms(PLACE, QloAppsCredentials(key=SecretStr(KEY)), link)


SECRETS = (KEY, b64encode(f"{KEY}:".encode()).decode())
VENDOR = Vendor("qloapps", face, adapter, CAPABILITIES.rate_limits, SECRETS)

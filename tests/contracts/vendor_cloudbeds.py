"""Cloudbeds under contract."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from pms_lab.adapters.cloudbeds import CAPABILITIES, CloudbedsCredentials, CloudbedsPms
from pms_lab.adapters.wire import Link
from pms_lab.domain.property import Property
from pms_lab.sim.pms.faces.cloudbeds import CloudbedsFace, new_id, product_id
from pms_lab.sim.pms.sample import ROOM_TYPES, sample_pms
from tests.contracts.harness import Vendor

KEY = "cbat_0123456789abcdef"
PLACE = Property(
    location="HOTEL",
    code="318002",
    zone=ZoneInfo("America/New_York"),
    currency="USD",
    rate_plan="227",
    products={kind.code: product_id(kind.code) for kind in ROOM_TYPES},
)
CREDENTIALS = CloudbedsCredentials(key=SecretStr(KEY), guest_country="US", guest_zip="10001")


def face(**sample: Any) -> CloudbedsFace:
    """Return the sample hotel at Cloudbeds."""
    named: dict[str, Any] = {
        "code": PLACE.code,
        "rate_plan": PLACE.rate_plan,
        "new_id": new_id,
        "product_id": product_id,
    }
    return CloudbedsFace(sample_pms(**(named | sample)), KEY)


def adapter(link: Link) -> CloudbedsPms:
    """Return the adapter for it."""
    return CloudbedsPms(PLACE, CREDENTIALS, link)


VENDOR = Vendor("cloudbeds", face, adapter, CAPABILITIES.rate_limits, (KEY,))

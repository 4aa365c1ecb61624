"""Mews under the contract of `PMSAdapter`."""

from __future__ import annotations

from typing import Any, Literal
from zoneinfo import ZoneInfo

from pms_lab.adapters.mews import CAPABILITIES, MewsCredentials, MewsPms
from pms_lab.adapters.wire import Link
from pms_lab.domain.property import Property
from pms_lab.sim.pms.faces.mews import MewsFace
from pms_lab.sim.pms.faces.mews.ids import (
    ADULTS,
    BASE_RATE,
    CHILDREN,
    ENTERPRISE,
    EXTRAS,
    STAY,
    TAX_CODE,
    category_id,
    new_id,
)
from pms_lab.sim.pms.sample import ROOM_TYPES, sample_pms
from tests.contracts.harness import Vendor

CLIENT_TOKEN = "C11E7000CAFE0000CAFE0000CAFE0000-C11E7000CAFE0000CAFE0000CAFE000"
ACCESS_TOKEN = "ACCE550000BEEF0000BEEF0000BEEF00-ACCE550000BEEF0000BEEF0000BEEF0"
PLACE = Property(
    location="HOTEL1",
    code=ENTERPRISE,
    zone=ZoneInfo("America/New_York"),
    currency="USD",
    rate_plan=BASE_RATE,
    products={kind.code: category_id(kind.code) for kind in ROOM_TYPES},
)


def credentials(**changed: Any) -> MewsCredentials:
    """Return credentials that the face accepts, but for what is changed."""
    known = {
        "client_token": CLIENT_TOKEN,
        "access_token": ACCESS_TOKEN,
        "service": STAY,
        "order_service": EXTRAS,
        "adult_age_category": ADULTS,
        "child_age_category": CHILDREN,
        "pricing": "gross",
        "tax_codes": TAX_CODE,
    }
    return MewsCredentials.model_validate(known | changed)


def face(pricing: Literal["gross", "net"] = "gross", includes_ends: bool = True, **sample: Any) -> MewsFace:
    """Return Mews's face over a fresh sample hotel."""
    pms = sample_pms(code=ENTERPRISE, rate_plan=BASE_RATE, new_id=new_id, product_id=category_id, **sample)
    tokens = {"client_token": CLIENT_TOKEN, "access_token": ACCESS_TOKEN}
    return MewsFace(pms, **tokens, pricing=pricing, includes_ends=includes_ends)


def adapter(link: Link) -> MewsPms:
    """Return the adapter with those credentials."""
    return MewsPms(PLACE, credentials(), link)


VENDOR = Vendor("mews", face, adapter, CAPABILITIES.rate_limits, (CLIENT_TOKEN, ACCESS_TOKEN))

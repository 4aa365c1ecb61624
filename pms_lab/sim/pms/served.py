"""The sample hotel behind each vendor's face, with the settings that reach it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from pms_lab.adapters import cloudbeds, mews, opera, qloapps
from pms_lab.errors import Unsupported
from pms_lab.sim.pms.face import Face, Server
from pms_lab.sim.pms.faces import cloudbeds as cloudbeds_face
from pms_lab.sim.pms.faces import mews as mews_face
from pms_lab.sim.pms.faces import opera as opera_face
from pms_lab.sim.pms.faces import qloapps as qloapps_face
from pms_lab.sim.pms.faces.mews import ids as mews_ids
from pms_lab.sim.pms.sample import ROOM_TYPES, fill, sample_pms
from pms_lab.sim.pms.webhooks import Notifying

DEMO_KEY: Final = "demo-key-of-the-simulation"

Settings: TypeAlias = Mapping[str, str | Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Sample:
    """A face over the sample hotel.

    Attributes:
        settings: its table in pms_lab.toml, but for the address; the credentials are good for nothing else.
    """

    face: Face
    settings: Settings

    @property
    def credentials(self) -> Mapping[str, str]:
        """What the adapter is to be given."""
        found = self.settings["credentials"]
        return {} if isinstance(found, str) else found


def _products(vendor_id: Callable[[str], str]) -> dict[str, str]:
    return {kind.code: vendor_id(kind.code) for kind in ROOM_TYPES}


def _opera() -> Sample:
    credentials = {
        "client_id": opera_face.CLIENT_ID,
        "client_secret": opera_face.CLIENT_SECRET,
        "app_key": opera_face.APP_KEY,
        "scope": opera_face.SCOPE,
        "external_system": opera_face.EXTERNAL_SYSTEM,
    }
    pms = opera_face.opera_pms()
    settings: Settings = {"property": pms.hotel.code, "rate_plan": pms.hotel.rate_plan, "credentials": credentials}
    return Sample(opera_face.OperaFace(pms), settings)


def _mews() -> Sample:
    tokens = {"client_token": f"{DEMO_KEY}-client", "access_token": f"{DEMO_KEY}-access"}
    pms = sample_pms(
        code=mews_ids.ENTERPRISE, rate_plan=mews_ids.BASE_RATE, new_id=mews_ids.new_id, product_id=mews_ids.category_id
    )
    credentials = {
        **tokens,
        "service": mews_ids.STAY,
        "order_service": mews_ids.EXTRAS,
        "adult_age_category": mews_ids.ADULTS,
        "child_age_category": mews_ids.CHILDREN,
        "pricing": "gross",
        "tax_codes": mews_ids.TAX_CODE,
    }
    settings: Settings = {
        "property": mews_ids.ENTERPRISE,
        "rate_plan": mews_ids.BASE_RATE,
        "products": _products(mews_ids.category_id),
        "credentials": credentials,
    }
    return Sample(
        mews_face.MewsFace(pms, client_token=tokens["client_token"], access_token=tokens["access_token"]), settings
    )


def _cloudbeds() -> Sample:
    pms = sample_pms(code="318002", rate_plan="227", new_id=cloudbeds_face.new_id, product_id=cloudbeds_face.product_id)
    settings: Settings = {
        "property": pms.hotel.code,
        "rate_plan": pms.hotel.rate_plan,
        "products": _products(cloudbeds_face.product_id),
        "credentials": {"key": DEMO_KEY, "guest_country": "US", "guest_zip": "10001"},
    }
    return Sample(cloudbeds_face.CloudbedsFace(pms, DEMO_KEY), settings)


def _qloapps() -> Sample:
    products = {kind.code: str(number) for number, kind in enumerate(ROOM_TYPES, start=1)}
    settings: Settings = {"property": "1", "products": products, "credentials": {"key": qloapps_face.KEY}}
    return Sample(qloapps_face.QloAppsFace(qloapps_face.demo_pms()), settings)


SAMPLES: Final[Mapping[str, Callable[[], Sample]]] = {
    "opera": _opera,
    "mews": _mews,
    "cloudbeds": _cloudbeds,
    "qloapps": _qloapps,
}
LIMITS: Final = {
    "opera": opera.CAPABILITIES.rate_limits,
    "mews": mews.CAPABILITIES.rate_limits,
    "cloudbeds": cloudbeds.CAPABILITIES.rate_limits,
    "qloapps": qloapps.CAPABILITIES.rate_limits,
}


def server_of(vendor: str, face: Face) -> Server:
    """Return a vendor's face behind the vendor's rate limits."""
    return Server(face, LIMITS[vendor])


def sample_server(vendor: str, base_url: str, at: datetime) -> tuple[Server, str]:
    """Return a vendor's sample hotel with some bookings around `at`, and the settings that reach it as TOML."""
    sample = SAMPLES[vendor]()
    fill(sample.face.pms, at)
    lines = [f'vendor = "{vendor}"', f'base_url = "{base_url}"']
    for name, value in sample.settings.items():
        shown = f'"{value}"' if isinstance(value, str) else _table(value)
        lines.append(f"{name} = {shown}")
    return server_of(vendor, sample.face), "\n".join(lines)


def notifying(face: Face, vendor: str) -> Notifying:
    """Return a face as one that calls those who subscribed.

    Raises:
        Unsupported: the vendor calls nobody.
    """
    if not isinstance(face, Notifying):
        raise Unsupported(f"{vendor} has no webhooks: ask for changes instead")
    return face


def _table(values: Mapping[str, str]) -> str:
    return "{ " + ", ".join(f'{name} = "{value}"' for name, value in values.items()) + " }"

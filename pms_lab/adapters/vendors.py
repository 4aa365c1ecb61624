"""The vendors by name: what each wants as credentials, what it can promise, and how its adapter is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from pms_lab.adapters import cloudbeds, mews, opera, qloapps
from pms_lab.adapters.wire import Link
from pms_lab.domain.pms import Capabilities
from pms_lab.domain.property import Property
from pms_lab.engine.pms import PMSAdapter
from pms_lab.errors import SettingsError, listed


@dataclass(frozen=True, slots=True)
class Vendor:
    """One vendor's adapter.

    Attributes:
        credentials: the model of what it wants to know.
        make: takes the property, the credentials and the link.
        has_plans: whether rates belong to a rate plan, which the settings then must name.
    """

    capabilities: Capabilities
    credentials: type[BaseModel]
    make: Callable[[Property, Any, Link], PMSAdapter]
    has_plans: bool = True


VENDORS: Final[Mapping[str, Vendor]] = {
    "opera": Vendor(opera.CAPABILITIES, opera.OperaCredentials, opera.OperaPms),
    "mews": Vendor(mews.CAPABILITIES, mews.MewsCredentials, mews.MewsPms),
    "cloudbeds": Vendor(cloudbeds.CAPABILITIES, cloudbeds.CloudbedsCredentials, cloudbeds.CloudbedsPms),
    "qloapps": Vendor(qloapps.CAPABILITIES, qloapps.QloAppsCredentials, qloapps.QloAppsPms, has_plans=False),
}


def adapter_of(vendor: str, place: Property, credentials: Mapping[str, str], link: Link) -> PMSAdapter:
    """Return a vendor's adapter for one property.

    Raises:
        SettingsError: the rate plan is missing, or the credentials are not what the vendor wants; the message names the
            fields, not their values.
    """
    known = VENDORS[vendor]
    if known.has_plans and not place.rate_plan:
        raise SettingsError(f"rate_plan of {place.location} is missing: name {vendor}'s plan to read and publish")
    try:
        checked = known.credentials.model_validate(dict(credentials))
    except ValidationError as exc:
        wrong = listed(f"{'.'.join(map(str, fault['loc']))} ({fault['type']})" for fault in exc.errors())
        wanted = listed(known.credentials.model_fields)
        raise SettingsError(f"credentials of {vendor} for {place.location}: {wrong}; it wants {wanted}") from None
    return known.make(place, checked, link)

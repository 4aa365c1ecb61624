"""What Mews wants to know before it can be asked."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr


def _listed(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


class MewsCredentials(BaseModel):
    """The tokens of an integration, and what it needs to know of its enterprise.

    Attributes:
        client_token: of the integration; `access_token` is that of the integration in this enterprise.
        service: id of the bookable service: the stay.
        order_service: id of the service against which charges are ordered.
        adult_age_category: id of the age category of adults; every other guest counts as a child.
        pricing: whether the enterprise's prices are gross or net; Mews tells by `Pricing` of its configuration.
        tax_codes: of charges and of promised prices; as text, parted by commas. With gross prices only one is allowed.
        arrival: local time at which a stay begins; `departure` is that at which it ends.
        client: name and version of this software, as Mews logs it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    client_token: Annotated[SecretStr, Field(min_length=1)]
    access_token: Annotated[SecretStr, Field(min_length=1)]
    service: str
    order_service: str
    adult_age_category: str
    child_age_category: str
    pricing: Literal["gross", "net"]
    tax_codes: Annotated[tuple[str, ...], BeforeValidator(_listed)]
    arrival: time = time(15)
    departure: time = time(11)
    client: str = "pms_lab 0.1.0"

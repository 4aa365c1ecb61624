"""What Cloudbeds wants to know before it can be asked."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class CloudbedsCredentials(BaseModel):
    """The API key of a property, and what its bookings are to say.

    Attributes:
        key: sent as ``x-api-key``; it lapses when it is not used for 30 days.
        guest_country: two letters; Cloudbeds books for nobody without a country and a ZIP code, and we are not told a
            guest's.
        payment_method: how guests whom we book for will pay.
        source: Cloudbeds's id of the source that our bookings count for, such as ``s-1``; None lets Cloudbeds choose.
        requests_field: the short code of the reservation's custom field that holds special requests. Guests'
            preferences stand in custom fields too: the name of each must be its short code, since Cloudbeds shows the
            one and takes the other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key: Annotated[SecretStr, Field(min_length=1)]
    guest_country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    guest_zip: Annotated[str, Field(min_length=1)]
    payment_method: Literal["cash", "credit", "ebanking", "pay_pal"] = "cash"
    source: str | None = None
    requests_field: str = "special_requests"

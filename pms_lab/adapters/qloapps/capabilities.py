"""What QloApps can promise, and the credentials that it wants."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from pms_lab.adapters.qloapps.push import BATCH
from pms_lab.adapters.qloapps.reservations import VENDOR
from pms_lab.domain.pms import Capabilities

NO_PREFERENCES: Final = "QloApps keeps no preferences of guests: write a note"
NO_REQUESTS: Final = "QloApps keeps remarks only, and none of them can be replaced: write a note"
NO_CHECKOUT_TIME: Final = "QloApps has one check-out time for the whole hotel: write a note"
NO_LIMITS: Final = "QloApps has no count of rooms to sell: rooms are taken out one by one, at the front desk"
NO_WEBHOOKS: Final = "QloApps calls nobody: ask for changes"

CAPABILITIES: Final = Capabilities(
    vendor=VENDOR,
    unsupported={
        "update_guest_preferences": NO_PREFERENCES,
        "set_special_requests": NO_REQUESTS,
        "update_checkout_time": NO_CHECKOUT_TIME,
        "set_availability": NO_LIMITS,
        "parse_webhook": NO_WEBHOOKS,
    },
    # Every write that could be repeated writes a whole record back: a late second copy would undo what came between.
    repeatable=frozenset(),
    reconcilable=frozenset(
        {
            "update_guest",
            "add_reservation_note",
            "set_reservation_status",
            "create_reservation",
            "modify_dates",
            "cancel_reservation",
            "post_charge",
            "update_rates",
            "clear_rates",
        }
    ),
    conditional_write=False,
    # Measured: two creations for the last room were both answered 200, 13 times of 13.
    atomic_create=False,
    atomic_rates=False,
    rate_batch=BATCH,
    rate_limits=(),
    read_lag_s=0,
    # Measured: writes stalled behind locks, and in queues, for up to half a minute.
    in_flight_s=30,
    shows_deletions=False,
    webhooks=False,
    # A rate is a rule: measured, the same POST twice leaves two of them.
    creates_rates=True,
)


class QloAppsCredentials(BaseModel):
    """A key of the shop's web service, with read and write permissions for the resources that are used."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key: Annotated[SecretStr, Field(min_length=1)]

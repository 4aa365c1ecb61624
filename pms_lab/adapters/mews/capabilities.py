"""What Mews can promise."""

from __future__ import annotations

from typing import Final

from pms_lab.domain.pms import Capabilities, RateLimit

VENDOR: Final = "mews"

CAPABILITIES: Final = Capabilities(
    vendor=VENDOR,
    unsupported={
        "search_guests_by_phone": "Mews filters guests by name, e-mail and loyalty code, not by phone: give one more",
        "set_special_requests": "notes of the type SpecialRequest can be read, but no write of Mews creates one",
    },
    repeatable=frozenset({"update_guest", "update_checkout_time", "modify_dates", "set_availability", "clear_rates"}),
    reconcilable=frozenset(
        {
            "update_guest_preferences",
            "add_reservation_note",
            "set_reservation_status",
            "create_reservation",
            "cancel_reservation",
            "post_charge",
            "update_rates",
        }
    ),
    # Not documented, so not promised. Mews checks for overbooking, but does not say that check and booking are one.
    conditional_write=False,
    atomic_create=False,
    atomic_rates=False,
    # Connector API, rates/updatePrice: PriceUpdates holds at most 1000.
    rate_batch=1000,
    # Connector API, guidelines, requests: 200 in 30 s for each access token, by a sliding window.
    rate_limits=(RateLimit(200, 30.0, "token"),),
    # Neither is published. A request may run for tens of seconds before Mews gives it up with 408.
    read_lag_s=0.0,
    in_flight_s=30.0,
    # Reservations are cancelled and guests deactivated: both still show, with the time of their update.
    shows_deletions=True,
    webhooks=True,
)

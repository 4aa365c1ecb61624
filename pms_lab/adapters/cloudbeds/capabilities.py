"""What Cloudbeds can promise."""

from __future__ import annotations

from typing import Final

from pms_lab.adapters.cloudbeds.nouns import VENDOR
from pms_lab.adapters.cloudbeds.rates import INTERVALS
from pms_lab.domain.pms import Capabilities, RateLimit

CAPABILITIES: Final = Capabilities(
    vendor=VENDOR,
    unsupported={
        "update_checkout_time": "putReservation sets the date of departure and the time of arrival, but no time of "
        "departure: leave a note for the front desk",
        "clear_rates": "patchRate sets rates, and no call takes one away again: publish the amount that is to hold",
        "set_availability": "no call sets how many rooms may be sold; rooms can only be blocked one by one",
    },
    # putGuest and the custom fields set values, however often; postCustomItem drops a referenceID that it knows.
    repeatable=frozenset({"update_guest", "update_guest_preferences", "set_special_requests", "post_charge"}),
    # What a second cancellation, check-in or move does is not documented.
    reconcilable=frozenset(
        {
            "add_reservation_note",
            "set_reservation_status",
            "create_reservation",
            "modify_dates",
            "cancel_reservation",
            "update_rates",
        }
    ),
    conditional_write=False,
    # Not documented, so not promised.
    atomic_create=False,
    # A rate job that ends in error may have set some of its intervals.
    atomic_rates=False,
    rate_batch=INTERVALS,
    # developers.cloudbeds.com, FAQ: 5 a second for a property, 10 for a technology partner.
    rate_limits=(RateLimit(5, 1.0, "property"),),
    # Neither is published. 30 s is what other PMSs were seen to take; a rate job may take longer, and can be asked for.
    read_lag_s=0.0,
    in_flight_s=30.0,
    # A cancelled reservation shows, a deleted one does not.
    shows_deletions=False,
    webhooks=True,
)

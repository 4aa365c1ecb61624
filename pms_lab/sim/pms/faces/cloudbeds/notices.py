"""What Cloudbeds tells by webhook: which object, what happened to it, and its id."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from pms_lab.adapters.writing import json_body
from pms_lab.sim.pms.records import Event

ACTIONS: Final = {
    ("booking", "created"): ("reservation/created", "reservationID"),
    ("booking", "moved"): ("reservation/dates_changed", "reservationID"),
    ("booking", "noted"): ("reservation/notes_changed", "reservationID"),
    ("guest", "created"): ("guest/created", "guestID"),
    ("guest", "changed"): ("guest/details_changed", "guestID"),
    ("room", "condition"): ("housekeeping/room_condition_changed", "roomID"),
}


def notice(event: Event, property_id: str) -> bytes | None:
    """Return the body that Cloudbeds posts to those who subscribed; None where it tells nothing.

    Source: Cloudbeds, webhooks, and its change log of December 2024 (``timestamp`` in seconds with decimals). That the
    status of a reservation changed is told without saying which it is now.
    """
    known = ACTIONS.get((event.kind, event.action))
    if known is None and event.kind == "booking" and event.action.startswith("became "):
        known = ("reservation/status_changed", "reservationID")
    if known is None:
        return None
    name, field = known
    stamp = Decimal(str(event.at.timestamp()))
    return json_body({"version": "1.0", "event": name, "timestamp": stamp, "propertyID": property_id, field: event.id})

"""What Mews tells by general webhook: that something changed, and its id."""

from __future__ import annotations

from typing import Final

from pms_lab.adapters.writing import Json, json_body
from pms_lab.sim.pms.faces.mews.ids import guid
from pms_lab.sim.pms.faces.mews.rows import room_id
from pms_lab.sim.pms.records import Event

ADDED: Final = ("CustomerAdded", "CustomerUpdated")  # a new customer is told of twice, in one message


def notice(event: Event, enterprise: str) -> bytes | None:
    """Return the body that Mews posts to those who subscribed; None where it tells nothing.

    Source: Mews Connector API, events, general webhooks.
    """
    told: tuple[str, ...]
    match event.kind:
        case "booking":
            told, number = ("ServiceOrderUpdated",), event.id
        case "guest":
            told, number = (ADDED if event.action == "created" else ADDED[1:]), event.id
        case "room":
            told, number = ("ResourceUpdated",), room_id(event.id)
        case _:
            return None
    events: list[Json] = [{"Discriminator": name, "Value": {"Id": number}} for name in told]
    return json_body({"EnterpriseId": enterprise, "IntegrationId": guid("integration", "1"), "Events": events})

"""Webhooks of the simulated PMS, read by the vendors' own adapters."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from pms_lab.domain.pms import Change, Condition, EntityKind, ReservationStatus
from pms_lab.domain.stay import StayDates
from pms_lab.sim.driver import Sim
from pms_lab.sim.pms.faces.cloudbeds import CloudbedsFace
from pms_lab.sim.pms.faces.mews import MewsFace
from pms_lab.sim.pms.state import Wish
from pms_lab.sim.pms.webhooks import announce
from tests.contracts import vendor_cloudbeds, vendor_mews
from tests.contracts.harness import NOON, Vendor, bench
from tests.contracts.test_pms_adapter import TODAY, ref

TELLING = [vendor_cloudbeds.VENDOR, vendor_mews.VENDOR]


def told(vendor: Vendor, delays_s: dict[int, Sequence[float]] | None = None) -> list[tuple[float, Change]]:
    """A guest, a booking, its check-in and a dirty room, as the webhooks tell of them: when, and what."""
    it = bench(vendor)
    heard: list[tuple[float, Change]] = []
    with Sim(epoch=NOON) as sim:

        def receive(body: bytes) -> None:
            at_s = (sim.now() - NOON).total_seconds()
            heard.extend((at_s, one) for one in it.pms.parse_webhook({"content-type": "application/json"}, body))

        assert isinstance(it.face, CloudbedsFace | MewsFace)
        announce(sim, it.face, receive, lambda number: (delays_s or {}).get(number, (2.0,)))
        pms = it.face.pms
        guest = pms.add_guest(NOON, first_name="Ada", last_name="Byron", email="ada@example.com")
        booking = pms.book(Wish(StayDates.starting(TODAY, 2), next(iter(pms.room_types)), guest.id), NOON)
        pms.set_status(booking.id, ReservationStatus.IN_HOUSE, NOON)
        pms.set_condition(str(booking.room), Condition.DIRTY, NOON)
        node = sim.node("app")
        node.run(node.flow.sleep(100))
        expected = {(EntityKind.GUEST, ref(it, guest.id)), (EntityKind.RESERVATION, ref(it, booking.id))}
        assert delays_s or expected <= {(one.kind, one.id) for _, one in heard}
    return heard


@pytest.mark.parametrize("vendor", TELLING, ids=lambda vendor: vendor.name)
def test_every_change_is_told_as_the_vendor_tells_it(vendor: Vendor) -> None:
    kinds = [one.kind for _, one in told(vendor)]
    assert kinds == [EntityKind.GUEST, EntityKind.RESERVATION, EntityKind.RESERVATION, EntityKind.ROOM]


@pytest.mark.parametrize("vendor", TELLING, ids=lambda vendor: vendor.name)
def test_a_notice_may_be_dropped_doubled_or_overtaken(vendor: Vendor) -> None:
    heard = told(vendor, {1: (), 2: (2.0, 7.0), 3: (60.0,)})
    assert [(at_s, one.kind) for at_s, one in heard] == [
        (2.0, EntityKind.RESERVATION),
        (2.0, EntityKind.ROOM),
        (7.0, EntityKind.RESERVATION),
        (60.0, EntityKind.RESERVATION),
    ]


def test_two_copies_of_one_cloudbeds_notice_have_the_same_key() -> None:
    copies = [one.key for _, one in told(vendor_cloudbeds.VENDOR, {1: (), 2: (2.0, 7.0), 3: (), 4: ()})]
    assert len(copies) == 2
    assert len(set(copies)) == 1


def test_a_rate_is_told_of_by_nobody() -> None:
    for vendor in TELLING:
        it = bench(vendor)
        assert isinstance(it.face, CloudbedsFace | MewsFace)
        pms = it.face.pms
        pms.set_rate(next(iter(pms.room_types)), pms.hotel.rate_plan, TODAY, None, NOON)
        assert it.face.notice(pms.events[-1]) is None


def test_a_mews_notice_holds_ids_and_nothing_else() -> None:
    it = bench(vendor_mews.VENDOR)
    assert isinstance(it.face, MewsFace)
    it.face.pms.add_guest(NOON, first_name="Ada", last_name="Byron", email="ada@example.com")
    body = it.face.notice(it.face.pms.events[-1])
    assert body is not None
    assert "Ada" not in body.decode()
    assert [event["Discriminator"] for event in json.loads(body)["Events"]] == ["CustomerAdded", "CustomerUpdated"]

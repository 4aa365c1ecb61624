"""The face answers a recorded session as QloApps did, and holds in the end what QloApps' database held."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.sim.pms.qloapps_replay import TIMES, Compared, replayed, truth_of

RECORDINGS = {
    "02_session_json": 133,
    "03_session_xml": 152,
    "04_stock_500_but_committed": 23,
    "07_errors": 101,
    "08_polling_json": 76,
    "09_rates_and_rooms": 37,
}
"""The recordings that can be replayed one request after the other, with the number of their exchanges."""

TEXTS = "the face's hotel has no descriptions"
PATHS = "the recording has another path of PHP's files in XML than in JSON"
BESIDE = "recorded beside a write of the same second: which came first, only the recording knows"

EXPECTED = {
    ("02_session_json", 0, "hotel"): TEXTS,
    ("03_session_xml", 0, "hotel"): TEXTS,
    ("04_stock_500_but_committed", 2, "create XML"): PATHS,
    ("04_stock_500_but_committed", 7, "create XML"): PATHS,
    ("04_stock_500_but_committed", 11, "create XML"): PATHS,
    ("08_polling_json", 6, "poll customers since 2026-11-21 03:14:56"): BESIDE,
    ("08_polling_json", 18, "poll room_bookings since 2026-11-21 03:15:01"): BESIDE,
    ("08_polling_json", 19, "poll customers since 2026-11-21 03:15:01"): BESIDE,
    ("08_polling_json", 27, "poll room_bookings since 2026-11-21 03:15:05"): BESIDE,
    ("09_rates_and_rooms", 3, "get full"): TEXTS,
    ("09_rates_and_rooms", 4, "PUT price, plain-text id_hotel/adults/children (safe shape)"): TEXTS,
    ("09_rates_and_rooms", 8, "get full"): TEXTS,
    ("09_rates_and_rooms", 9, "PUT price, verbatim round trip (attributes kept: occupancy becomes 1/1)"): TEXTS,
    ("09_rates_and_rooms", 13, "get full"): TEXTS,
    ("09_rates_and_rooms", 14, "PUT price, CDATA without attributes (id_hotel becomes 0: type lost)"): TEXTS,
}
"""The exchanges that the face answers otherwise, and why; docs/qloapps-model.md lists them too."""

TEXT_FIELDS = ("policies", "description", "short_description", "description_short")

pytestmark = pytest.mark.parametrize("name", RECORDINGS)


def why(name: str, one: Compared) -> str:
    return EXPECTED.get((name, one.index, one.label), "")


def test_every_exchange_is_replayed_and_answered_with_the_recorded_status(name: str) -> None:
    compared = replayed(name).compared
    assert len(compared) == RECORDINGS[name]
    assert [(one.index, one.label, one.status) for one in compared if not one.has_same_status] == []


def test_every_answer_has_the_recorded_fields_in_order_and_of_the_same_types(name: str) -> None:
    others = [one for one in replayed(name).compared if not one.has_same_shape]
    assert [(one.index, one.label, one.shape[:5]) for one in others if why(name, one) != BESIDE] == []


def test_every_value_but_times_and_references_is_the_recorded_one(name: str) -> None:
    others = [one for one in replayed(name).compared if one.values and not why(name, one)]
    assert [(one.index, one.label, dict(list(one.values.items())[:3])) for one in others] == []


def test_what_is_expected_to_differ_does_and_only_where_it_is_said_to(name: str) -> None:
    differing = {
        (name, one.index, one.label): one for one in replayed(name).compared if one.values or not one.has_same_shape
    }
    expected = {key: reason for key, reason in EXPECTED.items() if key[0] == name}
    assert set(differing) == set(expected)
    for key, reason in expected.items():
        paths = differing[key].values
        if reason == TEXTS:
            assert all(any(f"/{field}" in path for field in TEXT_FIELDS) for path in paths), key
        elif reason == PATHS:
            assert all(ours.replace("/var/www/src", "/var/www/qloapps") == theirs for ours, theirs in paths.values())


def test_in_the_end_the_hotel_holds_what_the_database_held(name: str) -> None:
    truth, replay = truth_of(name), replayed(name)
    for table, resource, names in (
        ("room_bookings", "room_bookings", {}),
        ("orders", "orders", {"id_order": "id"}),
        ("room_types", "room_types", {"id_product": "id"}),
        ("htl_room_type", "hotel_room_types", {}),
    ):
        recorded = truth[table]
        fields = {field: names.get(field, field) for field in (recorded[0] if recorded else {})}
        ours = replay.rows(
            resource, {name: field for name, field in fields.items() if name not in (*TIMES, "reference")}
        )
        assert len(ours) == len(recorded), table
        assert ours == [{field: row[field] for field in row if field not in (*TIMES, "reference")} for row in recorded]
    assert len(truth["double_booked_pairs"]) == len(replay.face.pms.double_booked())


def test_the_state_machine_holds_the_same_bookings_as_the_books(name: str) -> None:
    replay = replayed(name)
    lines = replay.rows("room_bookings", {"id_room": "id_room", "is_cancelled": "is_cancelled"})
    bookings = replay.face.pms.bookings.values()
    assert Counter((line["id_room"], line["is_cancelled"] == "0") for line in lines) == Counter(
        (one.room, one.holds_a_room) for one in bookings
    )


def test_the_document_tells_how_much_is_met(name: str) -> None:
    compared = replayed(name).compared
    same = [one for one in compared if one.has_same_shape]
    counts = [
        len(compared),
        sum(one.has_same_status for one in compared),
        len(same),
        sum(not one.values for one in same),
    ]
    row = f"| {name} | {' | '.join(map(str, counts))} | equal |"
    assert row in (Path(__file__).parents[3] / "docs" / "qloapps-model.md").read_text()

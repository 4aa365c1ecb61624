from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pms_lab.domain.dead_letters import DeadLetter, Queueable, entity_of
from pms_lab.domain.money import Money
from pms_lab.domain.outcome import Refused, Unknown, Why
from pms_lab.domain.pms import PmsId
from pms_lab.domain.writes import AddNote, AddPreferences, PostCharge, SetAvailability, UpdateGuest, Write
from pms_lab.rules.dead_letters import LetterLimits, Severity, next_try_s, notices, stops_replay

NOW = datetime(2026, 2, 18, 12, 0, tzinfo=UTC)
STAY = PmsId("opera", "7")
NOTE = AddNote("note", STAY, "Guest is allergic to nuts")
CHARGE = PostCharge("charge", STAY, "Minibar", Money.of("46.50", "USD"))


def letter(number: int = 1, write: Queueable = NOTE, age_h: float = 0) -> DeadLetter:
    at = NOW - timedelta(hours=age_h)
    return DeadLetter(f"letter{number}", number, entity_of(write), write, "down", "x", at, at, due_at=at)


@pytest.mark.parametrize(
    ("ended", "settles_in_s", "next_s", "stops"),
    [
        (Refused(Why.BREAKER_OPEN, "", retry_after_s=200), None, 200, True),
        (Refused(Why.BREAKER_OPEN, "", retry_after_s=0), None, 60, True),
        (Refused(Why.NOT_SENT, ""), None, 60, True),
        (Refused(Why.THROTTLED, "", retry_after_s=61), None, 61, True),
        (Refused(Why.AUTH, ""), None, 60, True),
        (Refused(Why.REJECTED, "", retry_after_s=61), None, None, False),
        (Refused(Why.NOT_FOUND, ""), None, None, False),
        (Unknown(""), None, None, False),
        (Unknown(""), 25, 60, False),
        (Unknown(""), 600, 600, False),
    ],
)
def test_how_an_attempt_ended_decides_when_the_next_is_due(
    ended: Refused | Unknown, settles_in_s: float | None, next_s: float | None, stops: bool
) -> None:
    assert next_try_s(ended, settles_in_s) == next_s
    assert stops_replay(ended) is stops


@pytest.mark.parametrize(
    ("count", "age_h", "expected"),
    [
        (0, 0, []),
        (1, 0, [Severity.INFO]),
        (10, 0, [Severity.INFO] * 10),
        (11, 0, [Severity.INFO] * 11 + [Severity.WARNING]),
        (1, 4, [Severity.INFO]),
        (1, 4.001, [Severity.INFO, Severity.HIGH]),
        (11, 5, [Severity.INFO] * 11 + [Severity.WARNING, Severity.HIGH]),
    ],
)
def test_each_letter_many_letters_and_an_old_one_are_told(count: int, age_h: float, expected: list[Severity]) -> None:
    found = notices([letter(number, age_h=age_h) for number in range(count)], NOW)
    assert [notice.severity for notice in found] == expected
    assert len({notice.key for notice in found}) == len(found)


def test_a_charge_is_critical() -> None:
    assert [notice.severity for notice in notices([letter(), letter(2, CHARGE)], NOW)] == [
        Severity.INFO,
        Severity.CRITICAL,
    ]


def test_the_same_thing_keeps_its_key_so_it_is_told_once() -> None:
    letters = [letter(number, age_h=5) for number in range(11)]
    later = [replace(one, attempts=3, error="other") for one in letters]
    keys = [notice.key for notice in notices(letters, NOW)]
    assert keys == [notice.key for notice in notices(later, NOW + timedelta(hours=1))]


def test_a_notice_names_the_letter_and_the_next_step_and_no_guest_data() -> None:
    waits_for_person = replace(letter(), due_at=None)
    (notice,) = notices([waits_for_person], NOW)
    assert notice.text == (
        "add_reservation_note of reservation/opera:7 (letter letter1) waits for a person: retry, resolve or abandon it"
    )


def test_the_limits_can_be_set() -> None:
    found = notices([letter(1, age_h=2), letter(2)], NOW, LetterLimits(count=1, age_h=1))
    assert [notice.severity for notice in found[2:]] == [Severity.WARNING, Severity.HIGH]


@pytest.mark.parametrize(
    ("write", "entity"),
    [
        (NOTE, "reservation/opera:7"),
        (CHARGE, "reservation/opera:7"),
        (AddPreferences("likes", STAY, ()), "guest/opera:7"),
        (UpdateGuest("rename", STAY), "guest/opera:7"),
        (SetAvailability("close", {}), None),
    ],
)
def test_a_write_is_about_a_guest_a_reservation_or_neither(write: Write, entity: str | None) -> None:
    assert entity_of(write) == entity

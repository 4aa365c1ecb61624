"""Each checker lets good histories pass, and finds what is wrong in each bad one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import pytest

from pms_lab.checkers import judging
from pms_lab.checkers.judging import CHECKERS, judged
from pms_lab.checkers.verdict import Judgement, Verdict, checks
from pms_lab.domain.history import Healing, History, Hold, Read, Recorded, Struck
from pms_lab.domain.push import AlertKind, PushState
from tests.checkers.histories import (
    ALL,
    BACK,
    BEFORE,
    CAN,
    EXPOSED,
    FOREIGN,
    GOOD,
    IN_PROGRESS,
    NEW,
    PREPARED,
    PUBLISHED,
    REJECTED,
    REVIEW,
    SENT,
    TAKEN_BACK,
    WAITED,
    E,
    F,
    S,
    by_hand,
    ours,
    push,
    recorded,
    told,
)

GOOD_ONES: Final[dict[str, History]] = {
    "nothing happened": replace(GOOD, sent=(), writes=BEFORE, reads=(), holds=(), recorded=(), pushes=(), settled_us=0),
    "published": GOOD,
    "taken back": TAKEN_BACK,
    "a pause after the comparison": WAITED,
    "an edit after the end": replace(GOOD, writes=(*GOOD.writes, by_hand(5, E, FOREIGN, 4 * S))),
    "held, and told": replace(
        GOOD, sent=(), writes=BEFORE, pushes=(push(REVIEW, exposed_s=None),), recorded=recorded(REVIEW, written=2),
        told=(told(AlertKind.MANUAL_REVIEW),),
    ),
    "rejected, nothing written": replace(
        GOOD, sent=(), writes=BEFORE, pushes=(push(REJECTED),), recorded=recorded(REJECTED, written=2),
    ),
    "a lock that lapsed": replace(GOOD, holds=(Hold("one", 1, 0, 600 * S),), settled_us=650 * S),
    "a rate beside a colleague's": replace(
        GOOD, doubled=(E,), writes=(*GOOD.writes, by_hand(5, E, FOREIGN, 4 * S)),
    ),
    "half of it, and told": replace(
        TAKEN_BACK, pushes=(push(PREPARED, IN_PROGRESS, PushState.ROLLBACK_FAILED),), writes=TAKEN_BACK.writes[:5],
        recorded=recorded(PREPARED, IN_PROGRESS, PushState.ROLLBACK_FAILED, written=5),
    ),
}  # fmt: skip


@pytest.mark.parametrize("history", GOOD_ONES.values(), ids=GOOD_ONES.keys())
def test_a_good_history_holds_before_every_checker(history: History) -> None:
    assert [(one.finding, one.evidence) for one in judged(history)] == [(Judgement.HOLDS, ())] * len(CHECKERS)


def dear(amount: str, **other: Any) -> History:
    """Return a history in which E is given an amount."""
    new = {**NEW, E: Decimal(amount)}
    writes = (*BEFORE, ours(3, E, Decimal(amount)), ours(4, F, NEW[F]))
    return replace(GOOD, pushes=(push(*ALL, new=new, **other),), writes=writes)


ONE_NEW: Final = TAKEN_BACK.writes[:5]
OTHERS_READ: Final = replace(GOOD, sent=(replace(SENT, at_us=50 * S),), reads=(Read(50 * S - 1, "two"),))
BEYOND: Final = replace(
    EXPOSED, pushes=(push(*ALL, exposed_s=90.0),),
    writes=(*BEFORE, by_hand(3, E, FOREIGN, S), ours(4, E, NEW[E], 63 * S), ours(5, F, NEW[F], 63 * S)),
)  # fmt: skip
UNSEEN: Final = replace(EXPOSED, pushes=(push(*ALL, exposed_s=None),))

BAD: Final[dict[str, tuple[str, History, str]]] = {
    "half new": ("1", replace(TAKEN_BACK, writes=ONE_NEW, told=()), "with 1 of 2 cells new, and no alert names it"),
    "half new, a cell untouched": (
        "1", replace(TAKEN_BACK, writes=(ours(3, E, NEW[E]),), told=()), "with 1 of 2 cells new",
    ),
    "two rates": ("1", replace(GOOD, doubled=(F,)), "there are two rates of F/BAR/2026-02-20"),
    "open": ("2", replace(GOOD, pushes=(push(PREPARED, IN_PROGRESS),)), "p1 has not ended: IN_PROGRESS"),
    "published, and old": ("2", replace(GOOD, writes=GOOD.writes[:3]), "is published, but F/BAR/2026-02-20 was 48.00"),
    "rolled back, and new": ("2", replace(TAKEN_BACK, writes=ONE_NEW), "p1 is ROLLED_BACK, but F/BAR/2026-02-20 holds"),
    "rolled back, and otherwise": (
        "2", replace(TAKEN_BACK, writes=(*ONE_NEW, ours(6, F, None))), "was left as None, not as 48.00",
    ),
    "after the end": ("2", replace(GOOD, recorded=recorded(*ALL, written=3)), "after p1 was PUBLISHED"),
    "without an intent": (
        "3", replace(GOOD, writes=(*GOOD.writes[:3], replace(GOOD.writes[3], sent=replace(SENT, under_way=())))),
        "F/BAR/2026-02-20 was set to 48.20 without a recorded intent",
    ),
    "an amount that nobody meant": ("3", replace(GOOD, writes=(*GOOD.writes, ours(5, E, FOREIGN))), "to 47.77 without"),
    "an edit that could be seen": (
        "4", replace(EXPOSED, writes=(*BEFORE, by_hand(3, E, FOREIGN, S // 2), *EXPOSED.writes[3:])),
        "47.77 of a colleague, which could be seen, became 46.50",
    ),
    "an edit that nobody tells of": ("4", UNSEEN, "was lost after 0.05 s, and no push tells of that"),
    "an edit told of too shortly": ("4", replace(EXPOSED, pushes=(push(*ALL, exposed_s=0.04),)), "no push tells of"),
    "an edit lost to a vendor that compares": (
        "4", replace(EXPOSED, can=replace(CAN, conditional_write=True)), "though the vendor compares and sets",
    ),
    "a landing beyond the bound": ("4", BEYOND, "landed later than the vendor says"),
    "an old comparison": ("4", replace(GOOD, reads=(Read(-4 * S, "one"),)), "5.0 s after it had read"),
    "a comparison of another node": ("4", OTHERS_READ, "50.0 s after it had read"),
    "without the lock": ("6", replace(GOOD, sent=(replace(SENT, holder=None),)), "while nobody held the lock"),
    "under another's lock": ("6", replace(GOOD, sent=(replace(SENT, holder="two"),)), "while two held the lock"),
    "a token that goes back": (
        "6", replace(GOOD, recorded=(Recorded(0, "p0", PUBLISHED, 2, 2), *GOOD.recorded)), "with token 1, after 2",
    ),
    "released by another": ("6", replace(GOOD, holds=(Hold("one", 1, 0, 3 * S, 2),)), "was released with token 2"),
    "no number": ("14", dear("NaN"), "which is no number"),
    "beyond the push cap": ("14", dear("52.91"), "beyond the push cap from 46.00"),
    "beyond the day cap": (
        "14", replace(dear("55.21"), guards=replace(GOOD.guards, push_cap=Decimal(2))), "beyond the day cap from 46.00",
    ),
    "below the floor": ("14", dear("37.99"), "below its floor 38"),
    "in another currency": ("14", dear("46.50", currency="EUR"), "set to 46.50 EUR, and the PMS sells in USD"),
    "an old amount that never was": (
        "14", replace(GOOD, writes=(by_hand(1, E, Decimal(40), -S), *GOOD.writes[1:])), "which the PMS never held",
    ),
    "nobody told": ("15", replace(TAKEN_BACK, told=()), "ended ROLLED_BACK, and nobody was told"),
    "told late": ("15", replace(TAKEN_BACK, told=(told(at_us=63 * S),)), "told only later than 60 s"),
    "told twice": ("15", replace(TAKEN_BACK, told=(told(), told())), "was told 2 times of p1"),
    "told nothing": ("15", replace(TAKEN_BACK, told=(told(say=""),)), "an alert says nothing"),
    "told for nothing": ("15", replace(GOOD, told=(told(AlertKind.PMS_DOWN, None),)), "needless, since nothing went"),
    "open for ever": ("16", replace(GOOD, pushes=(push(PREPARED),)), "p1 is open for ever: PREPARED"),
    "too late": ("16", replace(GOOD, settled_us=103 * S, healing=Healing(2 * S, 100.0)), "settled 1 s too late"),
    "a lock kept": (
        "16", replace(GOOD, holds=(Hold("two", 2, 5 * S, 605 * S),)), "two did not give its lock with token 2 back",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("number", "history", "said"), BAD.values(), ids=BAD.keys())
def test_what_is_wrong_is_found_by_the_checker_of_its_invariant(number: str, history: History, said: str) -> None:
    (found,) = (one for one in judged(history) if one.invariant.split()[0] == number)
    assert found.finding is Judgement.VIOLATED
    assert said in "\n".join(found.evidence)


def test_every_checker_is_shown_something_bad() -> None:
    assert [one.invariant.split()[0] for one in CHECKERS] == list(
        dict.fromkeys(number for number, _, _ in BAD.values())
    )


def test_what_no_client_could_prevent_is_exposed_where_the_push_said_so() -> None:
    findings = {one.invariant: one for one in judged(EXPOSED)}
    exposed = findings.pop("4 no foreign value overwritten")
    assert exposed.finding is Judgement.EXPOSED
    assert exposed.evidence == (
        "E/BAR/2026-02-20 47.77 of a colleague was lost after 0.05 s, and the push says up to 0.30 s",
    )
    assert {one.finding for one in findings.values()} == {Judgement.HOLDS}


def test_one_violation_beside_an_exposure_is_a_violation() -> None:
    spoilt = replace(
        EXPOSED, reads=(*EXPOSED.reads, Read(S * 9 // 10, "two")), sent=(SENT, replace(SENT, node="two", at_us=9 * S))
    )
    (found,) = (one for one in judged(spoilt) if one.invariant.startswith("4"))
    assert (found.finding, len(found.evidence)) == (Judgement.VIOLATED, 2)


def test_a_write_sent_late_in_a_lag_is_no_seen_edit() -> None:
    lagging = replace(EXPOSED, can=replace(CAN, read_lag_s=3.0), pushes=(push(*ALL, exposed_s=3.3),))
    early = replace(lagging, writes=(*BEFORE, by_hand(3, E, FOREIGN, -2 * S), *EXPOSED.writes[3:]))
    (found,) = (one for one in judged(early) if one.invariant.startswith("4"))
    assert found.finding is Judgement.EXPOSED


def test_a_waived_day_cap_is_no_violation() -> None:
    approved = replace(dear("55.21", follows="p0"), guards=replace(GOOD.guards, push_cap=Decimal(2)))
    assert {one.finding for one in judged(approved)} == {Judgement.HOLDS}


def test_without_a_word_on_healing_nothing_is_due() -> None:
    unknown = replace(GOOD, settled_us=10**12, told=(told(AlertKind.PMS_DOWN, None),), healing=None)
    assert {one.finding for one in judged(unknown)} == {Judgement.HOLDS}


def test_an_alert_after_a_fault_is_not_needless() -> None:
    warned = replace(GOOD, told=(told(AlertKind.PMS_DOWN, None),), struck=(Struck(0, 0, "outage"),))
    assert {one.finding for one in judged(warned)} == {Judgement.HOLDS}


def test_a_judge_that_fails_knows_nothing_and_never_lets_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    @checks("0 nothing")
    def failing(history: History) -> list[str]:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(judging, "CHECKERS", (failing,))
    assert judged(GOOD) == (Verdict("0 nothing", Judgement.UNKNOWN, ("ZeroDivisionError: by nothing",)),)


def test_a_history_that_lacks_a_part_is_not_called_good() -> None:
    torn = replace(TAKEN_BACK, pushes=(replace(push(*BACK), transitions=()),))
    assert {one.finding for one in judged(torn)} >= {Judgement.UNKNOWN}

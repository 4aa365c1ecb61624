"""What every implementation of `Book` must do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.push import (
    STEPS,
    Alert,
    AlertKind,
    Binding,
    Change,
    Check,
    Decision,
    Finding,
    HistoryEntry,
    Origin,
    Push,
    PushState,
    Rule,
    Severity,
    Transition,
    Vote,
)
from pms_lab.domain.rates import RateCell, TaxBasis
from pms_lab.engine.ledger import Book, Fence
from pms_lab.errors import IllegalTransition, InputError, LockLost, StoreError

MIDNIGHT: Final = datetime(2026, 2, 18, tzinfo=ZoneInfo("America/Los_Angeles"))
"""In another zone than all other times: instants are compared, not texts."""
NOON: Final = datetime(2026, 2, 18, 20, 0, tzinfo=UTC)
NIGHT: Final = date(2026, 3, 1)
FENCE: Final = Fence("DESK", 1)


def cell_of(product: str, location: str = "DESK") -> RateCell:
    return RateCell(location, product, NIGHT)


E, F, G = map(cell_of, "EFG")


def minutes(number: float) -> datetime:
    return NOON + timedelta(minutes=number)


def rate(amount: str, *, is_own: bool = True) -> NightlyRate:
    return NightlyRate(Decimal(amount), is_own)


def change(cell: RateCell, old: str | None, new: str) -> Change:
    return Change(cell, None if old is None else rate(old), Decimal(new))


def step(state: PushState, at: datetime = NOON) -> Transition:
    return Transition(state, at, "worker", f"it became {state}")


def a_push(
    push_id: str,
    *changes: Change,
    state: PushState = PushState.PREPARED,
    at: datetime = NOON,
    location: str = "DESK",
    **other: Any,
) -> Push:
    """Return a push that was read, asked for, and came to its first state at one time, unless said otherwise."""
    fields: dict[str, Any] = {
        "currency": "USD", "tax_basis": None, "asked_by": "ada", "asked_at": at, "read_at": at,
        "origin": Origin("file", "rates.csv"), "transitions": (step(state, at),),
    }  # fmt: skip
    return Push(id=push_id, location=location, changes=changes, **fields | other)


def opened(book: Book, push_id: str, *changes: Change, at: datetime = NOON, token: int = 1, **other: Any) -> Push:
    """Open a push that is to be written."""
    push = a_push(push_id, *changes, at=at, **other)
    book.open(push, Fence(push.location, token))
    return push


def published(book: Book, push_id: str, *changes: Change, at: datetime, **other: Any) -> None:
    """Open a push and publish it, a minute later."""
    push = opened(book, push_id, *changes, at=at, **other)
    fence, end = Fence(push.location, other.get("token", 1)), at + timedelta(minutes=1)
    book.record(push_id, step(PushState.IN_PROGRESS, at), fence)
    book.record(push_id, step(PushState.PUBLISHED, end), fence, {one.cell: NightlyRate(one.new) for one in changes})


def bring(book: Book, push_id: str, state: PushState) -> None:
    """Open a push, without cells, and bring it to a state by the shortest way."""
    if state in STEPS[None]:
        opened(book, push_id, state=state)
        return
    bring(book, push_id, PushState.PREPARED if state is PushState.IN_PROGRESS else PushState.IN_PROGRESS)
    book.record(push_id, step(state), FENCE)


def an_alert(kind: AlertKind = AlertKind.PMS_DOWN, subject: str = "DESK", at: datetime = NOON, **other: Any) -> Alert:
    fields: dict[str, Any] = {"location": "DESK", "message": "no answer in 5 s", "next_step": "call the vendor"}
    return Alert(kind, Severity.HIGH, subject=subject, at=at, **fields | other)


def everything(book: Book) -> tuple[object, ...]:
    """Return all that a book tells of these cells and of everything else."""
    past = [book.past(location, (E, F, G), MIDNIGHT) for location in ("DESK", "INN")]
    held = [book.history(cell) for cell in (E, F, G)]
    return book.pushes(), book.alerts(), book.reviews(), past, held, book.amounts_at("DESK", MIDNIGHT)


def told(entries: tuple[HistoryEntry, ...]) -> list[tuple[str, str | None]]:
    """Return amounts and who published them, the latest first."""
    return [(f"{entry.amount:f}", entry.published) for entry in entries]


ALL_FIELDS: Final = a_push(
    "full",
    Change(
        E,
        NightlyRate(Decimal("100.10"), is_own=False, is_derived=True),
        Decimal("110.20"),
        Binding(Rule.PUSH_CAP, Decimal("115.115")),
        (
            Vote("LLM", Decimal("111.00"), Decimal("0.85"), Decimal(1) / Decimal(3), "v2"),
            Vote("RL", Decimal("-9.5"), Decimal(1)),
        ),
    ),
    Change(RateCell("DESK", "E", NIGHT, "BAR", 2), None, Decimal("0.01")),
    Change(RateCell("DESK", "E"), rate("7"), Decimal(7)),
    tax_basis=TaxBasis.NET,
    asked_at=NOON - timedelta(microseconds=1),
    read_at=NOON - timedelta(seconds=3),
    origin=Origin("dry run", "2026-02-18", "0f" * 32),
    checks=(
        Check("pms reachable", True, "it answers"),
        Check("rates sane", False, "it's “rough”\n", (Finding(Rule.DAY_CAP, E, "high"), Finding(Rule.SIZE, None, "x"))),
    ),
    follows="p0",
)  # fmt: skip


class BookContract:
    """Subclass it as `Test…` and give it a fixture `book`: one that nothing was ever recorded in."""

    def test_an_empty_book_knows_nothing(self, book: Book) -> None:
        past = book.past("DESK", [E], MIDNIGHT)
        assert (past.open_pushes, dict(past.day_base)) == ((), {})
        assert (past.inventory_at, past.last_at, past.pms_down) == (None, None, False)
        assert (book.find("p1"), book.decision("p1"), book.pushes(), book.reviews(), book.alerts()) == (
            None, None, (), (), (),
        )  # fmt: skip
        assert (book.history(E), dict(book.amounts_at("DESK", MIDNIGHT))) == ((), {})

    def test_a_push_is_found_as_it_was_opened(self, book: Book) -> None:
        book.open(ALL_FIELDS, FENCE)
        assert book.find("full") == ALL_FIELDS
        bare = a_push("bare", state=PushState.REJECTED, read_at=None)
        book.open(bare, None)
        assert book.find("bare") == bare

    def test_transitions_are_added_in_order(self, book: Book) -> None:
        push = opened(book, "p1", change(E, "100", "110"))
        exposed = Transition(PushState.ROLLED_BACK, minutes(2), "worker", "timeout", exposed_s=12.5)
        book.record("p1", step(PushState.IN_PROGRESS, minutes(1)), FENCE)
        book.record("p1", exposed, FENCE)
        expected = (*push.transitions, step(PushState.IN_PROGRESS, minutes(1)), exposed)
        assert book.find("p1") == replace(push, transitions=expected)
        assert book.pushes() == (book.find("p1"),)

    @pytest.mark.parametrize("before", [None, *PushState])
    def test_only_the_steps_of_the_table_are_taken(self, book: Book, before: PushState | None) -> None:
        for number, after in enumerate(PushState):
            push_id, allowed = f"p{number}", after in STEPS.get(before, frozenset())
            if before is None:
                take = open_as(book, push_id, after)
            else:
                bring(book, push_id, before)
                take = record_as(book, push_id, after)
            if allowed:
                take()
            else:
                known = book.find(push_id)
                with pytest.raises(IllegalTransition, match=after):
                    take()
                assert book.find(push_id) == known

    @pytest.mark.parametrize(
        "amount", ["46.50", "-0.01", "1E+3", "0", "12345678901234567890.123456789012345678", "1E-20"]
    )
    def test_amounts_keep_all_their_digits(self, book: Book, amount: str) -> None:
        exact = Decimal(amount)
        meant = Change(E, NightlyRate(exact), exact, Binding(Rule.FLOOR, exact), (Vote("RL", exact, Decimal(1)),))
        published(book, "p1", meant, at=NOON)
        push = book.find("p1")
        assert push is not None
        assert push.changes == (meant,)
        assert [entry.amount for entry in book.history(E)] == [exact, exact]
        assert dict(book.amounts_at("DESK", minutes(-5))) == {E: NightlyRate(exact)}

    def test_texts_may_hold_anything_that_a_pms_may_say(self, book: Book) -> None:
        said = "it's 100 % “odd”: {}\n\t\\ 😀"
        broken = "half a character \ud83d and a zero byte \0"
        push = a_push("p1", asked_by=said, origin=Origin("file", said), checks=(Check(said, True, said),))
        book.open(push, FENCE, [an_alert(subject=said, message=broken)])
        book.record("p1", replace(step(PushState.IN_PROGRESS), why=broken), FENCE)
        found = book.find("p1")
        assert found is not None
        assert found.transitions[-1].why.startswith("half a character ")
        assert replace(found, transitions=push.transitions) == push
        assert book.alerts()[0].subject == said
        assert book.find(broken) is None
        assert not book.tell(an_alert(subject=said))

    def test_an_id_is_used_once(self, book: Book) -> None:
        push = opened(book, "p1", change(E, "100", "110"))
        with pytest.raises(StoreError):
            opened(book, "p1", change(E, "100", "120"))
        assert book.find("p1") == push

    def test_a_transition_of_no_push_is_refused(self, book: Book) -> None:
        with pytest.raises(InputError, match="nowhere"):
            book.record("nowhere", step(PushState.IN_PROGRESS), FENCE)

    # Fences

    def test_a_higher_token_voids_a_lower_one(self, book: Book) -> None:
        opened(book, "p1", token=3)
        opened(book, "p2", token=3)
        book.record("p1", step(PushState.IN_PROGRESS), Fence("DESK", 4))
        before = everything(book)
        with pytest.raises(LockLost):
            book.record("p1", step(PushState.PUBLISHED), Fence("DESK", 3))
        with pytest.raises(LockLost):
            opened(book, "p3", token=3)
        assert everything(book) == before
        book.record("p1", step(PushState.PUBLISHED), Fence("DESK", 4))
        opened(book, "p3", token=5)
        with pytest.raises(LockLost):
            book.record("p2", step(PushState.IN_PROGRESS), Fence("DESK", 4))

    def test_a_void_fence_is_told_before_an_illegal_step(self, book: Book) -> None:
        opened(book, "p1", token=1)
        book.record("p1", step(PushState.REJECTED), Fence("DESK", 2))
        with pytest.raises(LockLost):
            book.record("p1", step(PushState.IN_PROGRESS), Fence("DESK", 1))

    def test_a_guard_voids_lower_fences_and_records_nothing(self, book: Book) -> None:
        opened(book, "p1", token=3)
        before = everything(book)
        book.guard(Fence("DESK", 5))
        assert everything(book) == before
        with pytest.raises(LockLost):
            book.record("p1", step(PushState.IN_PROGRESS), Fence("DESK", 4))
        with pytest.raises(LockLost):
            book.guard(Fence("DESK", 4))
        book.guard(Fence("INN", 1))
        book.record("p1", step(PushState.IN_PROGRESS), Fence("DESK", 5))

    def test_each_location_has_its_own_tokens(self, book: Book) -> None:
        opened(book, "p1", token=7)
        opened(book, "p2", location="INN", token=2)
        book.record("p2", step(PushState.IN_PROGRESS), Fence("INN", 2))

    def test_a_fence_of_another_location_gives_no_right(self, book: Book) -> None:
        opened(book, "p1", token=1)
        with pytest.raises(LockLost):
            book.record("p1", step(PushState.IN_PROGRESS), Fence("INN", 9))
        with pytest.raises(LockLost):
            book.open(a_push("p2"), Fence("INN", 9))
        assert [push.id for push in book.pushes()] == ["p1"]

    def test_only_a_push_that_has_ended_is_opened_without_a_fence(self, book: Book) -> None:
        for state in (PushState.REJECTED, PushState.PENDING_MANUAL_REVIEW, PushState.PROPOSED_DRY_RUN):
            book.open(a_push(state, state=state), None)
        with pytest.raises(LockLost):
            book.open(a_push("p1", change(E, "100", "110")), None)
        assert (book.find("p1"), book.history(E)) == (None, ())

    def test_a_fence_that_is_given_is_looked_at_even_if_it_need_not_be(self, book: Book) -> None:
        opened(book, "p1", token=2)
        with pytest.raises(LockLost):
            book.open(a_push("p2", state=PushState.REJECTED), Fence("DESK", 1))
        assert book.find("p2") is None

    # A failed call

    def test_a_failed_call_leaves_nothing(self, book: Book) -> None:
        published(book, "p1", change(E, "100", "110"), at=NOON, token=3)
        opened(book, "p2", change(F, "50", "55"), at=minutes(5), token=3)
        before = everything(book)
        new, held = a_push("p3", change(G, "70", "77"), at=minutes(9)), {E: rate("1"), G: rate("2")}
        published_now, alerts = step(PushState.PUBLISHED, minutes(9)), [an_alert(at=minutes(9))]
        illegal = replace(new, transitions=(step(PushState.IN_PROGRESS, minutes(9)),))
        calls: list[tuple[type[Exception], Callable[[], None]]] = [
            (LockLost, lambda: book.open(new, Fence("DESK", 2), alerts, minutes(9))),
            (LockLost, lambda: book.open(new, None, alerts, minutes(9))),
            (IllegalTransition, lambda: book.open(illegal, Fence("DESK", 9), alerts, minutes(9))),
            (StoreError, lambda: book.open(replace(new, id="p1"), Fence("DESK", 9), alerts, minutes(9))),
            (LockLost, lambda: book.record("p2", published_now, Fence("DESK", 2), held, alerts)),
            (IllegalTransition, lambda: book.record("p2", published_now, Fence("DESK", 9), held, alerts)),
            (IllegalTransition, lambda: book.record("p1", published_now, Fence("DESK", 9), held, alerts)),
            (InputError, lambda: book.record("p3", published_now, Fence("DESK", 9), held, alerts)),
            (InputError, lambda: book.decide(Decision("p1", True, "bob", NOON))),
        ]
        for error, call in calls:
            with pytest.raises(error):
                call()
            assert everything(book) == before
        assert book.tell(an_alert(at=minutes(9)))
        book.record("p2", step(PushState.IN_PROGRESS), Fence("DESK", 3))

    # The past

    def test_the_past_names_the_open_pushes_of_the_location(self, book: Book) -> None:
        for state in PushState:
            bring(book, state, state)
        opened(book, "other", location="INN")
        assert set(book.past("DESK", (), MIDNIGHT).open_pushes) == {PushState.PREPARED, PushState.IN_PROGRESS}
        assert book.past("INN", (), MIDNIGHT).open_pushes == ("other",)

    def test_asking_for_the_past_leaves_no_trace(self, book: Book) -> None:
        opened(book, "p1", change(E, "100", "110"))
        before = everything(book)
        assert everything(book) == before
        assert len(book.pushes()) == 1

    def test_the_day_begins_with_the_last_reading_at_or_before_midnight(self, book: Book) -> None:
        for number, (amount, at) in enumerate(
            [
                ("90", MIDNIGHT - timedelta(hours=30)),
                ("100", MIDNIGHT),
                ("110", MIDNIGHT + timedelta(microseconds=1)),
                ("120", NOON),
            ]
        ):
            book.open(dry_run(f"d{number}", change(E, amount, "1"), at=at), None)
        assert book.past("DESK", [E, F], MIDNIGHT).day_base == {E: Decimal(100)}
        assert book.past("DESK", [E], MIDNIGHT - timedelta(microseconds=1)).day_base == {E: Decimal(90)}
        assert book.past("DESK", [F], MIDNIGHT).day_base == {}

    def test_times_are_instants_whatever_their_zone(self, book: Book) -> None:
        before = (MIDNIGHT - timedelta(minutes=30)).astimezone(ZoneInfo("Asia/Tokyo"))
        book.open(dry_run("d1", change(E, "90", "1"), at=before), None)
        book.open(dry_run("d2", change(E, "100", "1"), at=(MIDNIGHT + timedelta(hours=1)).astimezone(UTC)), None)
        assert book.past("DESK", [E], MIDNIGHT).day_base == {E: Decimal(90)}
        assert [entry.amount for entry in book.history(E, MIDNIGHT)] == [90]

    def test_without_a_reading_before_midnight_it_begins_with_the_first_after(self, book: Book) -> None:
        book.open(dry_run("d1", change(E, "100", "1"), at=minutes(5)), None)
        book.open(dry_run("d2", change(E, "110", "1"), at=minutes(6)), None)
        assert book.past("DESK", [E], MIDNIGHT).day_base == {E: Decimal(100)}
        book.open(dry_run("d3", change(E, "95", "1"), at=minutes(7), read_at=minutes(4)), None)
        assert book.past("DESK", [E], MIDNIGHT).day_base == {E: Decimal(95)}

    def test_readings_are_the_old_amounts_when_they_were_read_and_what_is_read_back(self, book: Book) -> None:
        opened(book, "p1", change(E, "100", "110"), change(F, None, "50"), read_at=minutes(-2))
        book.record("p1", step(PushState.IN_PROGRESS, minutes(1)), FENCE, {E: rate("101", is_own=False)})
        book.record("p1", step(PushState.ROLLED_BACK, minutes(2)), FENCE, {E: rate("100"), F: rate("60")})
        assert [(entry.at, entry.amount, entry.is_own) for entry in book.history(E)] == [
            (minutes(2), Decimal(100), True), (minutes(1), Decimal(101), False), (minutes(-2), Decimal(100), True),
        ]  # fmt: skip
        assert [(entry.cell, entry.at) for entry in book.history(F)] == [(F, minutes(2))]
        assert {entry.published for entry in book.history(E) + book.history(F)} == {None}
        assert book.past("DESK", [E, F], MIDNIGHT).day_base == {E: Decimal(100), F: Decimal(60)}
        assert book.past("DESK", [E, F], minutes(1)).day_base == {E: Decimal(101), F: Decimal(60)}

    def test_old_amounts_that_were_read_at_no_time_are_no_readings(self, book: Book) -> None:
        book.open(a_push("p1", change(E, "100", "110"), state=PushState.REJECTED, read_at=None), None)
        assert book.history(E) == ()

    def test_the_availability_was_read_when_it_was_read_last(self, book: Book) -> None:
        for push_id, at in (("d1", minutes(-60)), ("d2", None), ("d3", minutes(-90))):
            book.open(dry_run(push_id), None, inventory_at=at)
            assert book.past("DESK", (), MIDNIGHT).inventory_at == minutes(-60)
        book.open(dry_run("d4"), None, (), minutes(-30))
        assert book.past("DESK", (), MIDNIGHT).inventory_at == minutes(-30)
        assert book.past("INN", (), MIDNIGHT).inventory_at is None

    def test_the_past_tells_when_the_last_transition_was_recorded(self, book: Book) -> None:
        opened(book, "p1", at=minutes(1), read_at=minutes(-1))
        assert book.past("DESK", (), MIDNIGHT).last_at == minutes(1)
        book.record("p1", step(PushState.IN_PROGRESS, minutes(3)), FENCE)
        opened(book, "p2", location="INN", at=minutes(9))
        assert book.past("DESK", (), MIDNIGHT).last_at == minutes(3)

    def test_the_last_transition_is_the_one_recorded_last_whatever_its_clock_said(self, book: Book) -> None:
        opened(book, "p1", at=minutes(60))
        book.open(dry_run("d1", at=minutes(5)), None)
        assert book.past("DESK", (), MIDNIGHT).last_at == minutes(5)

    def test_the_past_of_any_number_of_cells_can_be_asked_for(self, book: Book) -> None:
        many = [RateCell("DESK", "E", NIGHT, occupancy=number) for number in range(40_000)]
        book.open(dry_run("d1", change(many[-1], "100", "1")), None)
        assert book.past("DESK", many, MIDNIGHT).day_base == {many[-1]: Decimal(100)}

    def test_the_past_tells_whether_it_is_told_that_the_pms_is_down(self, book: Book) -> None:
        def is_told() -> tuple[bool, bool]:
            desk, inn = (book.past(location, (), MIDNIGHT) for location in ("DESK", "INN"))
            return desk.pms_down, inn.pms_down

        book.tell(an_alert(AlertKind.SPIKE))
        book.tell(an_alert(subject="p1"))
        assert is_told() == (False, False)
        book.open(dry_run("d1"), None, [an_alert(push_id="d1")])
        assert is_told() == (True, False)
        book.clear(AlertKind.PMS_DOWN, "INN", NOON)
        assert is_told() == (True, False)
        book.clear(AlertKind.PMS_DOWN, "DESK", NOON)
        assert is_told() == (False, False)

    # Lists of pushes

    def test_pushes_come_the_latest_first_and_can_be_chosen(self, book: Book) -> None:
        states = (PushState.REJECTED, PushState.PREPARED, PushState.REJECTED, PushState.PROPOSED_DRY_RUN)
        for number, state in enumerate(states):
            opened(book, f"p{number}", state=state, at=minutes(number), location="INN" if number == 2 else "DESK")
        book.record("p1", step(PushState.IN_PROGRESS, minutes(9)), FENCE)
        assert ids(book.pushes()) == ["p3", "p2", "p1", "p0"]
        assert ids(book.pushes("DESK")) == ["p3", "p1", "p0"]
        assert ids(book.pushes(states=[PushState.REJECTED, PushState.IN_PROGRESS])) == ["p2", "p1", "p0"]
        assert ids(book.pushes("DESK", {PushState.REJECTED})) == ["p0"]
        assert ids(book.pushes(states=[PushState.PREPARED])) == []
        assert ids(book.pushes("DESK", limit=2)) == ["p3", "p1"]
        assert ids(book.pushes(states=[PushState.REJECTED], limit=1)) == ["p2"]
        assert ids(book.pushes("nowhere")) == []
        assert (book.pushes(limit=0), book.alerts(limit=0), book.history(E, limit=0)) == ((), (), ())

    # Reviews

    def test_reviews_wait_oldest_first_until_a_person_has_decided_once(self, book: Book) -> None:
        for number, location in enumerate(["DESK", "INN", "DESK"]):
            push = a_push(f"p{number}", state=PushState.PENDING_MANUAL_REVIEW, at=minutes(number), location=location)
            book.open(push, None)
        bring(book, "p3", PushState.PENDING_MANUAL_REVIEW)
        assert ids(book.reviews()) == ["p0", "p1", "p2", "p3"]
        assert ids(book.reviews("INN")) == ["p1"]
        yes, no = Decision("p0", True, "bob", minutes(5)), Decision("p1", False, "bob", minutes(6), "too high")
        book.decide(yes)
        book.decide(no)
        assert ids(book.reviews()) == ["p2", "p3"]
        assert (book.decision("p0"), book.decision("p1"), book.decision("p2")) == (yes, no, None)
        for again in (Decision("p0", False, "carl", minutes(7)), yes):
            with pytest.raises(InputError, match="p0"):
                book.decide(again)
        assert book.decision("p0") == yes
        known = book.find("p0")
        assert known is not None
        assert known.state is PushState.PENDING_MANUAL_REVIEW

    @pytest.mark.parametrize("state", [one for one in PushState if one is not PushState.PENDING_MANUAL_REVIEW])
    def test_nobody_decides_on_what_waits_for_no_decision(self, book: Book, state: PushState) -> None:
        bring(book, "p1", state)
        for push_id in ("p1", "nowhere"):
            with pytest.raises(InputError, match=push_id):
                book.decide(Decision(push_id, True, "bob", NOON))
            assert book.decision(push_id) is None

    # History

    def test_what_is_published_becomes_the_history_with_who_asked_and_why(self, book: Book) -> None:
        meant = replace(ALL_FIELDS.changes[0], votes=ALL_FIELDS.changes[0].votes[:1])
        published(book, "p1", meant, at=NOON, asked_by="scheduler")
        latest, first = book.history(E)
        assert latest == HistoryEntry(E, meant.new, True, minutes(1), "p1", meant, "scheduler")
        assert first == HistoryEntry(E, Decimal("100.10"), False, NOON)

    def test_history_comes_latest_first_until_a_time_and_is_limited(self, book: Book) -> None:
        for number in range(4):
            new = change(E, str(100 + number), str(101 + number))
            published(book, f"p{number}", new, at=minutes(10 * number))
        full = book.history(E)
        assert told(full)[:4] == [("104", "p3"), ("103", "p2"), ("103", "p2"), ("102", "p1")]
        assert book.history(E, limit=3) == full[:3]
        assert book.history(E, minutes(21)) == full[2:]
        assert told(book.history(E, minutes(21) - timedelta(microseconds=1)))[0] == ("102", "p1")
        assert book.history(E, minutes(11), 1) == full[4:5]
        assert book.history(E, minutes(-1)) == ()
        assert (len(full), book.history(F)) == (8, ())

    def test_a_reading_that_finds_what_was_published_last_names_it(self, book: Book) -> None:
        meant = change(E, "100", "110")
        published(book, "p1", meant, at=NOON)
        book.open(dry_run("d1", change(E, "110.00", "1"), at=minutes(5)), None)
        latest = book.history(E)[0]
        assert latest == HistoryEntry(E, Decimal(110), True, minutes(5), "p1", meant, "ada")
        assert book.history(E, limit=1) == (latest,)
        assert book.history(E, minutes(5), 1) == (latest,)

    def test_many_readings_of_what_was_published_name_it(self, book: Book) -> None:
        published(book, "p1", change(E, "100", "110"), at=NOON)
        for number in range(250):
            book.open(dry_run(f"d{number}", change(E, "110", "1"), at=minutes(5 + number)), None)
        assert told(book.history(E, limit=2)) == [("110", "p1")] * 2
        assert told(book.history(E, limit=500)) == [("110", "p1")] * 251 + [("100", None)]

    @pytest.mark.parametrize("between", [rate("111"), rate("110", is_own=False)], ids=["amount", "no longer its own"])
    def test_a_reading_after_something_else_was_read_names_nothing(self, book: Book, between: NightlyRate) -> None:
        published(book, "p1", change(E, "100", "110"), at=NOON)
        other = Change(E, between, Decimal(1))
        book.open(dry_run("d1", other, at=minutes(5)), None)
        book.open(dry_run("d2", change(E, "110", "1"), at=minutes(6)), None)
        amount = f"{between.amount}"
        assert told(book.history(E)) == [("110", None), (amount, None), ("110", "p1"), ("100", None)]
        assert told(book.history(E, limit=1)) == [("110", None)]

    def test_readings_take_their_place_by_time_whenever_they_are_recorded(self, book: Book) -> None:
        published(book, "p1", change(E, "100", "110"), at=NOON)
        book.open(dry_run("d1", change(E, "105", "1"), at=minutes(9), read_at=minutes(0.5)), None)
        book.open(dry_run("d2", change(E, "110", "1"), at=minutes(8)), None)
        book.open(dry_run("d3", change(E, "120", "1"), at=minutes(9), read_at=minutes(3)), None)
        assert told(book.history(E)) == [
            ("110", None), ("120", None), ("110", "p1"), ("105", None), ("100", None),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        "other",
        [
            cell_of("F"),
            cell_of("E", "INN"),
            replace(E, stay_date=NIGHT + timedelta(days=1)),
            replace(E, stay_date=None),
            replace(E, rate_plan="BAR"),
            replace(E, occupancy=2),
            replace(E, product='E","2026-03-01'),
        ],
        ids=["product", "location", "night", "no night", "plan", "occupancy", "odd product"],
    )
    def test_cells_that_differ_in_anything_are_kept_apart(self, book: Book, other: RateCell) -> None:
        published(book, "p1", change(E, "100", "110"), at=NOON)
        published(book, "p2", change(other, "200", "210"), at=minutes(5), location=other.location)
        assert [entry.amount for entry in book.history(other)] == [210, 200]
        assert [entry.cell for entry in book.history(other)] == [other, other]
        assert [entry.amount for entry in book.history(E)] == [110, 100]
        assert book.past(other.location, [other], MIDNIGHT).day_base == {other: Decimal(200)}

    # What was held at a time

    def test_amounts_at_a_time_are_the_last_readings_of_what_was_published_since(self, book: Book) -> None:
        published(book, "p1", change(E, "100", "110"), change(F, "50", "55"), at=NOON)
        book.open(dry_run("d1", Change(E, rate("105", is_own=False), Decimal(1)), at=minutes(5)), None)
        published(book, "p2", change(E, "104", "115"), at=minutes(10))
        assert dict(book.amounts_at("DESK", minutes(7))) == {E: rate("105", is_own=False)}
        assert dict(book.amounts_at("DESK", minutes(10))) == {E: rate("104")}
        assert dict(book.amounts_at("DESK", minutes(11))) == {}
        assert dict(book.amounts_at("DESK", minutes(0.5))) == {E: rate("100"), F: rate("50")}
        assert dict(book.amounts_at("INN", minutes(0.5))) == {}

    def test_amounts_before_the_first_reading_are_what_the_first_publication_since_replaced(self, book: Book) -> None:
        derived = NightlyRate(Decimal("49.90"), is_own=False, is_derived=True)
        book.open(dry_run("d1", change(E, "99", "1"), at=NOON), None)
        published(book, "p1", change(E, "100", "110"), change(G, None, "70"), at=minutes(10))
        published(book, "p2", Change(F, derived, Decimal(55)), at=minutes(20))
        published(book, "p3", change(E, "110", "115"), change(F, "55", "60"), change(G, "70", "75"), at=minutes(30))
        assert dict(book.amounts_at("DESK", minutes(-5))) == {E: rate("100"), F: derived}
        assert dict(book.amounts_at("DESK", minutes(15))) == {E: rate("110"), F: derived, G: rate("70")}

    def test_only_a_publication_counts_as_one(self, book: Book) -> None:
        opened(book, "p1", change(E, "100", "110"))
        book.record("p1", step(PushState.IN_PROGRESS, minutes(1)), FENCE, {E: rate("110")})
        book.record("p1", step(PushState.ROLLBACK_FAILED, minutes(2)), FENCE, {E: rate("110")})
        assert dict(book.amounts_at("DESK", minutes(-5))) == {}
        assert told(book.history(E)) == [("110", None), ("110", None), ("100", None)]

    # Alerts

    def test_an_alert_is_told_once_until_it_is_cleared(self, book: Book) -> None:
        first = an_alert()
        assert book.tell(first)
        assert not book.tell(an_alert(at=minutes(1), message="still no answer"))
        assert book.tell(an_alert(subject="p1", push_id="p1", at=minutes(2)))
        assert book.tell(an_alert(AlertKind.SPIKE, at=minutes(3)))
        assert [alert.at for alert in book.alerts()] == [minutes(3), minutes(2), NOON]
        assert book.alerts()[-1] == first
        book.clear(AlertKind.PMS_DOWN, "DESK", minutes(4))
        again = an_alert(at=minutes(5))
        assert book.tell(again)
        assert not book.tell(an_alert(at=minutes(6)))
        assert not book.tell(an_alert(AlertKind.SPIKE, at=minutes(6)))
        assert [alert.at for alert in book.alerts()] == [minutes(5), minutes(3), minutes(2), NOON]
        assert book.alerts()[0] == again

    def test_alerts_can_be_chosen_by_location_and_limited(self, book: Book) -> None:
        for number, location in enumerate(["DESK", "INN", "DESK"]):
            book.tell(an_alert(subject=f"p{number}", location=location, at=minutes(number)))
        assert [alert.subject for alert in book.alerts()] == ["p2", "p1", "p0"]
        assert [alert.subject for alert in book.alerts("DESK")] == ["p2", "p0"]
        assert [alert.subject for alert in book.alerts(limit=2)] == ["p2", "p1"]
        assert [alert.subject for alert in book.alerts("DESK", 1)] == ["p2"]

    def test_to_clear_what_nobody_told_does_nothing(self, book: Book) -> None:
        book.clear(AlertKind.PMS_DOWN, "DESK", NOON)
        assert book.tell(an_alert(at=minutes(1)))
        assert not book.tell(an_alert(at=minutes(2)))

    def test_what_is_cleared_is_cleared_even_by_a_clock_that_is_slow(self, book: Book) -> None:
        book.tell(an_alert(at=minutes(1)))
        book.clear(AlertKind.PMS_DOWN, "DESK", NOON)
        assert book.tell(an_alert(at=minutes(2)))
        assert not book.tell(an_alert(at=minutes(3)))

    def test_alerts_of_a_push_are_recorded_with_it_and_once(self, book: Book) -> None:
        spike = an_alert(AlertKind.SPIKE, subject="p1", push_id="p1")
        book.tell(an_alert())
        book.open(a_push("p1"), FENCE, [spike, an_alert(at=minutes(1))])
        assert book.alerts() == (spike, an_alert())
        partial = an_alert(AlertKind.PARTIAL_WRITE, subject="p1", push_id="p1", at=minutes(2))
        book.record("p1", step(PushState.IN_PROGRESS), FENCE, alerts=[spike, partial, partial])
        assert book.alerts() == (partial, spike, an_alert())


def dry_run(push_id: str, *changes: Change, at: datetime = NOON, **other: Any) -> Push:
    """Return a push that only reads."""
    return a_push(push_id, *changes, state=PushState.PROPOSED_DRY_RUN, at=at, **other)


def ids(pushes: tuple[Push, ...]) -> list[str]:
    return [push.id for push in pushes]


def open_as(book: Book, push_id: str, state: PushState) -> Callable[[], None]:
    return lambda: book.open(a_push(push_id, state=state), FENCE)


def record_as(book: Book, push_id: str, state: PushState) -> Callable[[], None]:
    return lambda: book.record(push_id, step(state), FENCE)

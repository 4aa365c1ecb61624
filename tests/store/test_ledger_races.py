"""The ledger in the hands of several at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest
from sqlalchemy import select

from pms_lab.domain.push import AlertKind, Decision, PushState
from pms_lab.engine.ledger import Fence
from pms_lab.errors import IllegalTransition, InputError, LockLost, PmsLabError, StoreError
from pms_lab.store.database import Database, open_database
from pms_lab.store.ledger import SqlBook
from pms_lab.store.tables import ALERTS
from tests.contracts.book import FENCE, NOON, E, F, a_push, an_alert, bring, change, minutes, opened, rate, step
from tests.store.databases import in_processes

ROUNDS = 8

Call = Callable[[SqlBook], object]


@pytest.fixture
def books(database_url: str) -> Iterator[list[SqlBook]]:
    """Three books of one ledger, each with connections of its own."""
    databases = [open_database(database_url) for _ in range(3)]
    yield [SqlBook(database) for database in databases]
    for database in databases:
        database.close()


def race(books: list[SqlBook], *calls: Call) -> list[object]:
    """Make calls at the same time, each on a book of its own; what each returned or raised."""
    barrier = Barrier(len(calls))

    def make(book: SqlBook, call: Call) -> object:
        barrier.wait()
        try:
            return call(book)
        except PmsLabError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(make, books, calls))


def recording(push_id: str, state: PushState, fence: Fence) -> Call:
    return partial(SqlBook.record, push_id=push_id, step=step(state), fence=fence)


def kinds(ends: list[object]) -> set[type]:
    return {type(end) for end in ends}


def test_one_of_several_ends_of_a_push_is_recorded(books: list[SqlBook]) -> None:
    ends = (PushState.PUBLISHED, PushState.ROLLED_BACK, PushState.ROLLBACK_FAILED)
    for number in range(ROUNDS):
        push_id = f"p{number}"
        opened(books[0], push_id, change(E, "100", "110"))
        books[0].record(push_id, step(PushState.IN_PROGRESS), FENCE)
        results = race(books, *(recording(push_id, end, FENCE) for end in ends))
        assert kinds(results) == {type(None), IllegalTransition}
        (winner,) = [end for end, result in zip(ends, results, strict=True) if result is None]
        push = books[0].find(push_id)
        assert push is not None
        assert [one.state for one in push.transitions] == [PushState.PREPARED, PushState.IN_PROGRESS, winner]


def test_who_has_the_higher_token_always_writes_and_the_other_never_after_it(books: list[SqlBook]) -> None:
    for number in range(ROUNDS):
        low, high, push_id = Fence("DESK", 2 * number), Fence("DESK", 2 * number + 1), f"p{number}"
        books[0].open(a_push(push_id), low)
        late, settled = race(
            books,
            recording(push_id, PushState.IN_PROGRESS, low),
            recording(push_id, PushState.REJECTED, high),
        )
        assert settled is None
        assert late is None or isinstance(late, LockLost)
        push = books[0].find(push_id)
        assert push is not None
        assert (len(push.transitions), push.state) == (2 if late else 3, PushState.REJECTED)
        with pytest.raises(LockLost):
            books[2].open(a_push("late"), low)


def test_one_of_several_persons_decides(books: list[SqlBook]) -> None:
    for number in range(ROUNDS):
        push_id = f"p{number}"
        books[0].open(a_push(push_id, state=PushState.PENDING_MANUAL_REVIEW), None)
        decisions = [Decision(push_id, by != "bob", by, NOON) for by in ("ada", "bob", "carl")]
        results = race(books, *(partial(SqlBook.decide, decision=one) for one in decisions))
        (winner,) = [one for one, result in zip(decisions, results, strict=True) if result is None]
        assert books[0].decision(push_id) == winner
        refused = [result for result in results if result is not None]
        assert kinds(refused) == {InputError}
        assert all(winner.by in str(error) for error in refused)


def test_one_of_several_alerts_is_told(books: list[SqlBook]) -> None:
    for number in range(ROUNDS):
        alert = an_alert(subject=f"p{number}")
        opening = a_push(f"p{number}", state=PushState.REJECTED)
        telling = partial(SqlBook.tell, alert=alert)
        first, second, _ = race(
            books, telling, telling, partial(SqlBook.open, push=opening, fence=None, alerts=[alert])
        )
        assert {first, second} <= {True, False}
        assert not first or not second
        assert books[0].alerts(limit=3)[0] == alert
        assert len(books[0].alerts()) == number + 1
        assert books[0].find(opening.id) == opening


def test_alerts_are_raised_and_cleared_in_turn(books: list[SqlBook], database: Database) -> None:
    def tell_often(book: SqlBook) -> int:
        return sum(book.tell(an_alert(at=minutes(number))) for number in range(25))

    def clear_often(book: SqlBook) -> None:
        for number in range(25):
            book.clear(AlertKind.PMS_DOWN, "DESK", minutes(number))

    first, second, _ = race(books, tell_often, tell_often, clear_often)
    with database.reading() as connection:
        raised = connection.scalars(select(ALERTS.c.is_raised).order_by(ALERTS.c.sequence)).all()
    assert raised == [number % 2 == 0 for number in range(len(raised))]
    assert isinstance(first, int)
    assert isinstance(second, int)
    assert first + second == raised.count(True) == len(books[0].alerts()) > 0


def test_an_id_is_used_once_even_at_the_same_time(books: list[SqlBook]) -> None:
    for number in range(ROUNDS):
        pushes = [a_push(f"p{number}", change(cell, "100", "110"), state=PushState.REJECTED) for cell in (E, F)]
        results = race(books, *(partial(SqlBook.open, push=push, fence=None) for push in pushes))
        (winner,) = [push for push, result in zip(pushes, results, strict=True) if result is None]
        assert kinds(results) == {type(None), StoreError}
        assert books[0].find(winner.id) == winner


def test_locations_do_not_keep_each_other_waiting_for_ever(books: list[SqlBook]) -> None:
    def push_often(location: str) -> Call:
        def push(book: SqlBook) -> None:
            for number in range(10):
                push_id, fence = f"{location} {number}", Fence(location, 1)
                opened(book, push_id, change(E, "100", "110"), location=location)
                book.record(push_id, step(PushState.IN_PROGRESS), fence, {E: rate("110")}, [an_alert(subject=push_id)])
                book.record(push_id, step(PushState.PUBLISHED), fence, {E: rate("110")})

        return push

    assert race(books, *map(push_often, ("DESK", "INN", "PIER"))) == [None] * 3
    assert {push.state for push in books[0].pushes()} == {PushState.PUBLISHED}
    assert len(books[0].pushes()) == 30


RACER = """
import sys
from pms_lab.domain.push import Decision, PushState
from pms_lab.errors import PmsLabError
from pms_lab.store.database import open_database
from pms_lab.store.ledger import SqlBook
from tests.contracts.book import FENCE, NOON, an_alert, step

database = open_database(sys.argv[1])
book, won = SqlBook(database), [0, 0, 0]
print("ready", flush=True)
sys.stdin.readline()
for number in range(15):
    won[0] += book.tell(an_alert(subject=f"s{number}"))
    for which, call in ((1, lambda: book.record(f"p{number}", step(PushState.REJECTED), FENCE)),
                        (2, lambda: book.decide(Decision(f"r{number}", True, "ada", NOON)))):
        try:
            call()
            won[which] += 1
        except PmsLabError:
            pass
database.close()
print(*won)
"""


def test_in_several_processes_each_thing_happens_once(database: Database, database_url: str) -> None:
    book = SqlBook(database)
    for number in range(15):
        bring(book, f"p{number}", PushState.PREPARED)
        bring(book, f"r{number}", PushState.PENDING_MANUAL_REVIEW)
    won = [[int(word) for word in printed.split()] for printed in in_processes(2, RACER, database_url)]
    assert [sum(each) for each in zip(*won, strict=True)] == [15, 15, 15]

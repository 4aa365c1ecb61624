from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, text

from pms_lab.domain.push import Change, PushState
from pms_lab.domain.rates import RateCell
from pms_lab.engine.ledger import Book, Fence
from pms_lab.errors import StoreError
from pms_lab.store.database import Database, open_database
from pms_lab.store.ledger import SqlBook
from pms_lab.store.records import cell_of, key_of
from pms_lab.store.tables import PUBLICATIONS
from tests.contracts.book import (
    ALL_FIELDS,
    FENCE,
    MIDNIGHT,
    NOON,
    BookContract,
    E,
    F,
    a_push,
    an_alert,
    change,
    everything,
    minutes,
    opened,
    published,
    rate,
    step,
    told,
)
from tests.contracts.book import cell_of as cell_named


class TestSqlBook(BookContract):
    @pytest.fixture
    def book(self, database: Database) -> Book:
        return SqlBook(database)


@pytest.mark.parametrize("cell", [E, *(change.cell for change in ALL_FIELDS.changes)])
def test_a_cell_is_read_as_it_was_written(cell: RateCell) -> None:
    assert cell_of(key_of(cell)) == cell


def test_the_rate_history_holds_what_was_published_replaced_and_read_back(database: Database) -> None:
    book = SqlBook(database)
    opened(book, "p1", change(E, "100", "110"), change(F, None, "55"))
    book.record("p1", step(PushState.IN_PROGRESS), FENCE)
    book.record("p1", step(PushState.PUBLISHED, minutes(1)), FENCE, {E: rate("110.004")})
    columns = (PUBLICATIONS.c.cell, PUBLICATIONS.c.amount, PUBLICATIONS.c.previous, PUBLICATIONS.c.read_back)
    with database.reading() as connection:
        rows = connection.execute(select(*columns).order_by(PUBLICATIONS.c.position)).all()
    assert [tuple(row) for row in rows] == [
        (key_of(E), Decimal(110), Decimal(100), Decimal("110.004")),
        (key_of(F), Decimal(55), None, None),
    ]


def test_a_publication_that_was_not_read_back_is_in_the_history_too(database: Database) -> None:
    book = SqlBook(database)
    opened(book, "p1", change(E, "100", "110"))
    book.record("p1", step(PushState.IN_PROGRESS), FENCE)
    book.record("p1", step(PushState.PUBLISHED, minutes(1)), FENCE)
    book.open(a_push("d1", change(E, "110", "1"), state=PushState.REJECTED, at=minutes(2)), None)
    assert told(book.history(E)) == [("110", "p1"), ("110", "p1"), ("100", None)]
    assert told(book.history(E, minutes(1) - timedelta(microseconds=1))) == [("100", None)]
    assert dict(book.amounts_at("DESK", MIDNIGHT)) == {E: rate("100")}


def test_what_is_read_twice_at_one_instant_is_read_back_as_the_last(database: Database) -> None:
    book = SqlBook(database)
    opened(book, "p1", change(E, "100", "110"))
    book.record("p1", step(PushState.IN_PROGRESS), FENCE, {E: rate("100")})
    book.record("p1", step(PushState.PUBLISHED), FENCE, {E: rate("110")})
    with database.reading() as connection:
        assert connection.scalars(select(PUBLICATIONS.c.read_back)).all() == [Decimal(110)]


# How many statements, and how they are answered


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """Yield a list of what is sent to databases in the block."""
    sent: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: object, ___: object, ____: object) -> None:
        sent.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def cells(number: int) -> list[Change]:
    return [change(cell_named(f"class {one}"), "100", "110") for one in range(number)]


def test_a_call_sends_as_many_statements_for_many_cells_as_for_two(database: Database) -> None:
    counts = []
    for number, push_id in ((2, "p1"), (50, "p2")):
        with statements() as sent:
            SqlBook(database).past("DESK", [one.cell for one in cells(number)], MIDNIGHT)
            published(SqlBook(database), push_id, *cells(number), at=NOON)
            SqlBook(database).find(push_id)
        counts.append(len(sent))
    assert counts[0] == counts[1] < 30


def test_many_pushes_are_read_with_as_many_statements_as_one(database: Database) -> None:
    book = SqlBook(database)
    counts = []
    for number in range(5):
        published(book, f"p{number}", *cells(3), at=minutes(number))
        with statements() as sent:
            assert len(book.pushes()) == number + 1
        counts.append(len(sent))
    assert set(counts) == {counts[0]}


def test_no_question_of_a_push_reads_a_whole_table(sqlite_database: Database) -> None:
    book = SqlBook(sqlite_database)
    published(book, "p1", *cells(2), at=NOON)
    with statements() as sent:
        book.past("DESK", [one.cell for one in cells(2)], MIDNIGHT)
        published(book, "p2", *cells(2), at=minutes(5))
        for question in (
            lambda: book.find("p1"), lambda: book.pushes("DESK", [PushState.IN_PROGRESS]), book.reviews,
            lambda: book.pushes(states=[PushState.PREPARED]), lambda: book.history(E), lambda: book.decision("p1"),
            lambda: book.amounts_at("DESK", NOON), lambda: book.alerts("DESK", 5),
        ):  # fmt: skip
            question()
    large = ("pushes", "push_cells", "transitions", "readings", "publications", "alerts", "inventory_reads")
    with sqlite_database.reading() as connection:
        for statement, parameters in sent:
            if "SELECT" in statement:
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                scanned = [row.detail for row in plan if row.detail.startswith("SCAN ")]
                assert [scan for scan in scanned if scan.removeprefix("SCAN ").startswith(large)] == [], statement


# When the database fails


def test_a_damaged_file_is_told_and_never_read_as_something_else(sqlite_database_url: str) -> None:
    path = Path(sqlite_database_url.removeprefix("sqlite:///"))
    with closing(open_database(sqlite_database_url)) as database:
        for number in range(20):
            published(SqlBook(database), f"p{number}", *cells(20), at=minutes(number))
        true = answers(SqlBook(database))
    whole = path.read_bytes()
    told_of = 0
    for start in range(4096, len(whole), 4096 * 5):
        path.write_bytes(whole[:start] + bytes(range(256)) * 16 + whole[start + 4096 :])
        try:
            with closing(open_database(sqlite_database_url)) as database:
                for answer, before in zip(answers(SqlBook(database)), true, strict=True):
                    assert answer == before or isinstance(answer, StoreError)
                    told_of += isinstance(answer, StoreError)
        except StoreError:
            told_of += 1
    assert told_of > 10


def answers(book: Book) -> list[object]:
    """Return what a book tells, or the errors in place of it."""
    questions: list[Callable[[], object]] = [
        lambda: book.past("DESK", [one.cell for one in cells(20)], MIDNIGHT),
        lambda: book.pushes("DESK"),
        lambda: book.history(cells(1)[0].cell),
        lambda: book.amounts_at("DESK", NOON),
        lambda: book.alerts(),
    ]
    return [_answer(question) for question in questions]


def _answer(question: Callable[[], object]) -> object:
    try:
        return question()
    except StoreError as error:
        return error


def test_a_value_that_makes_no_sense_is_told(sqlite_database: Database) -> None:
    book = SqlBook(sqlite_database)
    opened(book, "p1", *cells(1))
    with sqlite_database.writing() as connection:
        connection.execute(text("DROP TRIGGER push_cells_no_update"))
        connection.execute(text("UPDATE push_cells SET new_amount = '12,5'"))
    with pytest.raises(StoreError, match="is damaged"):
        book.find("p1")


class Broken(Exception):
    """What a test raises in the midst of a call."""


@contextmanager
def broken_at(statement: int) -> Iterator[None]:
    """Have a statement of those in the block fail."""
    left = statement

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Broken

    event.listen(Engine, "before_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", count)


def test_a_call_that_fails_at_any_statement_leaves_nothing(database: Database) -> None:
    book = SqlBook(database)
    opened(book, "p1", change(E, "100", "110"))
    book.record("p1", step(PushState.IN_PROGRESS), FENCE)
    calls: list[Callable[[], None]] = [
        lambda: book.open(a_push("p2", change(E, "110", "120")), Fence("DESK", 2), [an_alert()], NOON),
        lambda: book.record("p1", step(PushState.PUBLISHED), Fence("DESK", 3), {E: rate("110")}, [an_alert(at=NOON)]),
    ]
    for call in calls:
        before, statement, is_done = everything(book), 0, False
        while not is_done:
            assert everything(book) == before
            with broken_at(statement), suppress(Broken):
                call()
                is_done = True
            statement += 1
        assert everything(book) != before
        assert statement > 6

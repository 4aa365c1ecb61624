from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise
from pathlib import Path
from time import sleep
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from pms_lab.domain.dead_letters import DeadLetter
from pms_lab.domain.money import Money
from pms_lab.domain.payload import to_record
from pms_lab.domain.pms import PmsId
from pms_lab.domain.writes import AddNote, PostCharge, SetSpecialRequests
from pms_lab.engine.dead_letters import DeadLetters, Failure
from pms_lab.engine.memory_letters import MemoryDeadLetters
from pms_lab.errors import InputError, PmsLabError, StoreError
from pms_lab.store.database import Database, open_database
from pms_lab.store.erasable_tables import DEAD_LETTERS
from pms_lab.store.runner import at_once
from pms_lab.store.sealing import Place, Seal, new_key
from pms_lab.store.sql_letters import SqlDeadLetters
from tests.conftest import ROOT
from tests.contracts.dead_letters import START, Clock, DeadLettersContract, changes, key_of, note, run
from tests.store.databases import new_schema
from tests.store.raw import raw

KEY = new_key()
SEAL = Seal([KEY])
SIGNED = Failure("the PMS says: Ada Lovelace is not in house", "rejected by the PMS")

WORKER = """
import asyncio, sys, time
from contextlib import closing
from datetime import UTC, datetime
from pms_lab.domain.pms import PmsId
from pms_lab.domain.writes import AddNote
from pms_lab.store.database import open_database
from pms_lab.store.runner import at_once
from pms_lab.store.sealing import Seal
from pms_lab.store.sql_letters import SqlDeadLetters

def now():
    return datetime.now(UTC)

def never():
    print("inside", flush=True)
    time.sleep(60)

async def add(letters, worker):
    for number in range(30):
        key = f"shared{number}" if number % 2 else f"{worker}'s {number}"
        print((await letters.add(AddNote(key, PmsId("opera", str(number % 4)), "text"), "down", "x")).sequence)

async def send(letters, worker):
    while letter := await letters.claim(worker, 60):
        print(letter.write.key, flush=True)
        await letters.resolve(letter.id, worker)

async def hang(letters, worker):
    print((await letters.claim(worker, 2.0)).write.key, flush=True)
    time.sleep(60)

async def main(task, url, key, worker, clock):
    with closing(open_database(url)) as database:
        letters = SqlDeadLetters(database, "INN", Seal([key]), at_once, globals()[clock])
        print("ready", flush=True)
        sys.stdin.readline()
        await globals()[task](letters, worker)

asyncio.run(main(*sys.argv[1:]))
"""


class TestSqlDeadLetters(DeadLettersContract):
    @pytest.fixture
    def letters(self, shared: Database, clock: Clock) -> DeadLetters:
        return letters_in(shared, clock)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database that the tests use in turn, each with a location of its own: to make its tables takes longer."""
    if request.param == "sqlite":
        with closing(open_database(f"sqlite:///{tmp_path_factory.mktemp('letters')}/letters.db")) as database:
            yield database
    else:
        with new_schema() as url, closing(open_database(url)) as database:
            yield database


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def letters(shared: Database, clock: Clock) -> SqlDeadLetters:
    return letters_in(shared, clock)


def letters_in(
    database: Database, clock: Clock | None = None, seal: Seal = SEAL, location: str | None = None
) -> SqlDeadLetters:
    now = clock.now if clock else lambda: datetime.now(UTC)
    return SqlDeadLetters(database, location or f"INN{uuid4().hex}", seal, at_once, now)


@contextmanager
def worker(task: str, url: str, name: str, clock: str = "now") -> Iterator[subprocess.Popen[str]]:
    """A process that begins its task when it is told to `go`."""
    command = [sys.executable, "-c", WORKER, task, url, KEY, name, clock]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def go(*processes: subprocess.Popen[str]) -> None:
    """Let processes begin at once."""
    for process in processes:
        assert line_of(process) == "ready"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def said(task: str, url: str) -> list[list[str]]:
    """Let two processes do the same at once, and return the lines of each."""
    with worker(task, url, "first") as first, worker(task, url, "second") as second:
        go(first, second)
        lines = [process.communicate(timeout=60)[0].splitlines() for process in (first, second)]
        assert (first.returncode, second.returncode) == (0, 0)
        return lines


def alter(database: Database, letter_id: str, **columns: Any) -> None:
    with database.writing() as connection:
        connection.execute(update(DEAD_LETTERS).where(DEAD_LETTERS.c.id == letter_id).values(columns))


def damage(database: Database, letter_id: str, column: str) -> None:
    alter(database, letter_id, **{column: DEAD_LETTERS.c[column] + "AAAA"})


class TestSeveralProcesses:
    def test_no_letter_is_claimed_twice_none_is_lost_and_those_of_an_entity_come_in_order(
        self, database: Database, database_url: str
    ) -> None:
        letters, keys = letters_in(database, location="INN"), [f"note {number}" for number in range(60)]
        for number, key in enumerate(keys):
            run(letters.add(note(key, str(number % 7)), "down", "x"))
        assert sorted(chain(*said("send", database_url))) == sorted(keys)
        with database.reading() as connection:
            rows = connection.execute(select(DEAD_LETTERS).order_by(DEAD_LETTERS.c.sequence)).all()
        for entity in {row.entity for row in rows}:
            mine = [row for row in rows if row.entity == entity]
            assert all(one.resolved_at <= after.last_attempt_at for one, after in pairwise(mine))
            assert [row.attempts for row in mine] == [1] * len(mine)

    def test_letters_added_at_once_are_counted_without_a_gap_and_a_key_has_one(
        self, database: Database, database_url: str
    ) -> None:
        first, second = said("add", database_url)
        found = run(letters_in(database, location="INN").open_letters())
        assert [letter.sequence for letter in found] == list(range(1, 46))
        assert len({letter.write.key for letter in found}) == 45
        assert sorted({*map(int, first), *map(int, second)}) == list(range(1, 46))

    def test_the_letter_of_a_worker_that_was_killed_comes_back_in_doubt_after_its_lease(
        self, database: Database, database_url: str
    ) -> None:
        letters = letters_in(database, location="INN")
        run(letters.add(note("a"), "down", "x"))
        with worker("hang", database_url, "first") as process:
            go(process)
            assert line_of(process) == "a"
            os.kill(process.pid, signal.SIGKILL)
        (claimed,) = run(letters.open_letters())
        assert claimed.claimed_until is not None
        assert run(letters.claim("second", 60)) is None
        sleep(max(0.0, (claimed.claimed_until - datetime.now(UTC)).total_seconds()))
        again = run(letters.claim("second", 60))
        assert again
        assert (again.claimed_by, again.attempts, again.in_doubt_since) == ("second", 2, claimed.claimed_until)

    def test_a_worker_that_was_killed_while_it_claimed_has_claimed_nothing_and_holds_nobody_up(
        self, database: Database, database_url: str
    ) -> None:
        letters = letters_in(database, location="INN")
        added = run(letters.add(note("a"), "down", "x"))
        with worker("send", database_url, "first", "never") as process:
            go(process)
            assert line_of(process) == "inside"
            os.kill(process.pid, signal.SIGKILL)
        assert run(letters.open_letters()) == (added,)
        again = run(letters.claim("second", 60))
        assert again
        assert (again.attempts, again.in_doubt_since) == (1, None)


class TestSecrecy:
    def test_the_database_shows_nothing_that_guests_or_staff_wrote(
        self, database: Database, database_url: str, clock: Clock
    ) -> None:
        letters = letters_in(database, clock)
        for key, number in (("Ada Lovelace/note", "1"), ("Ada Lovelace/2", "2"), ("Ada Lovelace/3", "3")):
            run(letters.add(AddNote(key, PmsId("opera", number), "Ada Lovelace eats no nuts"), "Ada Lovelace", "x"))
        run(letters.add(PostCharge("c", PmsId("opera", "4"), "Ada Lovelace", Money.of("1", "EUR")), "down", "x"))
        resolved, abandoned, failed = (run(letters.claim("worker", 60)) for _ in range(3))
        assert resolved
        assert abandoned
        assert failed
        run(letters.resolve(resolved.id, "staff7", "Ada Lovelace was told"))
        run(letters.fail(failed.id, "worker", SIGNED))
        clock.move(60)
        run(letters.abandon(abandoned.id, "Ada Lovelace has left", "staff7"))
        assert b"staff7" in raw(database_url)
        assert b"Lovelace" not in raw(database_url)

    @pytest.mark.parametrize("column", ["sealed_write", "sealed_error", "sealed_notes"])
    def test_a_damaged_letter_is_named_and_not_shown(
        self, shared: Database, letters: SqlDeadLetters, column: str
    ) -> None:
        letter = run(letters.add(AddNote("a", PmsId("opera", "1"), "Ada Lovelace eats no nuts"), "Ada Lovelace", "x"))
        damage(shared, letter.id, column)
        calls: tuple[Callable[[], Coroutine[Any, Any, Any]], ...] = (
            letters.open_letters,
            lambda: letters.find("a"),
            lambda: letters.claim("worker", 60),
        )
        for call in calls:
            with pytest.raises(StoreError, match=f"dead letter {letter.id} cannot be read.*abandoned") as caught:
                run(call())
            assert "Lovelace" not in str(caught.value)

    def test_a_damaged_letter_holds_up_its_own_entity_only_until_it_is_abandoned(
        self, shared: Database, letters: SqlDeadLetters
    ) -> None:
        first, *_ = (run(letters.add(note(key, key[0]), "down", "x")) for key in ("1", "1 too", "2", "3"))
        damage(shared, first.id, "sealed_write")
        assert [key_of(run(letters.claim("worker", 60))) for _ in range(2)] == ["2", "3"]
        with pytest.raises(StoreError, match=first.id):
            run(letters.claim("worker", 60))
        run(letters.abandon(first.id, "damaged", "ada"))
        assert key_of(run(letters.claim("worker", 60))) == "1 too"

    def test_the_write_of_one_letter_cannot_be_put_into_another(
        self, shared: Database, letters: SqlDeadLetters
    ) -> None:
        first, second = (run(letters.add(note(key), "down", "x")) for key in "ab")
        other = run(letters_in(shared).add(note("c"), "down", "x"))
        for source in (second, other):
            moved = select(DEAD_LETTERS.c.sealed_write).where(DEAD_LETTERS.c.id == source.id)
            alter(shared, first.id, sealed_write=moved.scalar_subquery())
            with pytest.raises(StoreError, match=first.id):
                run(letters.find("a"))

    def test_a_write_that_does_not_wait_is_no_letter(self, shared: Database) -> None:
        letters = letters_in(shared, location="DESK")
        letter = run(letters.add(note("a"), "down", "x"))
        record = json.dumps(to_record(SetSpecialRequests("a", PmsId("opera", "1"), "Ada Lovelace eats no nuts")))
        alter(shared, letter.id, sealed_write=SEAL.seal(record, Place("dead_letters", f"DESK/{letter.id}", "write")))
        with pytest.raises(StoreError, match="does not wait: abandon it"):
            run(letters.find("a"))

    def test_letters_are_found_when_the_key_has_changed(self, shared: Database) -> None:
        newer = new_key()
        before, after = Seal([KEY, newer]), Seal([newer, KEY])
        old = letters_in(shared, seal=before, location=f"INN{uuid4().hex}")
        first = run(old.add(note("a"), "down", "x"))
        new = letters_in(shared, seal=after, location=old._location)
        assert run(new.add(note("a"), "down", "x")) == first
        second = run(new.add(note("b"), "down", "x"))
        assert run(old.add(note("b"), "down", "x")) == second
        assert run(letters_in(shared, seal=Seal([newer]), location=old._location).find("b")) == second


class TestErasing:
    def test_settled_letters_are_erased_when_they_are_old_and_open_ones_never(
        self, letters: SqlDeadLetters, clock: Clock
    ) -> None:
        old, abandoned, waiting, fresh = (run(letters.add(note(key, key), "down", "x")) for key in "abcd")
        run(letters.resolve(old.id, "worker"))
        run(letters.abandon(abandoned.id, "guest left", "ada"))
        clock.move(1)
        run(letters.resolve(fresh.id, "worker"))
        assert run(letters.erase_settled(START)) == 0
        assert run(letters.erase_settled(START + timedelta(seconds=1))) == 2
        assert run(letters.find("a")) is None
        assert run(letters.find("d")) is not None
        assert run(letters.open_letters()) == (waiting,)

    def test_a_number_is_not_given_again(self, letters: SqlDeadLetters) -> None:
        first = run(letters.add(note("a"), "down", "x"))
        run(letters.resolve(first.id, "worker"))
        assert run(letters.erase_settled(datetime.max.replace(tzinfo=UTC))) == 1
        assert run(letters.add(note("a"), "down", "x")).sequence == 2

    def test_a_closed_file_of_sqlite_holds_no_trace_of_them(self, tmp_path: Path, sqlite_url: str) -> None:
        with closing(open_database(sqlite_url)) as database:
            letters = letters_in(database)
            letter = run(letters.add(note("a"), "down", "x"))
            with database.writing() as connection:
                connection.exec_driver_sql("PRAGMA secure_delete = OFF")  # it is on by itself in some builds of SQLite
                sealed = connection.scalar(select(DEAD_LETTERS.c.sealed_write))
            run(letters.resolve(letter.id, "worker"))
            run(letters.erase_settled(datetime.max.replace(tzinfo=UTC)))
        (file,) = tmp_path.iterdir()
        assert sealed
        assert sealed[9:50].encode() not in file.read_bytes()


class TestLocations:
    def test_letters_of_another_location_are_not_seen(self, shared: Database) -> None:
        here, there = letters_in(shared), letters_in(shared)
        letter = run(here.add(note("a"), "down", "x"))
        assert run(there.claim("worker", 60)) is None
        assert run(there.find("a")) is None
        assert run(there.open_letters()) == ()
        for change in changes(there, letter.id).values():
            with pytest.raises(InputError, match=letter.id):
                run(change())
        run(here.resolve(letter.id, "worker"))
        assert run(there.erase_settled(datetime.max.replace(tzinfo=UTC))) == 0

    def test_each_location_counts_its_own(self, shared: Database) -> None:
        here, there = letters_in(shared), letters_in(shared)
        assert [run(where.add(note("a"), "down", "x")).sequence for where in (here, there)] == [1, 1]


def test_a_late_success_is_believed_even_when_its_key_has_another_letter(letters: SqlDeadLetters) -> None:
    first = run(letters.add(note("a"), "down", "x"))
    run(letters.abandon(first.id, "guest left", "ada"))
    run(letters.add(note("a"), "down", "x"))
    run(letters.resolve(first.id, "ada", "it is there after all"))
    found = run(letters.find("a"))
    assert found
    assert found.id == first.id


def test_times_come_back_to_the_microsecond_and_texts_with_half_characters_too(
    letters: SqlDeadLetters, clock: Clock
) -> None:
    clock.move(1e-6)
    letter = run(letters.add(AddNote("\ud800", PmsId("opera", "\0"), "\udfff\0"), "\ud800\0", "x"))
    assert run(letters.find("\ud800")) == letter
    assert run(letters.open_letters()) == (letter,)


KEYS = st.sampled_from("abcd")
LETTER = st.integers(0, 5)
STEPS = st.one_of(
    st.tuples(st.just("add"), KEYS, st.sampled_from("12"), st.booleans()),
    st.tuples(st.just("claim"), st.sampled_from(["first", "second"])),
    st.tuples(st.just("fail"), LETTER, st.sampled_from([None, 0.0, 30.0]), st.booleans()),
    st.tuples(st.sampled_from(["resolve", "abandon", "retry"]), LETTER),
    st.tuples(st.just("wait"), st.sampled_from([1.0, 30.0, 60.0])),
)


@settings(deadline=None, max_examples=25)
@given(st.lists(STEPS, max_size=20))
def test_any_story_goes_as_in_memory(shared: Database, steps: list[tuple[Any, ...]]) -> None:
    clock, ids = Clock(), iter(range(1000))
    memory, sql = MemoryDeadLetters(clock.now, lambda: f"{next(ids)}"), letters_in(shared, clock)
    for step in steps:
        if step[0] == "wait":
            clock.move(step[1])
            continue
        assert run(told(sql, step, clock)) == run(told(memory, step, clock))


async def told(letters: DeadLetters, step: tuple[Any, ...], clock: Clock) -> list[DeadLetter | str | None]:
    """Do one step, and return what came of it and all open letters; ids left out."""
    try:
        found = [await played(letters, step, clock)]
    except PmsLabError as error:
        found = [type(error).__name__]
    found += [*await letters.open_letters(), *[await letters.find(key) for key in "abcd"]]
    return [replace(one, id="") if isinstance(one, DeadLetter) else one for one in found]


async def played(letters: DeadLetters, step: tuple[Any, ...], clock: Clock) -> DeadLetter | str | None:
    waiting = await letters.open_letters()
    match step:
        case "add", key, reservation, is_in_doubt:
            return await letters.add(note(key, reservation), "down", "x", is_in_doubt=is_in_doubt)
        case "claim", name:
            return await letters.claim(name, 45)
        case what, at, *how:
            letter = waiting[at] if at < len(waiting) else None
            letter_id = letter.id if letter else "nowhere"
            if what == "fail":
                doubt = clock.now() if how[1] else None
                await letters.fail(letter_id, "first", Failure("again", "y", how[0], doubt))
            elif what == "resolve":
                await letters.resolve(letter_id, "ada", "by hand")
            elif what == "abandon":
                await letters.abandon(letter_id, "left", "ada")
            else:
                await letters.retry(letter_id)
    return None

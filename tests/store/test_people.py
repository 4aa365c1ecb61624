from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, update

from pms_lab.errors import InputError, StoreError
from pms_lab.store.database import Database, open_database
from pms_lab.store.erasable_tables import PEOPLE
from pms_lab.store.people import ERASED, People, SqlPeople, cleaned
from pms_lab.store.runner import Threaded
from pms_lab.store.sealing import Seal, new_key
from tests.conftest import ROOT
from tests.store.databases import new_schema
from tests.store.raw import raw

KEY, NEWER = new_key(), new_key()
ADA = "Ada Lovelace"

ASK = """
import sys
from contextlib import closing
from pms_lab.store.database import open_database
from pms_lab.store.people import SqlPeople
from pms_lab.store.sealing import Seal

url, *keys = sys.argv[1:]
with closing(open_database(url)) as database:
    people = SqlPeople(database, Seal(keys))
    print("ready", flush=True)
    sys.stdin.readline()
    print(*[people.id_of(f"Person {number}") for number in range(40)])
"""


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database that the tests use in turn: to make its tables takes longer."""
    if request.param == "sqlite":
        with closing(open_database(f"sqlite:///{tmp_path_factory.mktemp('people')}/people.db")) as database:
            yield database
    else:
        with new_schema() as url, closing(open_database(url)) as database:
            yield database


@pytest.fixture
def people(shared: Database) -> SqlPeople:
    """Nobody yet."""
    with shared.writing() as connection:
        connection.execute(delete(PEOPLE))
    return SqlPeople(shared, Seal([KEY]))


def test_a_name_has_one_id_and_an_id_its_name(people: SqlPeople) -> None:
    ada, bob = people.id_of(ADA), people.id_of("Bob")
    assert ada != bob
    assert (people.id_of(ADA), people.id_of("Bob")) == (ada, bob)
    assert (people.name_of(ada), people.name_of(bob)) == (ADA, "Bob")
    assert people.names([bob, ada, "p_nobody", ada]) == {ada: ADA, bob: "Bob"}
    assert people.name_of("p_nobody") is None


def test_an_id_is_made_of_what_is_given(shared: Database, people: SqlPeople) -> None:
    assert SqlPeople(shared, Seal([KEY]), lambda: "0123456789abcdef" * 2).id_of(ADA) == "p_0123456789ab"
    by_chance = people.id_of("Bob")
    assert by_chance.startswith("p_")
    assert len(by_chance) == 14


@pytest.mark.parametrize(
    ("name", "same"),
    [
        (ADA, f"  {ADA}\t\n"),
        (ADA, "ADA LOVELACE"),
        ("Žofie Å", normalize("NFD", "Žofie Å")),
        ("Straße", "STRASSE"),
        ("ΐ", "Ϊ́"),
        ("ﬁ", "FI"),
    ],
)
def test_names_that_differ_in_spaces_capitals_or_composition_are_the_same(
    people: SqlPeople, name: str, same: str
) -> None:
    assert people.id_of(name) == people.id_of(same)
    assert people.name_of(people.id_of(same)) == normalize("NFC", name)


@pytest.mark.parametrize("other", ["Ada  Lovelace", "Ada Lovelac", "Adá Lovelace", "Аda Lovelace"])
def test_other_names_are_other_people(people: SqlPeople, other: str) -> None:
    assert people.id_of(ADA) != people.id_of(other)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "is empty"),
        (" \t\n", "is empty"),
        ("\u2003", "is empty"),
        ("x" * 201, "has 201 characters"),
        ("ﷺ\u0301" * 150, "has 300 characters"),
        ("Ada\nLovelace", r"U\+000A"),
        ("Ada\0", r"U\+0000"),
        ("Ada\x7f!", r"U\+007F"),
        ("Ada \ud800", r"U\+D800"),
        ("Ada \u202e!", r"U\+202E"),
        ("Ada \u2028!", r"U\+2028"),
        ("\ufeffAda", r"U\+FEFF"),
    ],
)
def test_what_is_no_name_is_refused_and_not_shown(people: SqlPeople, name: str, why: str) -> None:
    with pytest.raises(InputError, match=why) as caught:
        people.id_of(name)
    assert "Ada" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["x", "x" * 200, "é" * 200, "e\u0301" * 200, "نام\u200cها", "🧑\u200d🍳", "O'Neil-Ünal"]
)
def test_every_other_name_is_fine(people: SqlPeople, name: str) -> None:
    assert people.name_of(people.id_of(name)) == normalize("NFC", name)


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40))
def test_a_name_that_was_cleaned_is_clean(name: str) -> None:
    assert cleaned(cleaned(name)) == cleaned(name)


class TestErasing:
    def test_the_id_stays_and_the_name_is_somebody_new_if_it_comes_again(self, people: SqlPeople) -> None:
        ada, bob = people.id_of(ADA), people.id_of("Bob")
        people.erase(ada)
        people.erase(ada)
        assert people.names([ada, bob]) == {ada: ERASED, bob: "Bob"}
        again = people.id_of(ADA)
        assert again != ada
        assert people.names([ada, again]) == {ada: ERASED, again: ADA}

    def test_any_number_may_be_erased(self, people: SqlPeople) -> None:
        ids = [people.id_of(f"Person {number}") for number in range(3)]
        for one in ids:
            people.erase(one)
        assert set(people.names(ids).values()) == {ERASED}

    def test_somebody_unknown_cannot_be_erased(self, people: SqlPeople) -> None:
        with pytest.raises(InputError, match="p_nobody"):
            people.erase("p_nobody")

    def test_nothing_is_left_in_the_row(self, shared: Database, people: SqlPeople) -> None:
        ada = people.id_of(ADA)
        people.erase(ada)
        with shared.reading() as connection:
            assert connection.execute(select(PEOPLE)).all() == [(ada, None, None)]

    def test_a_closed_file_of_sqlite_holds_no_trace_of_it(self, tmp_path: Path, sqlite_url: str) -> None:
        with closing(open_database(sqlite_url)) as database:
            people = SqlPeople(database, Seal([KEY]))
            ada = people.id_of(ADA)
            with database.writing() as connection:
                connection.exec_driver_sql("PRAGMA secure_delete = OFF")  # it is on by itself in some builds of SQLite
                (row,) = connection.execute(select(PEOPLE))
            people.erase(ada)
        (file,) = tmp_path.iterdir()
        for trace in (row.sealed_name[9:40], row.name_index[:30]):
            assert trace.encode() not in file.read_bytes()


class TestSecrecy:
    @pytest.mark.parametrize("name", [ADA, "Žofie Ålund", "Łukasz"])
    def test_the_database_shows_no_name(self, database: Database, database_url: str, name: str) -> None:
        ada = SqlPeople(database, Seal([KEY])).id_of(name)
        found = raw(database_url)
        assert ada.encode() in found
        for form in (name, name.casefold(), normalize("NFD", name)):
            for encoding in ("utf-8", "utf-16-le"):
                assert form.encode(encoding) not in found

    def test_a_damaged_name_is_named_by_its_id_and_not_shown(self, shared: Database, people: SqlPeople) -> None:
        ada, bob = people.id_of(ADA), people.id_of("Bob")
        with shared.writing() as connection:
            connection.execute(update(PEOPLE).where(PEOPLE.c.id == ada).values(sealed_name=PEOPLE.c.sealed_name + "A"))
        with pytest.raises(StoreError, match=f"name of {ada} in people is damaged.*erase it") as caught:
            people.names([ada, bob])
        assert "Ada" not in str(caught.value)
        assert people.name_of(bob) == "Bob"
        people.erase(ada)
        assert people.name_of(ada) == ERASED

    def test_a_name_cannot_be_given_to_another(self, shared: Database, people: SqlPeople) -> None:
        ada, bob = people.id_of(ADA), people.id_of("Bob")
        of_ada = select(PEOPLE.c.sealed_name).where(PEOPLE.c.id == ada).scalar_subquery()
        with shared.writing() as connection:
            connection.execute(update(PEOPLE).where(PEOPLE.c.id == bob).values(sealed_name=of_ada))
        with pytest.raises(StoreError, match=f"name of {bob}"):
            people.name_of(bob)

    def test_without_its_key_a_name_is_not_read(self, shared: Database, people: SqlPeople) -> None:
        ada = people.id_of(ADA)
        with pytest.raises(StoreError, match=f"name of {ada} in people was sealed with key"):
            SqlPeople(shared, Seal([NEWER])).name_of(ada)


class TestChangingTheKey:
    def test_people_are_found_before_during_and_after(self, shared: Database, people: SqlPeople) -> None:
        ada = people.id_of(ADA)
        during = SqlPeople(shared, Seal([NEWER, KEY]))
        assert during.id_of(ADA) == ada
        bob = during.id_of("Bob")
        assert SqlPeople(shared, Seal([KEY, NEWER])).id_of("Bob") == bob
        gone = during.id_of("Carl")
        during.erase(gone)
        assert during.reseal() == 2
        after = SqlPeople(shared, Seal([NEWER]))
        assert (after.id_of(ADA), after.id_of("Bob")) == (ada, bob)
        assert after.names([ada, bob, gone]) == {ada: ADA, bob: "Bob", gone: ERASED}

    def test_a_name_that_does_not_open_changes_nothing(self, shared: Database, people: SqlPeople) -> None:
        people.id_of(ADA)
        people.id_of("Bob")
        with shared.writing() as connection:
            before = connection.execute(select(PEOPLE).order_by(PEOPLE.c.id)).all()
        with pytest.raises(StoreError, match="was sealed with key"):
            SqlPeople(shared, Seal([NEWER])).reseal()
        with shared.reading() as connection:
            assert connection.execute(select(PEOPLE).order_by(PEOPLE.c.id)).all() == before


def test_two_processes_give_a_new_name_one_id_even_with_two_keys_in_use(database: Database, database_url: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ASK, database_url, *keys],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for keys in ([KEY, NEWER], [NEWER, KEY])
    ]  # fmt: skip
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    first, second = (process.communicate(timeout=60)[0].split() for process in processes)
    assert first == second
    assert len(set(first)) == 40
    with database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(PEOPLE)) == 40


def test_a_thousand_names_are_read_at_once(people: SqlPeople, shared: Database) -> None:
    with shared.writing() as connection:
        named = {people._add(connection, name): name for name in (f"Person {number}" for number in range(1001))}
    assert people.names(named.keys()) == named


def test_production_code_awaits_people(people: SqlPeople) -> None:
    async def story() -> None:
        with Threaded() as run:
            found = People(people, run)
            ada, again = await asyncio.gather(found.id_of(ADA), found.id_of(ADA))
            assert ada == again == people.id_of(ADA)
            assert await found.name_of(ada) == ADA
            assert await found.names([ada]) == {ada: ADA}
            assert await found.reseal() == 1
            await found.erase(ada)
            assert await found.name_of(ada) == ERASED

    asyncio.run(story())

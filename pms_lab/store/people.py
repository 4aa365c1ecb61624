"""People: a name in, an id out. All other tables hold ids, and a name can be erased without touching them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from secrets import token_hex
from typing import Final
from unicodedata import category, normalize

from sqlalchemy import Connection, insert, select, update

from pms_lab.engine.ledger import Runner
from pms_lab.errors import InputError
from pms_lab.store.database import Database
from pms_lab.store.erasable_tables import PEOPLE, overwrite_what_goes
from pms_lab.store.sealing import Place, Seal

ERASED: Final = "erased person"
NAME_LENGTH: Final = 200
ID_DIGITS: Final = 12
BATCH: Final = 500

NO_NAME: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of characters that stand in no name: controls, half characters, breaks of lines."""
JOINERS: Final = frozenset("\u200c\u200d")
"""Characters of such a category that do stand in names, in Persian and Hindi for instance."""


class SqlPeople:
    """Who is who, in a database; each call is one transaction. `People` is how production code awaits it.

    Every method raises `StoreError` when the database cannot be read or written, or a name cannot be opened.

    Args:
        new_id: makes texts that no other call returns, such as `Chance.new_id`: ids are made of their beginnings.
    """

    def __init__(self, database: Database, seal: Seal, new_id: Callable[[], str] = token_hex) -> None:
        self._database = database
        self._seal = seal
        self._new_id = new_id

    def id_of(self, name: str) -> str:
        """Return a person's id, such as ``p_0a1b2c3d4e5f``; a new name is given a new one.

        Names that differ only in outer spaces, in capitals or in how Unicode composes them are the same.

        Raises:
            InputError: it is no name: empty, longer than `NAME_LENGTH` characters, or with control characters.
        """
        name = cleaned(name)
        with self._database.reading() as connection:
            known = self._find(connection, name)
        if known is not None:
            return known
        with self._database.writing() as connection:
            _keep_others_out(connection)
            return self._find(connection, name) or self._add(connection, name)

    def find(self, name: str) -> str | None:
        """Return the id of the person of this name; None where nobody has it.

        Raises:
            InputError: it is no name.
        """
        with self._database.reading() as connection:
            return self._find(connection, cleaned(name))

    def name_of(self, person_id: str) -> str | None:
        """Return the name as it was first given, or `ERASED`; None where nobody has this id."""
        return self.names([person_id]).get(person_id)

    def names(self, person_ids: Collection[str]) -> dict[str, str]:
        """Return the names of people, and `ERASED` for those erased, by their ids; ids that nobody has are left out."""
        wanted = sorted(set(person_ids))
        found: dict[str, str] = {}
        with self._database.reading() as connection:
            for start in range(0, len(wanted), BATCH):
                some = PEOPLE.c.id.in_(wanted[start : start + BATCH])
                for row in connection.execute(select(PEOPLE.c.id, PEOPLE.c.sealed_name).where(some)):
                    found[row.id] = ERASED if row.sealed_name is None else self._opened(row.id, row.sealed_name)
        return found

    def erase(self, person_id: str) -> None:
        """Forget a person's name, for good; the id stays, and the name is given a new one if it comes again.

        The database file of SQLite holds no trace of it once all processes have closed it; PostgreSQL, once it has been
        vacuumed. What its log and its backups hold can be opened as long as the key is kept.

        Raises:
            InputError: nobody has this id.
        """
        with self._database.writing() as connection:
            overwrite_what_goes(connection)
            forgotten = update(PEOPLE).where(PEOPLE.c.id == person_id).values(sealed_name=None, name_index=None)
            if connection.execute(forgotten).rowcount == 0:
                raise InputError(f"there is no person {person_id!r}: take the id from where it is shown")

    def reseal(self) -> int:
        """Seal all names anew with the first key, and return how many there are; the others open none of them now."""
        with self._database.writing() as connection:
            _keep_others_out(connection)
            overwrite_what_goes(connection)
            rows = connection.execute(select(PEOPLE).where(PEOPLE.c.sealed_name.is_not(None))).all()
            for row in rows:
                kept = self._kept(row.id, self._opened(row.id, row.sealed_name))
                connection.execute(update(PEOPLE).where(PEOPLE.c.id == row.id).values(kept))
            return len(rows)

    def _find(self, connection: Connection, name: str) -> str | None:
        indexes = self._seal.blinds(_folded(name), "people")
        found: str | None = connection.scalar(select(PEOPLE.c.id).where(PEOPLE.c.name_index.in_(indexes)))
        return found

    def _add(self, connection: Connection, name: str) -> str:
        person_id = f"p_{self._new_id()[:ID_DIGITS]}"
        connection.execute(insert(PEOPLE).values(id=person_id, **self._kept(person_id, name)))
        return person_id

    def _kept(self, person_id: str, name: str) -> dict[str, str]:
        """Return what is stored of a name."""
        return {
            "sealed_name": self._seal.seal(name, _place(person_id)),
            "name_index": self._seal.blind(_folded(name), "people"),
        }

    def _opened(self, person_id: str, sealed_name: str) -> str:
        return self._seal.open(sealed_name, _place(person_id))


class People:
    """An `SqlPeople` as production code awaits it; its methods are those of `SqlPeople`, and are described there."""

    def __init__(self, people: SqlPeople, run: Runner) -> None:
        self._people = people
        self._run = run

    async def id_of(self, name: str) -> str:
        """Return a person's id."""
        return await self._run(partial(self._people.id_of, name))

    async def find(self, name: str) -> str | None:
        """Return the id of the person of this name."""
        return await self._run(partial(self._people.find, name))

    async def name_of(self, person_id: str) -> str | None:
        """Return a person's name."""
        return await self._run(partial(self._people.name_of, person_id))

    async def names(self, person_ids: Collection[str]) -> Mapping[str, str]:
        """Return people's names, by their ids."""
        return await self._run(partial(self._people.names, person_ids))

    async def erase(self, person_id: str) -> None:
        """Forget a person's name."""
        await self._run(partial(self._people.erase, person_id))

    async def reseal(self) -> int:
        """Seal all names anew with the first key."""
        return await self._run(self._people.reseal)


def cleaned(name: str) -> str:
    """Return a name as it is kept: without outer spaces, composed as Unicode's form C.

    Raises:
        InputError: it is no name; the message does not show it.
    """
    kept = normalize("NFC", name).strip()
    if not kept:
        raise InputError("the name of a person is empty: give one")
    if len(kept) > NAME_LENGTH:
        raise InputError(f"the name of a person has {len(kept)} characters: give one of at most {NAME_LENGTH}")
    odd = next((char for char in kept if category(char) in NO_NAME and char not in JOINERS), None)
    if odd is not None:
        raise InputError(f"the name of a person has the control character U+{ord(odd):04X}: leave it out")
    return kept


def _folded(name: str) -> str:
    """Return what equal names have in common. Folding may undo the composition: it is done anew."""
    return normalize("NFC", name.casefold())


def _place(person_id: str) -> Place:
    return Place("people", person_id, "name")


def _keep_others_out(connection: Connection) -> None:
    """Let nobody else write people until the transaction ends: two keys in use make two indexes of one name."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE people IN SHARE ROW EXCLUSIVE MODE")

"""What databases say when they fail, for people: which one, what is wrong in a word, and what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, NamedTuple

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from pms_lab.errors import StoreError


class Trouble(NamedTuple):
    """What is wrong with a database, and what a person can do."""

    what: str
    next_step: str


FULL: Final = Trouble("is full", "make room on its disk")
READ_ONLY: Final = Trouble("is read-only", "let this user write to it, and to its folder where it is a file")
DAMAGED: Final = Trouble("is damaged", "move it away and put the last backup in its place")
FOREIGN: Final = Trouble("is none", "correct its address")
HELD: Final = Trouble("is held by another process", "see who works on it for so long, and try again")
DISK: Final = Trouble("has trouble with its disk", "look at the disk, and try again")
NO_FILE: Final = Trouble("cannot be opened", "see that its folder is there and that this user may write to it")
AWAY: Final = Trouble("does not answer", "see that it runs and can be reached, and try again")
CREDENTIALS: Final = Trouble("does not accept the credentials", "correct the user or the password in its address")
ABSENT: Final = Trouble("is not there", "create it, or correct its address")
CROWDED: Final = Trouble("takes no more connections", "close some, or raise its limit")
FORBIDDEN: Final = Trouble("does not allow it", "give this user its rights")
BUSY: Final = Trouble("is asked too much at once", "try again, with less at a time")
REFUSED: Final = Trouble("refused a statement", "see what its message says")

SQLITE: Final[Mapping[str, Trouble]] = {
    "SQLITE_FULL": FULL,
    "SQLITE_READONLY": READ_ONLY,
    "SQLITE_CORRUPT": DAMAGED,
    "SQLITE_NOTADB": FOREIGN,
    "SQLITE_BUSY": HELD,
    "SQLITE_LOCKED": HELD,
    "SQLITE_IOERR": DISK,
    "SQLITE_CANTOPEN": NO_FILE,
    "SQLITE_PERM": NO_FILE,
}
"""By the beginning of the result code. Source: https://www.sqlite.org/rescode.html."""

POSTGRES: Final[Mapping[str, Trouble]] = {
    "08": AWAY,
    "25006": READ_ONLY,
    "25P03": HELD,
    "28": CREDENTIALS,
    "3D": ABSENT,
    "40": HELD,
    "42501": FORBIDDEN,
    "53100": FULL,
    "53300": CROWDED,
    "55P03": HELD,
    "57014": HELD,
    "57P": AWAY,
    "58": DISK,
    "XX": DAMAGED,
}
"""By the beginning of SQLSTATE. Source: https://www.postgresql.org/docs/15/errcodes-appendix.html."""


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn what a database or its driver raises in the block into a `StoreError`, and stored values that make no sense.

    Args:
        name: of the database, without its password.
    """
    try:
        yield
    except DBAPIError as exc:
        raise _told(name, trouble_of(exc.orig), exc.orig) from exc
    except NoConnectionFree as exc:
        raise _told(name, BUSY, exc) from exc
    except (ValueError, ArithmeticError) as exc:
        raise _told(name, DAMAGED, exc) from exc


def trouble_of(error: BaseException | None) -> Trouble:
    """Tell what is wrong from a driver's error."""
    match error:
        case sqlite3.Error():
            code = getattr(error, "sqlite_errorname", None) or _unnamed(error)
            return _found(SQLITE, code)
        case psycopg.OperationalError(sqlstate=None):
            return _unsent(str(error))
        case psycopg.Error(sqlstate=str(code)):
            return _found(POSTGRES, code)
        case _:
            return REFUSED


def _told(name: str, trouble: Trouble, error: BaseException | None) -> StoreError:
    return StoreError(f"database {name} {trouble.what} ({_said(error)}): {trouble.next_step}")


def _found(troubles: Mapping[str, Trouble], code: str) -> Trouble:
    return next((trouble for start, trouble in troubles.items() if code.startswith(start)), REFUSED)


def _unnamed(error: sqlite3.Error) -> str:
    # What Python itself cannot make text of has no result code; we never stored it.
    return "SQLITE_CORRUPT" if "decode" in str(error) else ""


def _unsent(said: str) -> Trouble:
    """Tell from its words what is wrong with a connection that was never made: the code of the refusal is not kept."""
    words = {"authentication failed": CREDENTIALS, "no password": CREDENTIALS, 'role "': CREDENTIALS}
    words |= {"does not exist": ABSENT, "too many": CROWDED}
    return next((trouble for word, trouble in words.items() if word in said), AWAY)


def _said(error: BaseException | None) -> str:
    """Return the first line of a message: the others may repeat what was to be stored."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__

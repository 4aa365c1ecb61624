"""Ids of Mews's form, made up so that the same thing always has the same id."""

from __future__ import annotations

from hashlib import sha256
from typing import Final


def guid(*parts: str | int) -> str:
    """Return an id of the form of Mews's: five groups of hexadecimal digits."""
    digits = sha256("/".join(map(str, parts)).encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"


def new_id(kind: str, number: int) -> str:
    """Return the id of the n-th thing of a kind; confirmations are numbers, as in Mews."""
    return str(number) if kind == "confirmation" else guid(kind, number)


def category_id(code: str) -> str:
    """Return the id of a room type."""
    return guid("category", code)


ENTERPRISE: Final = guid("enterprise")
STAY: Final = guid("service", "stay")
EXTRAS: Final = guid("service", "extras")
BASE_RATE: Final = guid("rate", "base")
DERIVED_RATE: Final = guid("rate", "derived")
ADULTS: Final = guid("age category", "adults")
CHILDREN: Final = guid("age category", "children")
TAX_CODE: Final = "US-10"

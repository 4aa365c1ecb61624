"""Values into bodies of requests: what all vendors' adapters share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeAlias

from pms_lab.errors import MoneyError

Json: TypeAlias = Mapping[str, "Json"] | Sequence["Json"] | str | int | bool | Decimal | None
"""What JSON can say, with Decimal in the place of floats."""

_QUOTED: Final = json.JSONEncoder()


def json_body(record: Json) -> bytes:
    """Write JSON in UTF-8; a Decimal becomes a number with just its own digits, through no float.

    Raises:
        MoneyError: a number is a float, or not finite.
    """
    return _text(record).encode()


def _text(value: Json) -> str:
    match value:
        case str():
            return _QUOTED.encode(value)
        case Decimal() if value.is_finite():
            return f"{value:f}"
        case Decimal() | float():
            raise MoneyError(f"{value} cannot be written as an exact JSON number: give a finite Decimal")
        case Mapping():
            return "{" + ",".join(f"{_QUOTED.encode(name)}:{_text(one)}" for name, one in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(map(_text, value)) + "]"
        case _:
            return json.dumps(value)

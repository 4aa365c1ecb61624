"""Which records of a list are shown, in which order, and which of their fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from pms_lab.sim.pms.faces.qloapps.schema import Field, Resource, closest
from pms_lab.sim.pms.faces.qloapps.wire import Fault, Row

_FILTER = re.compile(r"filter\[(\w+)\]")
_VALUE = re.compile(r"(?P<sign>[<>!%]?)\[(?P<inner>.*)\](?P<after>%?)", re.DOTALL)


def chosen(rows: Sequence[Row], resource: Resource, query: Mapping[str, str]) -> list[Row]:
    """Return the records that a query asks for: filtered, sorted, and of those the part within the limit.

    Raises:
        Fault: a field that there is none of, or that cannot be filtered or sorted by.
    """
    tests = _tests(resource, query)
    found = [row for row in rows if all(fits(row.get(name)) for name, fits in tests)]
    for name, is_down in reversed(_order(resource, query)):
        found.sort(key=lambda row: _comparable(row.get(name)), reverse=is_down)
    start, count = _limit(query)
    return found[start:] if count is None else found[start : start + count]


def shown_fields(resource: Resource, query: Mapping[str, str]) -> Sequence[Field] | None:
    """Return the fields that a query asks to see; None for ids only.

    Raises:
        Fault: a field that there is none of.
    """
    display = query.get("display", "minimum")
    if display == "full":
        return resource.fields
    if display == "minimum":
        return None
    names = display.strip("[]").split(",")
    known = [field.name for field in resource.fields]
    for name in names:
        if name not in known:
            message = f'Unable to display this field "{name}". However, these are available: {", ".join(known)}'
            raise Fault(400, (35, message))
    return [field for field in resource.fields if field.name in names]


def _tests(resource: Resource, query: Mapping[str, str]) -> list[tuple[str, Callable[[Any], bool]]]:
    translated = {field.name for field in resource.fields if field.is_translated}
    allowed = resource.filterable(with_dates=query.get("date") == "1")
    tests = []
    for key, value in query.items():
        if (match := _FILTER.fullmatch(key)) is None:
            continue
        name = match[1]
        if name not in allowed and name not in translated:
            names = ", ".join(f'"{one}"' for one in allowed)
            message = f'This filter does not exist. Did you mean: "{closest(name, allowed)}"? The full list is: {names}'
            raise Fault(400, (32, message))
        if name in translated and "sort" in query:
            raise Fault(500, (3, "Column 'id' in order clause is ambiguous"))
        tests.append((name, _test(value)))
    return tests


def _test(value: str) -> Callable[[Any], bool]:
    match = _VALUE.fullmatch(value)
    sign, inner, after = (match["sign"], match["inner"], match["after"]) if match else ("", value, "")
    if sign == "%" or after == "%":
        like = re.compile("".join(map(_like, f"{sign}{inner}{after}")), re.IGNORECASE | re.DOTALL)
        return lambda field: like.fullmatch("" if field is None else str(field)) is not None
    if sign in ("<", ">"):
        bound = _comparable(inner)
        return lambda field: _comparable(field) > bound if sign == ">" else _comparable(field) < bound
    if "," in inner and sign != "!":
        low, high = map(_comparable, inner.split(",", 1))
        return lambda field: low <= _comparable(field) <= high
    wanted = [_comparable(one) for one in inner.split("|")]
    return lambda field: (_comparable(field) in wanted) != (sign == "!")


def _like(letter: str) -> str:
    return {"%": ".*", "_": "."}.get(letter, re.escape(letter))


def _order(resource: Resource, query: Mapping[str, str]) -> list[tuple[str, bool]]:
    allowed = resource.filterable(with_dates=query.get("date") == "1")
    order = []
    for part in filter(None, query.get("sort", "").strip("[]").split(",")):
        name, _, direction = part.rpartition("_") if part.endswith(("_ASC", "_DESC")) else (part, "", "ASC")
        if name not in allowed:
            message = "Unable to filter by this field. However, these are available: "
            raise Fault(400, (38, f"{message}{', '.join(allowed)}, for i18n fields:"))
        order.append((name, direction == "DESC"))
    return order


def _limit(query: Mapping[str, str]) -> tuple[int, int | None]:
    if "limit" not in query:
        return 0, None
    parts = [int(part) if part.isdecimal() else 0 for part in query["limit"].split(",", 1)]
    return (0, parts[0]) if len(parts) == 1 else (parts[0], parts[1])


def _comparable(value: object) -> tuple[int, Decimal | str]:
    """Order as the database does: numbers as numbers, texts without regard to capitals."""
    text = "" if value is None else str(value)
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return 1, text.casefold()
    return (0, amount) if amount.is_finite() else (1, text.casefold())

"""Requests as Cloudbeds reads them: queries, and forms that nest as PHP does; and answers as it writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from pms_lab.adapters.writing import Json, json_body
from pms_lab.engine.ports import HttpRequest, HttpResponse

FORM: Final = "application/x-www-form-urlencoded"
BASE: Final = "/api/v1.3/"
LOCAL: Final = "%Y-%m-%d %H:%M:%S"

Record: TypeAlias = dict[str, Json]


class Refusal(Exception):
    """Cloudbeds says no: by ``success: false`` in a 200, or by another status."""

    def __init__(self, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True)
class Ask:
    """A request taken apart.

    Attributes:
        fields: its query or form, nested: texts, lists and maps.
        at: when it arrives.
        as_of: the time as of which a reader is shown the state.
    """

    method: str
    verb: str
    fields: Mapping[str, Any]
    at: datetime
    as_of: datetime

    def text(self, name: str) -> str | None:
        """Return a field, None where it is missing or empty."""
        value = self.fields.get(name)
        if value is not None and not isinstance(value, str):
            raise Refusal(f"Parameter {name} must be a string")
        return value or None

    def needed(self, name: str) -> str:
        """Return a field that must be there."""
        value = self.text(name)
        if value is None:
            raise Refusal(f"Parameter {name} is required")
        return value

    def day(self, name: str) -> date | None:
        """Return a field as a date."""
        return None if self.text(name) is None else day_of(self.needed(name), name)

    def moment(self, name: str) -> str | None:
        """Return a field as a local time, as text: such texts sort as their times do."""
        text = self.text(name)
        if text is not None and not _reads_as_time(text):
            raise Refusal(f"Parameter {name} must be YYYY-MM-DD HH:MM:SS")
        return text

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a field as a boolean."""
        text = self.text(name)
        if text not in (None, "true", "false", "1", "0"):
            raise Refusal(f"Parameter {name} must be a boolean")
        return default if text is None else text in ("true", "1")

    def count(self, name: str, default: int | None = None, most: int | None = None) -> int:
        """Return a field as a whole number, not below zero and not above `most`."""
        text = self.needed(name) if default is None else self.text(name) or str(default)
        number = count_of(text, name)
        if most is not None and not 1 <= number <= most:
            raise Refusal(f"Parameter {name} must be from 1 to {most}")
        return number

    def rows(self, name: str) -> list[Mapping[str, Any]]:
        """Return a field as a list of maps; empty where it is missing."""
        rows = self.fields.get(name, [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise Refusal(f"Parameter {name} must be an array of objects")
        return rows


def taken_apart(request: HttpRequest, at: datetime, as_of: datetime) -> Ask:
    """Read a request.

    Raises:
        Refusal: it is none of the API's.
    """
    parts = urlsplit(request.url)
    if not parts.path.startswith(BASE):
        raise Refusal("Not Found", 404)
    method = parts.path.removeprefix(BASE)
    query = _pairs(parts.query)
    if request.method == "GET":
        return Ask(method, "GET", nested(query), at, as_of)
    headers = {name.lower(): value for name, value in request.headers.items()}
    if headers.get("content-type", "").partition(";")[0].strip() != FORM:
        raise Refusal(f"Content-Type must be {FORM}", 400)
    try:
        return Ask(method, request.method, nested([*query, *_pairs(request.body.decode())]), at, as_of)
    except UnicodeDecodeError as exc:
        raise Refusal("The body is no form", 400) from exc


def nested(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Nest fields by the brackets in their names, and make lists of maps whose keys count from zero."""
    fields: dict[str, Any] = {}
    for name, value in pairs:
        first, brackets = re.fullmatch(r"([^\[]*)(.*)", name, re.S).groups()  # type: ignore[union-attr]
        if not first or not re.fullmatch(r"(\[[^\[\]]+\])*", brackets):
            raise Refusal(f"Parameter {name} is no name", 400)
        place, keys = fields, [first, *re.findall(r"\[([^\[\]]+)\]", brackets)]
        for key in keys[:-1]:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise Refusal(f"Parameter {name} is both a value and an object", 400)
        place[keys[-1]] = value
    return {name: _listed(value) for name, value in fields.items()}


def answered(record: Json, status: int = 200, request_id: str = "") -> HttpResponse:
    """Write an answer."""
    return HttpResponse(status, {"content-type": "application/json", "x-request-id": request_id}, json_body(record))


def day_of(text: Any, name: str) -> date:
    """Read a date, written as ``2026-11-30``."""
    try:
        if not isinstance(text, str) or len(text) != len("2026-11-30"):
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError as exc:
        raise Refusal(f"Parameter {name} must be YYYY-MM-DD") from exc


def count_of(text: Any, name: str) -> int:
    """Read a whole number that is not below zero."""
    if not (isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 10):
        raise Refusal(f"Parameter {name} must be an integer")
    return int(text)


def amount_of(text: Any, name: str) -> Decimal:
    """Read an amount."""
    try:
        amount = Decimal(text)
    except (InvalidOperation, TypeError, ValueError) as exc:
        raise Refusal(f"Parameter {name} must be a number") from exc
    if not amount.is_finite():
        raise Refusal(f"Parameter {name} must be a number")
    return amount


def local_text(at: datetime, zone: ZoneInfo) -> str:
    """Write a time as the property's clock shows it, without an offset."""
    return at.astimezone(zone).strftime(LOCAL)


def _pairs(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True)


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(one) for name, one in value.items()}
    return list(inner.values()) if list(inner) == [str(index) for index in range(len(inner))] else inner


def _reads_as_time(text: str) -> bool:
    try:
        return datetime.strptime(text, LOCAL).strftime(LOCAL) == text  # noqa: DTZ007 - a local time
    except ValueError:
        return False

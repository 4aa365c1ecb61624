"""Requests as OPERA's face reads them, and the forms of its answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel, ValidationError

from pms_lab.adapters.writing import Json, json_body
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.sim.pms.state import Rejected

M = TypeVar("M", bound=BaseModel)

JSON: Final = "application/json;charset=UTF-8"


class Turned(Exception):
    """A request that is answered at once: the caller may not do this, or there is nothing here."""

    def __init__(self, answer: HttpResponse) -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass(frozen=True)
class Asked:
    """A request that was let in.

    Attributes:
        path: the values in the path, in order.
        as_of: what a reader is shown.
    """

    path: Sequence[str]
    query: Sequence[tuple[str, str]]
    body: bytes
    at: datetime
    as_of: datetime

    def all(self, name: str) -> list[str]:
        """Return the values of a parameter that may come more than once."""
        return [value for known, value in self.query if known == name]

    def text(self, name: str) -> str | None:
        """Return the value of a parameter; None where it is not given."""
        return next(iter(self.all(name)), None)

    def day(self, name: str) -> date | None:
        """Return the value of a parameter as a date."""
        text = self.text(name)
        try:
            return None if text is None else date.fromisoformat(text)
        except ValueError as exc:
            raise Rejected("invalid", f"{name} is no date") from exc

    def range(self, start: str, end: str) -> tuple[date, date] | None:
        """Return both ends of a range of dates; None where neither is given."""
        first, last = self.day(start), self.day(end)
        if first is None and last is None:
            return None
        if first is None or last is None or last < first:
            raise Rejected("invalid", f"{start} and {end} are no range")
        return first, last

    def number(self, name: str, default: int, least: int) -> int:
        """Return the value of a parameter as a whole number."""
        text = self.text(name) or str(default)
        if not (text.isascii() and text.isdigit() and len(text) < 9 and int(text) >= least):
            raise Rejected("invalid", f"{name} is no number of at least {least}")
        return int(text)

    def read(self, model: type[M]) -> M:
        """Return the body as a form."""
        try:
            return model.model_validate_json(self.body)
        except ValidationError as exc:
            where = ".".join(map(str, exc.errors()[0]["loc"]))
            raise Rejected("invalid", f"the body is wrong at {where or 'its beginning'}") from exc


@dataclass(frozen=True)
class Route:
    """An operation: where it is, which parameters of a query it knows, and what does it."""

    method: str
    template: str
    handler: Callable[[Asked], HttpResponse]
    knows: frozenset[str] = frozenset()
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        escaped = re.escape(self.template).replace(r"\*", "([^/]+)")
        object.__setattr__(self, "pattern", re.compile(escaped))


def chosen(routes: Sequence[Route], request: HttpRequest) -> tuple[Route, list[str]]:
    """Return the route of a request and the values in its path.

    Raises:
        Turned: there is nothing at the path, or not by this method.
    """
    path = urlsplit(request.url).path
    fits = [(route, match) for route in routes if (match := route.pattern.fullmatch(path))]
    for route, match in fits:
        if route.method == request.method:
            return route, [unquote(part) for part in match.groups()]
    raise Turned(bare(405) if fits else fault(404, "Resource not found", "NOT_FOUND"))


def query_of(request: HttpRequest, route: Route) -> list[tuple[str, str]]:
    """Return the query of a request.

    Raises:
        Rejected: a parameter that the operation does not know.
    """
    query = parse_qsl(urlsplit(request.url).query, keep_blank_values=True)
    unknown = {name for name, _ in query} - route.knows
    if unknown:
        raise Rejected("invalid", f"parameters {', '.join(sorted(unknown))} are not known here")
    return query


def answer(record: Json, status: int = 200) -> HttpResponse:
    """Return a record as JSON."""
    return HttpResponse(status, {"content-type": JSON}, json_body(record))


def bare(status: int) -> HttpResponse:
    """Return an answer without a body, as 204, 401, 403 and others are."""
    return HttpResponse(status)


def fault(status: int, title: str, code: str) -> HttpResponse:
    """Return an error in OPERA's form."""
    where = f"https://www.rfc-editor.org/rfc/rfc9110#section-15.{status // 100 + 1}"
    return answer({"type": where, "title": title, "status": status, "o:errorCode": code}, status)

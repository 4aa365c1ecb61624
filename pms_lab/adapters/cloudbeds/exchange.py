"""Exchanges with Cloudbeds: its forms, its pages, and its two ways to say no."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Final, TypeAlias, TypeVar
from urllib.parse import urlencode

from pms_lab.adapters.cloudbeds.models import Model, Page
from pms_lab.adapters.reading import coded, json_of, parsed
from pms_lab.adapters.wire import Call, FixedHeaders, Link, judge_status
from pms_lab.domain.outcome import Refused, Why, outcome_of
from pms_lab.domain.pms import RateLimit
from pms_lab.engine.ports import HttpResponse
from pms_lab.errors import BadAnswer, PmsError, PmsRefused

M = TypeVar("M", bound=Model)
R = TypeVar("R", bound=Model)

VERSION: Final = "/api/v1.3"
PAGE: Final = 100
MOST_BARREN: Final = 5  # pages in a row without a new row, as when rows join at the front of a long list
LONGEST_MESSAGE: Final = 200

Value: TypeAlias = "str | int | bool | Decimal | date | Mapping[str, Value] | Sequence[Value] | None"
"""What a query or form can say; None is left out. A datetime is by the property's clock."""


class Exchange:
    """The calls to one property, which Cloudbeds counts together."""

    def __init__(self, link: Link, code: str, key: str, limits: Sequence[RateLimit]) -> None:
        # The header is optional; Cloudbeds' page on technical details asks for it.
        headers = FixedHeaders({"x-api-key": key, "X-PROPERTY-ID": code})
        self._wire = link.wire(authorization=headers, judge=judge, limits=limits, counted_as=f"cloudbeds:{code}")
        self.flow = self._wire.flow

    async def get(self, model: type[M], method: str, **query: Value) -> M:
        """Read; repeated where it may fare better.

        Raises:
            PmsError: no answer, a refusal (of status 404 where the message says not found), or not one of this model.
        """
        return parsed(model, await self._wire.ask(_read(method, query)))

    async def get_once(self, model: type[M], method: str, **query: Value) -> M:
        """Read in one attempt.

        Raises:
            PmsError: as `get`.
        """
        return parsed(model, await self._wire.tell(_read(method, query)))

    async def rows(
        self, model: type[Page[R]], method: str, key: Callable[[R], Hashable], /, **query: Value
    ) -> AsyncIterator[R]:
        """Yield the rows of a list to its end, each once by its key; the keys are all that is held.

        The end is where the total is reached; where none is told, a page that is empty or the same as the one before.

        Pages are cut by number. When a row leaves the list between two of them, those behind it move up, and some come
        to stand on a page that was read already. So after each page those before it are read once more, until one
        brings nothing new. The total does not show it: another row may have joined.

        Raises:
            BadAnswer: a page comes twice though the total is not reached, or too many pages in a row bring nothing new:
                the list would have no end.
        """
        seen: set[Hashable] = set()
        count, number, barren = 0, 1, 0
        before: tuple[R, ...] = ()
        while True:
            page = await self.get(model, method, **query, pageNumber=number, pageSize=PAGE)
            is_again = bool(page.data) and page.data == before
            if is_again and page.total is None:
                return
            fresh = _unseen(page.data, key, seen)
            barren = 0 if fresh or not page.data else barren + 1
            if is_again or barren > MOST_BARREN:
                raise BadAnswer(f"page {number} of {method} brings nothing new: the list has no end")
            for row in fresh:
                yield row
            for earlier in range(number - 1, 0, -1):
                again = await self.get(model, method, **query, pageNumber=earlier, pageSize=PAGE)
                moved = _unseen(again.data, key, seen)
                for row in moved:
                    yield row
                if not moved:
                    break
            count += len(page.data)
            if not page.data or (page.total is not None and count >= page.total):
                return
            number, before = number + 1, page.data

    async def send(self, model: type[M], verb: str, method: str, **form: Value) -> M:
        """Send a write once.

        Raises:
            PmsError: its `effect` says whether the write may have taken effect.
        """
        return parsed(model, await self._wire.tell(_write(verb, method, form)))

    async def send_until_answered(self, model: type[M], verb: str, method: str, **form: Value) -> M:
        """Send a write that takes effect once however often it comes; repeated where it may fare better.

        Raises:
            PmsError: as `send`.
        """
        return parsed(model, await self._wire.ask(_write(verb, method, form)))


def _unseen(rows: Iterable[R], key: Callable[[R], Hashable], seen: set[Hashable]) -> Collection[R]:
    """Return the rows whose keys were not seen; now they are."""
    new = {key(row): row for row in rows if key(row) not in seen}
    seen.update(new)
    return new.values()


def judge(response: HttpResponse, now: datetime) -> None:
    """Raise what an answer means, when it means anything but success.

    A failure may come with status 200 and ``success: false``: a refusal, of status 404 where the message says that
    something is not found. That the property is not found is no such thing: nothing can be known of its guests. Nor is
    HTTP's own 404: it is the address that is not found.
    """
    if response.status == 404:
        raise PmsRefused("HTTP 404: there is no such method; check the base address in the settings")
    _by_status(response, now)
    record = json_of(response)
    if not (isinstance(record, dict) and isinstance(record.get("success"), bool)):
        raise BadAnswer("the answer does not say whether it is a success", status=response.status)
    if not record["success"]:
        words = _words(record)
        is_missing = "not found" in words.casefold() and not re.search(r"\bpropert(y|ies)\b.*not found", words, re.I)
        refusal = PmsRefused(words or "refused without a reason", status=404 if is_missing else response.status)
        raise coded(refusal, record.get("error"))


def _refusal(response: HttpResponse) -> Mapping[str, object]:
    try:
        record = json_of(response)
    except BadAnswer:
        return {}
    return record if isinstance(record, dict) else {}


_by_status = judge_status(lambda response: _words(_refusal(response)), lambda response: _refusal(response).get("error"))


def _words(record: Mapping[str, object]) -> str:
    """Return the vendor's message, or its code of the error; an e-mail address in it is a guest's."""
    words = next((one for one in (record.get("message"), record.get("error")) if isinstance(one, str) and one), "")
    return re.sub(r"\S+@\S+", "(an address)", words)[:LONGEST_MESSAGE]


def _read(method: str, query: Mapping[str, Value]) -> Call:
    return Call("GET", f"{VERSION}/{method}", tuple(fields(query)))


def _write(verb: str, method: str, form: Mapping[str, Value]) -> Call:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return Call(verb, f"{VERSION}/{method}", headers=headers, body=urlencode(tuple(fields(form))).encode())


def fields(value: Value, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield a form's names and values as PHP nests them: ``rates[0][interval][rate]``. None is left out."""
    match value:
        case None:
            return
        case Mapping():
            for key, one in value.items():
                yield from fields(one, f"{name}[{key}]" if name else key)
        case list() | tuple():
            for index, one in enumerate(value):
                yield from fields(one, f"{name}[{index}]")
        case bool():
            yield name, "true" if value else "false"
        case Decimal():
            yield name, f"{value:f}"
        case datetime():
            yield name, f"{value:%Y-%m-%d %H:%M:%S}"
        case _:
            yield name, str(value)


def not_sent(error: PmsError) -> Refused:
    """Tell how a write ended that waits for a read, when the read failed: it was not sent."""
    error.doubt = None  # a read has no effect
    before = outcome_of(error)
    if isinstance(before, Refused):
        return before
    return Refused(Why.NOT_SENT, f"not sent, since a read before it failed: {error}", retry_after_s=error.retry_after_s)

"""The web service of one QloApps shop: its addresses, its lists, its errors.

Source: QloApps 1.6.1.0, measured. Answers are asked for in JSON; bodies are XML but for bookings. A failure may come as
HTTP 200 with HTML, and an error 500 may stand before a write that took effect.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from datetime import datetime
from typing import Final, TypeVar
from urllib.parse import quote
from xml.etree.ElementTree import Element

from pms_lab.adapters.qloapps.models import Record
from pms_lab.adapters.reading import coded, found, json_of, validated, xml_of
from pms_lab.adapters.wire import Call, Judge, Wire, judge_status
from pms_lab.adapters.writing import Json, json_body
from pms_lab.engine.ports import HttpResponse
from pms_lab.errors import AuthRefused, BadAnswer, PmsError

R = TypeVar("R", bound=Record)

PAGE: Final = 100
LONGEST_WORDS: Final = 160  # characters of the PMS's words in a message; some errors list all that would be right
PHP_WARNING: Final = "3"
NOT_FOR_THIS_KEY: Final = "25"
JSON_ANSWER: Final = ("output_format", "JSON")
JSON_BODY: Final = {"Content-Type": "application/json"}
XML_BODY: Final = {"Content-Type": "text/xml; charset=utf-8"}

Filters = Mapping[str, str]
"""Conditions by field, as QloApps writes them: ``[1]`` equal, ``[1|3]`` one of, ``[1,3]`` between, ``>[1]`` above."""


def is_one_of(values: Collection[str]) -> str:
    """Return the condition that a field is one of the values; there must be one at least."""
    return f"[{'|'.join(values)}]"


class Shop:
    """The resources of one shop."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def get(self, kind: type[R], record: str) -> R | None:
        """Return a record; None where there is none (404, without a body)."""
        call = Call("GET", f"/api/{kind.resource}/{quote(record, safe='')}", [JSON_ANSWER])
        response = await found(self._wire.ask(call))
        return None if response is None else record_of(kind, response)

    async def some(
        self, kind: type[R], filters: Filters, *, sort: str | None = None, limit: int | None = None
    ) -> list[R]:
        """Return the records of one request.

        Args:
            sort: such as ``[id_ASC]``.
        """
        query = [("display", kind.display), *((f"filter[{name}]", wanted) for name, wanted in filters.items())]
        query += [("sort", sort)] if sort else []
        query += [("limit", str(limit))] if limit else []
        # Without date=1 the time of a change can be neither filtered nor sorted by: an error 400.
        query += [("date", "1")] if "date_upd" in filters or "date_upd" in (sort or "") else []
        response = await self._wire.ask(Call("GET", f"/api/{kind.resource}", [*query, JSON_ANSWER]))
        return records_of(kind, response)

    async def pages(self, kind: type[R], filters: Filters) -> AsyncIterator[list[R]]:
        """Yield all records by id, page by page; one that leaves the list meanwhile moves no other out of sight.

        Raises:
            BadAnswer: the pages do not go on.
        """
        last = 0
        while True:
            page = await self.some(kind, {**filters, "id": f">[{last}]"}, sort="[id_ASC]", limit=PAGE)
            if page:
                yield page
            if len(page) < PAGE:
                return
            before, last = last, int(page[-1].id)
            if last <= before:
                raise BadAnswer(f"the list of {kind.resource} goes in circles at id {last}")

    async def all(self, kind: type[R], filters: Filters) -> AsyncIterator[R]:
        """Yield all records by id."""
        async for page in self.pages(kind, filters):
            for record in page:
                yield record

    async def ask_xml(self, resource: str, body: bytes) -> HttpResponse:
        """Ask a question that is put as a POST, and changes nothing."""
        return await self._wire.ask(Call("POST", f"/api/{resource}", [JSON_ANSWER], XML_BODY, body))

    async def whole(self, resource: str, record: str) -> Element:
        """Return the answer in XML that holds a record with all its fields, known to us or not."""
        return xml_of(await self._wire.ask(Call("GET", f"/api/{resource}/{quote(record, safe='')}")))

    async def tell_xml(self, method: str, path: str, body: bytes) -> None:
        """Write once, in XML."""
        xml_of(await self._wire.tell(Call(method, f"/api/{path}", (), XML_BODY, body)))

    async def delete(self, resource: str, records: Collection[str]) -> None:
        """Remove records once, all or none; the answer is empty."""
        await self._wire.tell(Call("DELETE", f"/api/{resource}/", [("id", f"[{','.join(records)}]")]))

    async def tell_json(self, method: str, path: str, record: Json) -> HttpResponse:
        """Write a booking once, in JSON."""
        call = Call(method, f"/api/{path}", [JSON_ANSWER], JSON_BODY, json_body(record))
        return await self._wire.tell(call)


def record_of(kind: type[R], response: HttpResponse) -> R:
    """Return the record of an answer.

    Raises:
        BadAnswer: the answer holds none.
    """
    answer = json_of(response)
    if not isinstance(answer, dict) or kind.one not in answer:
        raise BadAnswer(f"the answer holds no {kind.one}", status=response.status)
    return validated(kind, answer[kind.one], response.status)


def records_of(kind: type[R], response: HttpResponse) -> list[R]:
    """Return the records of a list; an empty list is ``[]`` without a root.

    Raises:
        BadAnswer: the answer is no such list.
    """
    answer = json_of(response)
    if answer == []:
        return []
    records = answer.get(kind.many) if isinstance(answer, dict) else None
    if not isinstance(records, list):
        raise BadAnswer(f"the answer holds no list of {kind.many}", status=response.status)
    return [validated(kind, record, response.status) for record in records]


def judge() -> Judge:
    """Return the judge of QloApps' answers.

    It knows what HTTP's status does not tell: HTML in the place of an answer is a failure whatever the status, PHP's
    warnings say nothing about the effect, and a key that may not do something is told so by 405.
    """
    by_status = judge_status(explained, _code)

    def judged(response: HttpResponse, now: datetime) -> None:
        status = response.status
        if 200 <= status < 300 and _is_html(response):
            raise BadAnswer(f"HTTP {status} with a PHP error in the place of an answer", status=status)
        codes = {code for code, _ in _errors(response)} if status >= 400 else set()
        if status == 500 and codes == {PHP_WARNING}:
            raise BadAnswer(
                f"HTTP 500 for PHP warnings: {explained(response)}; the request itself may well have taken effect. "
                "Have the shop's PHP not report warnings",
                status=status,
            )
        if status == 405 and NOT_FOR_THIS_KEY in codes:
            refusal = AuthRefused(f"HTTP 405: {explained(response)}; give the key this permission", status=status)
            raise coded(refusal, NOT_FOR_THIS_KEY)
        by_status(response, now)

    return judged


def explained(response: HttpResponse) -> str:
    """Return QloApps' own words; not those lines of them that repeat the request, which may hold a guest's data."""
    return "; ".join(message.partition("\n")[0] for _, message in _errors(response))[:LONGEST_WORDS]


def _code(response: HttpResponse) -> str | None:
    return next((code for code, _ in _errors(response)), None)


def _errors(response: HttpResponse) -> list[tuple[str, str]]:
    """Return codes and messages, from JSON or XML; nothing where the body is neither."""
    try:
        if response.body.lstrip().startswith(b"<"):
            return [(one.findtext("code", ""), one.findtext("message", "")) for one in xml_of(response).iter("error")]
        answer = json_of(response)
    except PmsError:
        return []
    errors = answer.get("errors") if isinstance(answer, dict) else None
    known = [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    return [(str(one.get("code", "")), str(one.get("message", ""))) for one in known]


def _is_html(response: HttpResponse) -> bool:
    return "html" in response.headers.get("content-type", "") or response.body.lstrip().startswith(b"Fatal error")

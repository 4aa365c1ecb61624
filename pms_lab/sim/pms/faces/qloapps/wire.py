"""Requests as the web service reads them, and answers as it writes them, in XML and in JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape, quoteattr

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.sim.pms.faces.qloapps.schema import Field, Resource

Row: TypeAlias = Mapping[str, Any]
"""A record by field: int, str, None, and under ``associations`` lists of records."""

HEADERS: Final = {"x-powered-by": "PrestaShop Webservice", "psws-version": "1.6.1.23"}
HTML: Final = {"content-type": "text/html; charset=utf-8"}
LONGEST_BODY: Final = 4 << 20
NOTHING_AT: Final = "0000-00-00 00:00:00"

BAD_GATEWAY: Final = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n"
    b"<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n"
)


class Fault(Exception):
    """The web service says no, with pairs of a code and a message."""

    def __init__(self, status: int, *errors: tuple[int, str]) -> None:
        super().__init__(str(errors))
        self.status = status
        self.errors = errors


class Broken(Exception):
    """PHP or the server before it gave up: an answer that is none of the web service's own."""

    def __init__(self, status: int = 500, body: bytes = b"", headers: Mapping[str, str] = HTML) -> None:
        super().__init__(str(status))
        self.response = HttpResponse(status, headers, body)


@dataclass(frozen=True, slots=True)
class Ask:
    """A request taken apart.

    Attributes:
        base: the address of the API, for links.
        id: of the record in the path; empty for none.
        query: the last value of each name.
        at: when it arrives.
    """

    method: str
    base: str
    resource: str
    id: str
    query: Mapping[str, str]
    body: bytes
    at: datetime

    @property
    def is_json(self) -> bool:
        """Whether the answer is to be JSON."""
        return "JSON" in (self.query.get("output_format", "").upper(), self.query.get("io_format", "").upper())

    @property
    def has_json_body(self) -> bool:
        """Whether the body looks like JSON."""
        return self.body.lstrip()[:1] in (b"{", b"[")


def ask_of(request: HttpRequest, at: datetime) -> Ask:
    """Take a request apart: the path is read from ``/api`` on."""
    parts = urlsplit(request.url)
    _, _, path = parts.path.partition("/api")
    resource, _, key = path.strip("/").partition("/")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    base = f"{parts.scheme}://{parts.netloc}{parts.path.partition('/api')[0]}/api"
    return Ask(request.method, base, unquote(resource), unquote(key), query, request.body, at)


def stamp(at: datetime, zone: tzinfo) -> str:
    """Write a time as the database does: the hotel's clock, whole seconds."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def money(amount: Decimal) -> str:
    """Write an amount as a decimal column does."""
    return f"{amount:.6f}"


def number(amount: Decimal) -> int | float:
    """Return an amount as PHP's JSON writes it: 1250, 12.5. Its few digits survive being a float."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def xml_root(ask: Ask) -> Element:
    """Return the root of a body in XML.

    Raises:
        Fault: it is none (code 127), or it defines entities.
    """
    if len(ask.body) > LONGEST_BODY:
        raise Broken(413)
    try:
        root: Element = fromstring(ask.body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as exc:
        text = ask.body.decode("utf-8", "replace")
        message = f"XML error : String could not be parsed as XML\nXML length : {len(text)}\nOriginal XML : {text}"
        raise Fault(500, (127, message)) from exc
    return root


def texts(element: Element) -> dict[str, str]:
    """Return the texts of an element's children by name; a translated one gives its first language's."""
    return {child.tag: (child[0].text if len(child) else child.text) or "" for child in element}


def json_answer(value: Any, status: int = 200, more: Mapping[str, str] = {}) -> HttpResponse:
    """Answer in JSON as PHP encodes it."""
    text = json.dumps(value, separators=(",", ":")).replace("/", "\\/")
    return HttpResponse(status, {**HEADERS, "content-type": "application/json", **more}, text.encode())


def xml_answer(content: str, status: int = 200, more: Mapping[str, str] = {}) -> HttpResponse:
    """Answer in XML, below the root that every answer has."""
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<qloapps xmlns:xlink="http://www.w3.org/1999/xlink">\n'
    body = f"{head}{content}</qloapps>\n".encode()
    return HttpResponse(status, {**HEADERS, "content-type": "text/xml;charset=utf-8", **more}, body)


def fault_answer(ask: Ask, fault: Fault) -> HttpResponse:
    """Answer what went wrong; an answer without errors has no body."""
    if not fault.errors:
        return HttpResponse(fault.status, HEADERS)
    realm = "Welcome to QloApps Webservice, please enter the authentication key as the login. No password required."
    more = {"www-authenticate": f'Basic realm="{realm}"'} if fault.status == 401 else {}
    if ask.is_json:
        errors = [{"code": code, "message": message} for code, message in fault.errors]
        return json_answer({"errors": errors}, fault.status, more)
    content = "".join(
        f"<error>\n<code>{cdata(code)}</code>\n<message>{cdata(message)}</message>\n</error>\n"
        for code, message in fault.errors
    )
    return xml_answer(f"<errors>\n{content}</errors>\n", fault.status, more)


def record_answer(ask: Ask, resource: Resource, *rows: Row, status: int = 200) -> HttpResponse:
    """Answer whole records, each by itself: one that was asked for, or those just written."""
    if ask.is_json:
        shown = [_as_json(resource, resource.fields, row) for row in rows]
        return json_answer({resource.one: shown[0]} if len(rows) == 1 else {resource.many: shown}, status)
    return xml_answer("".join(_as_xml(ask.base, resource, resource.fields, row) for row in rows), status)


def list_answer(ask: Ask, resource: Resource, rows: Sequence[Row], fields: Sequence[Field] | None) -> HttpResponse:
    """Answer a list of records; `fields` None shows their ids only. An empty list in JSON has no name."""
    if ask.is_json:
        shown = [{"id": row["id"]} if fields is None else _as_json(resource, fields, row) for row in rows]
        return json_answer({resource.many: shown} if shown else [])
    lines = (
        f'<{resource.one} xlink:href="{ask.base}/{resource.name}/{row["id"]}" id="{row["id"]}"/>\n'
        if fields is None
        else _as_xml(ask.base, resource, fields, row)
        for row in rows
    )
    return xml_answer(f"<{resource.many}>\n{''.join(lines)}</{resource.many}>\n")


def cdata(value: object) -> str:
    """Write a value as the web service does: in CDATA, or as nothing."""
    text = "" if value is None or value is False else str(value)
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>" if text else ""


def language(base: str, text: str) -> str:
    """Write a translated text in the only language that there is."""
    return f'<language id="1" xlink:href="{base}/languages/1"><![CDATA[{text.replace("]]>", "]] >")}]]></language>'


def link_of(base: str, link: str, value: object, owner: object = "") -> str:
    """Return the attribute that links to a record; none for no record."""
    if not link or value in (None, "", 0, "0", False):
        return ""
    return f" xlink:href={quoteattr(f'{base}/{link.format(id=owner)}/{escape(str(value))}')}"


def _as_json(resource: Resource, fields: Iterable[Field], row: Row) -> dict[str, Any]:
    shown = {field.name: row.get(field.name) for field in _visible(resource, fields)}
    named = {
        one.name: row["associations"][one.name]
        for one in resource.associations
        if row.get("associations", {}).get(one.name)
    }
    return {**shown, "associations": named} if named and fields is resource.fields else shown


def _as_xml(base: str, resource: Resource, fields: Iterable[Field], row: Row) -> str:
    lines = "".join(f"\t{_field_xml(base, field, row)}\n" for field in _visible(resource, fields))
    if fields is resource.fields and resource.associations:
        lines += f"<associations>\n{_associations_xml(base, resource, row)}</associations>\n"
    return f"<{resource.one}>\n{lines}</{resource.one}>\n"


def _visible(resource: Resource, fields: Iterable[Field]) -> list[Field]:
    return [field for field in fields if not (field.is_hidden and fields is resource.fields)]


def _field_xml(base: str, field: Field, row: Row) -> str:
    value = row.get(field.name)
    if field.is_translated:
        return f"<{field.name}>{language(base, str(value or ''))}</{field.name}>"
    marks = link_of(base, field.link, value, row["id"]) + ("" if field.is_filterable else ' notFilterable="true"')
    return f"<{field.name}{marks}>{cdata(value)}</{field.name}>"


def _associations_xml(base: str, resource: Resource, row: Row) -> str:
    parts = []
    for one in resource.associations:
        api = 'virtualEntity="true"' if one.is_virtual else f'api="{one.name}"'
        items = row.get("associations", {}).get(one.name, ())
        head = f'<{one.name} nodeType="{one.item}" {api}'
        shown = "".join(_item_xml(one.item, link_of(base, one.link, item["id"], row["id"]), item) for item in items)
        parts.append(f"{head}>\n{shown}</{one.name}>\n" if items else f"{head}/>\n")
    return "".join(parts)


def _item_xml(name: str, link: str, item: Row) -> str:
    lines = "".join(f"\t<{key}>{cdata(value)}</{key}>\n" for key, value in item.items())
    return f"\t<{name}{link}>\n{lines}\t</{name}>\n"

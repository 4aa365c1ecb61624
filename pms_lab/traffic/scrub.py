"""Recordings without secrets and guests: what is not named is taken out, names as well as values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from xml.etree.ElementTree import Element, ParseError, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.traffic.har import Exchange

REDACTED: Final = "REDACTED"


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may stay, by name; upper and lower case are the same for headers.

    Attributes:
        headers: others are dropped.
        query: others lose name and value.
        fields: of JSON, forms and XML (elements, and attributes in Clark notation); others lose name and value, and
            what stands below them.
    """

    headers: frozenset[str] = frozenset()
    query: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()


def scrubbed(exchange: Exchange, allowed: Allowed) -> Exchange:
    """Return an exchange with only what is allowed, both ways.

    The path stays, and so do label and channel, which the recorder wrote; of the error its first word stays. A body
    that is neither JSON nor XML nor a form is taken out as a whole.
    """
    request, response = exchange.request, exchange.response
    return replace(
        exchange,
        request=HttpRequest(
            request.method,
            _url(request.url, allowed),
            _headers(request.headers.items(), allowed),
            _body(request.body, allowed),
        ),
        response=None
        if response is None
        else HttpResponse(response.status, _headers(response.headers.items(), allowed), _body(response.body, allowed)),
        error=" ".join(re.findall(r"^\w+", exchange.error)),
    )


def _url(url: str, allowed: Allowed) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    query = urlencode(_pairs(parse_qsl(parts.query, keep_blank_values=True), allowed.query))
    return urlunsplit((parts.scheme, host, parts.path, query, ""))


def _headers(headers: Iterable[tuple[str, str]], allowed: Allowed) -> dict[str, str]:
    known = {name.lower() for name in allowed.headers}
    return {name: value for name, value in headers if name.lower() in known}


def _pairs(pairs: Iterable[tuple[str, str]], allowed: frozenset[str]) -> list[tuple[str, str]]:
    return [(name, value) if name in allowed else (REDACTED, REDACTED) for name, value in pairs]


def _body(body: bytes, allowed: Allowed) -> bytes:
    if not body:
        return b""
    try:
        text = body.decode("utf-8-sig").lstrip()
        if text.startswith("<"):
            root = fromstring(text.encode(), forbid_dtd=True)
            return tostring(_element(root, allowed.fields), encoding="unicode").encode()
        if text.startswith(("{", "[")):
            return json.dumps(_value(json.loads(text), allowed.fields), ensure_ascii=False).encode()
        return urlencode(_pairs(parse_qsl(text, strict_parsing=True), allowed.fields)).encode()
    except (ValueError, RecursionError, LookupError, ParseError, DefusedXmlException):
        return REDACTED.encode()


def _value(value: Any, allowed: frozenset[str]) -> Any:
    """Keep the fields that are allowed; what stands in a list without a name stays with the list."""
    if isinstance(value, list):
        return [_value(one, allowed) for one in value]
    if isinstance(value, dict):
        kept = {name: _value(one, allowed) for name, one in value.items() if name in allowed}
        return kept | ({REDACTED: REDACTED} if len(kept) < len(value) else {})
    return value


def _element(element: Element, allowed: frozenset[str]) -> Element:
    if element.tag not in allowed:
        copy = Element(REDACTED)
        copy.text = REDACTED
        return copy
    copy = Element(element.tag, {name: value for name, value in element.attrib.items() if name in allowed})
    copy.text = element.text
    copy.extend(_element(child, allowed) for child in element)
    return copy

"""Requests and answers held against a vendor's official description, in Swagger 2.0 or OpenAPI 3.0.

    official = Official(json.loads(path.read_text()), undeclared={429: "the limits page names it"})
    assert official.request_faults(request) == []
    assert official.answer_faults(request, response) == []

Checks are stricter than the descriptions: objects hold declared fields only, queries and forms declared names only, and
an answer without a declared form has no body.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from jsonschema import Draft4Validator, FormatChecker

from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.sim.pms.face import Face
from pms_lab.sim.pms.state import Pms
from tests.adapters.descriptions import Media, Operation, Parameter, Schema, media_type, operations_of, resolved, strict

ORDINARY_HEADERS: Final = frozenset(
    ["accept", "accept-encoding", "authorization", "connection", "content-length", "content-type", "host", "user-agent"]
)


def is_date(text: str) -> bool:
    """Whether a text is a full date of RFC 3339."""
    return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", text)) and _reads(date.fromisoformat, text)


def is_date_time(text: str) -> bool:
    """Whether a text is a date-time of RFC 3339, with its offset."""
    form = r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)"
    return bool(re.fullmatch(form, text)) and _reads(datetime.fromisoformat, text.upper())


def is_local_date_time(text: str) -> bool:
    """Whether a text is ``2026-11-30 14:33:54`` or ``2026-11-30 14:33:54.0``: no offset, as some vendors write it."""
    return bool(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d)?", text)) and _reads(
        datetime.fromisoformat, text[:19]
    )


def _reads(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


class Official:
    """One or several official descriptions of a vendor.

    Args:
        documents: as read from JSON.
        formats: tests that take the place of RFC 3339's, by the name of the format (``date``, ``date-time``).
        undeclared: statuses that the vendor answers although the description does not say so, with the source; the
            bodies of such answers are not checked.
    """

    def __init__(
        self,
        *documents: Mapping[str, Any],
        formats: Mapping[str, Callable[[str], bool]] | None = None,
        undeclared: Mapping[int, str] | None = None,
    ) -> None:
        self.operations = [operation for document in documents for operation in operations_of(document)]
        self.undeclared = undeclared or {}
        self._formats = FormatChecker(formats=())
        for name, test in ({"date": is_date, "date-time": is_date_time} | dict(formats or {})).items():
            self._formats.checks(name)(_of_texts(test))

    def operation(self, request: HttpRequest) -> Operation | None:
        """Return the operation that a request names; the most literal path where several fit."""
        fits = [one for one in self.operations if one.values(request.method, urlsplit(request.url).path) is not None]
        return min(fits, key=lambda one: one.path.count("{"), default=None)

    def request_faults(self, request: HttpRequest) -> list[str]:
        """Return what is wrong with a request; nothing where it is as the description says."""
        operation = self.operation(request)
        if operation is None:
            return [f"{request.method} {urlsplit(request.url).path} is no operation of the description"]
        faults = [
            *self._parameter_faults(operation, request),
            *_credential_faults(operation, request),
            *self._body_faults(operation, request),
        ]
        return [f"{operation.name}: {fault}" for fault in faults]

    def answer_faults(self, request: HttpRequest, response: HttpResponse) -> list[str]:
        """Return what is wrong with an answer to a request."""
        operation = self.operation(request)
        if operation is None or response.status in self.undeclared:
            return []
        status = str(response.status)
        ways = (status, f"{status[0]}XX", "default")
        media = next((operation.answers[way] for way in ways if way in operation.answers), None)
        if media is None:
            return [f"{operation.name}: status {status} is not declared"]
        if not media:
            return [f"{operation.name}: status {status} has no body"] if response.body else []
        faults = self._media_faults(operation, media, response.headers, response.body)
        return [f"{operation.name} {status}: {fault}" for fault in faults]

    def _parameter_faults(self, operation: Operation, request: HttpRequest) -> Iterator[str]:
        parts = urlsplit(request.url)
        given: dict[str, list[tuple[str, str]]] = {
            "path": list((operation.values(request.method, parts.path) or {}).items()),
            "query": parse_qsl(parts.query, keep_blank_values=True),
            "header": [(name.lower(), value) for name, value in request.headers.items()],
        }
        declared = {(one.where, _folded(one)) for one in operation.parameters}
        for name in {name for name, _ in given["query"]} - {name for where, name in declared if where == "query"}:
            yield f"query {name} is not declared"
        proofs = {name for way in operation.credentials for name in way}
        known_headers = {name for where, name in declared if where == "header"} | ORDINARY_HEADERS | proofs
        for name in {name for name, _ in given["header"]} - known_headers:
            yield f"header {name} is not declared"
        for parameter in operation.parameters:
            values = [value for name, value in given[parameter.where] if name == _folded(parameter)]
            yield from self._value_faults(operation, parameter, values)

    def _value_faults(self, operation: Operation, parameter: Parameter, values: list[str]) -> Iterator[str]:
        what = f"{parameter.where} {parameter.name}"
        if not values:
            if parameter.is_required:
                yield f"{what} is missing"
            return
        is_list = parameter.schema.get("type") == "array"
        if len(values) > 1 and (not is_list or parameter.separator):
            yield f"{what} comes {len(values)} times"
        elif is_list:
            texts = values[0].split(parameter.separator) if parameter.separator else values
            yield from self._faults(operation, parameter.schema, _typed(operation, parameter.schema, texts), what)
        else:
            yield from self._faults(operation, parameter.schema, _typed(operation, parameter.schema, values[0]), what)

    def _body_faults(self, operation: Operation, request: HttpRequest) -> Iterator[str]:
        if operation.bodies:
            yield from self._media_faults(operation, operation.bodies, request.headers, request.body)
        elif request.body:
            yield "it takes no body"

    def _media_faults(
        self, operation: Operation, media: Media, headers: Mapping[str, str], body: bytes
    ) -> Iterator[str]:
        sent = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
        schema = media.get(media_type(sent))
        if media_type(sent) not in media:
            yield f"content type {sent!r} is none of {', '.join(media)}"
        elif schema is None:
            return
        elif "form-urlencoded" in sent:
            yield from self._faults(operation, schema, _typed(operation, schema, _form(body)), "form")
        else:
            try:
                record = json.loads(body, parse_float=Decimal)
            except ValueError:
                yield "the body is no JSON"
            else:
                yield from self._faults(operation, schema, record, "body")

    def _faults(self, operation: Operation, schema: Schema, value: Any, what: str) -> Iterator[str]:
        root = {"allOf": [strict(schema)], **operation.shared}
        for error in Draft4Validator(root, format_checker=self._formats).iter_errors(value):
            place = ".".join(map(str, error.absolute_path))
            yield f"{what}{f' at {place}' if place else ''}: {error.message[:200]}"


class Witnessed:
    """A face whose every request and answer must be as the official description says; else it raises.

    Attributes:
        seen: the names of the operations that were asked for.
    """

    def __init__(self, face: Face, official: Official) -> None:
        self.face = face
        self.official = official
        self.pms: Pms = face.pms
        self.seen: set[str] = set()

    def answer(self, request: HttpRequest, at: datetime) -> HttpResponse:
        """Answer as the face does.

        Raises:
            AssertionError: the request or the answer breaks the description.
        """
        assert not (faults := self.official.request_faults(request)), faults
        response = self.face.answer(request, at)
        assert not (faults := self.official.answer_faults(request, response)), faults
        operation = self.official.operation(request)
        self.seen |= {operation.name} if operation else set()
        return response

    def throttled(self, wait_s: float) -> HttpResponse:
        """Answer as the face does."""
        return self.face.throttled(wait_s)


def _credential_faults(operation: Operation, request: HttpRequest) -> Iterator[str]:
    sent = {name.lower(): value for name, value in request.headers.items()}
    proven = [
        all(name in sent and sent[name].startswith(start) for name, start in way.items())
        for way in operation.credentials
    ]
    if proven and not any(proven):
        yield "none of the declared credentials is there"


def _folded(parameter: Parameter) -> str:
    return parameter.name.lower() if parameter.where == "header" else parameter.name


def _of_texts(test: Callable[[str], bool]) -> Callable[[object], bool]:
    return lambda value: not isinstance(value, str) or test(value)


def _form(body: bytes) -> Any:
    """Read a form; ``rates[0][interval][rate]=5`` nests as PHP does. A field that comes twice is a list."""
    fields: dict[str, Any] = {}
    for name, text in parse_qsl(body.decode(), keep_blank_values=True):
        first, *rest = re.findall(r"[^\[\]]+", name) or [name]
        place = fields
        for part, following in zip([first, *rest], rest, strict=False):
            place = place.setdefault(part, {}) if following else place
        last = rest[-1] if rest else first
        place[last] = text if last not in place else [place[last], text]
    return _with_lists(fields)


def _with_lists(record: Any) -> Any:
    if not isinstance(record, dict):
        return record
    children = {name: _with_lists(one) for name, one in record.items()}
    if children and all(name.isdigit() for name in children):
        return [children[name] for name in sorted(children, key=int)]
    return children


def _typed(operation: Operation, schema: Schema, value: Any) -> Any:
    """Give texts of a query or form the type that the schema declares, where they are written as one."""
    schema = resolved(operation.shared, schema)
    if "allOf" in schema and len(schema["allOf"]) == 1:
        return _typed(operation, schema["allOf"][0], value)
    if "anyOf" in schema:
        return _typed(operation, schema["anyOf"][0], value)
    if isinstance(value, dict):
        kinds = schema.get("properties", {})
        return {name: _typed(operation, kinds.get(name, {}), one) for name, one in value.items()}
    if isinstance(value, list):
        return [_typed(operation, schema.get("items", {}), one) for one in value]
    match schema.get("type"):
        case "integer" if re.fullmatch(r"-?\d+", value):
            return int(value)
        case "number" if re.fullmatch(r"-?\d+(\.\d+)?", value):
            return Decimal(value)
        case "boolean" if value in ("true", "false"):
            return value == "true"
        case _:
            return value

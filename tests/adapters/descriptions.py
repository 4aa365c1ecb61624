"""Official descriptions as operations: Swagger 2.0 and OpenAPI 3.0 in one form."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urlsplit

Schema = Mapping[str, Any]
Media = Mapping[str, Schema | None]
"""Forms by media type; None where the description gives the type alone."""

METHODS: Final = ("get", "put", "post", "delete", "patch", "head", "options")
NOT_SCHEMA: Final = frozenset({"name", "in", "required", "collectionFormat", "description", "allowEmptyValue"})


@dataclass(frozen=True)
class Parameter:
    """A declared path, query or header parameter.

    Attributes:
        where: ``path``, ``query`` or ``header``.
        separator: between several values in one text; None where the name comes once for each value.
    """

    name: str
    where: str
    is_required: bool
    schema: Schema
    separator: str | None = None


@dataclass(frozen=True)
class Operation:
    """A declared operation.

    Attributes:
        name: its operationId, or its method and path where it has none.
        path: with the base path, and names in braces.
        bodies: what it takes; empty where it takes none.
        answers: what it gives, by status as the description writes it (``200``, ``2XX``, ``default``).
        credentials: ways to prove who we are, each the headers that it needs and what they begin with.
        shared: the document's own definitions, which the forms refer to.
    """

    name: str
    method: str
    path: str
    parameters: Sequence[Parameter]
    bodies: Media
    answers: Mapping[str, Media]
    credentials: Sequence[Mapping[str, str]]
    shared: Schema = field(repr=False)

    def values(self, method: str, path: str) -> Mapping[str, str] | None:
        """Return the values of the path's parameters, or None where the operation is another."""
        pattern = re.sub(r"\\\{([^}]*)\\\}", "([^/]+)", re.escape(self.path))
        match = re.fullmatch(pattern, path)
        if match is None or method != self.method:
            return None
        names = re.findall(r"\{([^}]*)\}", self.path)
        return dict(zip(names, map(unquote, match.groups()), strict=True))


def operations_of(document: Mapping[str, Any]) -> Iterator[Operation]:
    """Yield the operations of a description, as read from JSON."""
    is_swagger = "swagger" in document
    base = document.get("basePath", "") if is_swagger else urlsplit(document["servers"][0]["url"]).path
    shared = _shared(document)
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                plain = item[method]
                declared = [
                    resolved(document, one) for one in [*item.get("parameters", []), *plain.get("parameters", [])]
                ]
                read = _swagger_parts if is_swagger else _openapi_parts
                parameters, bodies, answers = read(document, plain, declared)
                name = plain.get("operationId", f"{method.upper()} {path}")
                yield Operation(
                    name,
                    method.upper(),
                    base.rstrip("/") + path,
                    parameters,
                    bodies,
                    answers,
                    _credentials(document, plain),
                    shared,
                )


Parts = tuple[list[Parameter], Media, Mapping[str, Media]]


def _swagger_parts(document: Mapping[str, Any], plain: Mapping[str, Any], declared: list[dict[str, Any]]) -> Parts:
    consumes = plain.get("consumes", document.get("consumes", ["application/json"]))
    produces = plain.get("produces", document.get("produces", ["application/json"]))
    separators = {"csv": ",", "ssv": " ", "tsv": "\t", "pipes": "|"}
    parameters = [
        Parameter(
            one["name"],
            one["in"],
            one.get("required", False),
            _value_schema(one),
            separators.get(one.get("collectionFormat", "csv")),
        )
        for one in declared
        if one["in"] in ("path", "query", "header")
    ]
    body = next((one["schema"] for one in declared if one["in"] == "body"), None)
    fields = [one for one in declared if one["in"] == "formData"]
    if fields:
        body = {
            "type": "object",
            "properties": {one["name"]: _value_schema(one) for one in fields},
            "required": [one["name"] for one in fields if one.get("required")],
        }
    bodies = {media_type(kind): body for kind in consumes} if body else {}
    answers = {status: resolved(document, answer) for status, answer in plain["responses"].items()}
    return (
        parameters,
        bodies,
        {
            status: {media_type(kind): answer["schema"] for kind in produces} if "schema" in answer else {}
            for status, answer in answers.items()
        },
    )


def _openapi_parts(document: Mapping[str, Any], plain: Mapping[str, Any], declared: list[dict[str, Any]]) -> Parts:
    parameters = [
        Parameter(
            one["name"],
            one["in"],
            one.get("required", False),
            one["schema"],
            None if one.get("explode", one["in"] == "query") else ",",
        )
        for one in declared
        if one["in"] in ("path", "query", "header")
    ]
    body = resolved(document, plain.get("requestBody", {}))
    answers = {status: resolved(document, answer) for status, answer in plain["responses"].items()}
    return parameters, _content(body), {status: _content(answer) for status, answer in answers.items()}


def _content(holder: Mapping[str, Any]) -> Media:
    return {media_type(kind): media.get("schema") for kind, media in holder.get("content", {}).items()}


def _value_schema(parameter: Mapping[str, Any]) -> Schema:
    return {key: value for key, value in parameter.items() if key not in NOT_SCHEMA}


def _credentials(document: Mapping[str, Any], plain: Mapping[str, Any]) -> list[Mapping[str, str]]:
    schemes = document.get("securityDefinitions") or document.get("components", {}).get("securitySchemes", {})
    ways = plain.get("security", document.get("security", []))
    return [dict(_proof(schemes[name]) for name in way) for way in ways]


def _proof(scheme: Mapping[str, Any]) -> tuple[str, str]:
    if scheme["type"] == "apiKey" and scheme["in"] == "header":
        return scheme["name"].lower(), ""
    is_basic = scheme["type"] == "basic" or scheme.get("scheme") == "basic"
    return "authorization", "Basic " if is_basic else "Bearer "


def _shared(document: Mapping[str, Any]) -> Schema:
    definitions = {name: strict(schema) for name, schema in document.get("definitions", {}).items()}
    components = {name: strict(schema) for name, schema in document.get("components", {}).get("schemas", {}).items()}
    return {"definitions": definitions, "components": {"schemas": components}}


def strict(schema: Schema) -> dict[str, Any]:
    """Close objects to undeclared fields, and write OpenAPI's `nullable` as JSON Schema does."""
    closed = dict(schema)
    if "properties" in schema:
        closed["properties"] = {name: strict(one) for name, one in schema["properties"].items()}
        closed.setdefault("additionalProperties", False)
    for word in ("allOf", "anyOf", "oneOf"):
        if word in schema:
            closed[word] = [strict(one) for one in schema[word]]
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            closed[word] = strict(schema[word])
    if closed.pop("nullable", False):
        return {"anyOf": [closed, {"type": "null"}]}
    return closed


def resolved(document: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a record refers to, or the record itself."""
    while "$ref" in record:
        place: Any = document
        for part in record["$ref"].removeprefix("#/").split("/"):
            place = place[part.replace("~1", "/").replace("~0", "~")]
        record = place
    return dict(record)


def media_type(text: str) -> str:
    """Return a media type in one way of writing; its parameters count."""
    return text.lower().replace(" ", "")

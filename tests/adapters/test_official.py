"""The check against official descriptions, on small ones of both kinds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pms_lab.engine.ports import HttpRequest, HttpResponse
from tests.adapters.official import Official, is_date, is_date_time, is_local_date_time

ROOM = {
    "type": "object",
    "properties": {"number": {"type": "string"}, "beds": {"type": "integer"}},
    "required": ["number"],
}

SWAGGER: dict[str, Any] = {
    "swagger": "2.0",
    "basePath": "/v1",
    "consumes": ["application/json"],
    "produces": ["application/json"],
    "securityDefinitions": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
    "security": [{"key": []}],
    "definitions": {"room": ROOM},
    "responses": {"gone": {}},
    "paths": {
        "/rooms/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "type": "integer"}],
            "get": {
                "operationId": "getRoom",
                "parameters": [
                    {"name": "view", "in": "query", "type": "array", "items": {"type": "string", "enum": ["a", "b"]}}
                ],
                "responses": {"200": {"schema": {"$ref": "#/definitions/room"}}, "404": {"$ref": "#/responses/gone"}},
            },
            "put": {
                "operationId": "putRoom",
                "parameters": [{"name": "room", "in": "body", "schema": {"$ref": "#/definitions/room"}}],
                "responses": {"200": {}},
            },
        },
        "/rooms/best": {"get": {"operationId": "getBest", "responses": {"200": {}}}},
    },
}

OPENAPI: dict[str, Any] = {
    "openapi": "3.0.1",
    "servers": [{"url": "https://rooms.example/v1/"}],
    "security": [{"key": []}, {"token": []}],
    "components": {
        "securitySchemes": {
            "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
            "token": {"type": "oauth2", "flows": {}},
        },
        "schemas": {
            "room": ROOM,
            "change": {
                "type": "object",
                "properties": {
                    "note": {"type": "string", "nullable": True},
                    "rates": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {"rate": {"type": "number"}, "on": {"type": "boolean"}},
                        },
                    },
                },
            },
        },
    },
    "paths": {
        "/rooms/{id}": {
            "get": {
                "operationId": "getRoom",
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}},
                    {
                        "name": "view",
                        "in": "query",
                        "explode": False,
                        "schema": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}},
                    },
                ],
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/room"}}}},
                    "default": {"content": {"application/json": {"schema": {"type": "string", "nullable": True}}}},
                },
            },
            "put": {
                "operationId": "putRoom",
                "requestBody": {
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/room"}},
                        "application/x-www-form-urlencoded": {"schema": {"$ref": "#/components/schemas/change"}},
                    }
                },
                "responses": {"200": {}},
            },
        },
        "/rooms/best": {"get": {"operationId": "getBest", "responses": {"200": {}}}},
    },
}

BOTH = pytest.mark.parametrize("official", [Official(SWAGGER), Official(OPENAPI)], ids=["Swagger 2.0", "OpenAPI 3.0"])
JSON = {"content-type": "application/json", "x-key": "k"}
FORM = {"content-type": "application/x-www-form-urlencoded", "x-key": "k"}


def request(path: str, method: str = "GET", body: bytes = b"", **headers: str) -> HttpRequest:
    return HttpRequest(method, f"https://rooms.example/v1{path}", {"x-key": "k", **headers}, body)


def put(record: object) -> HttpRequest:
    return HttpRequest("PUT", "https://rooms.example/v1/rooms/1", JSON, json.dumps(record).encode())


@BOTH
@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        (request("/rooms/1"), None),
        (request("/rooms/1?view=a,b"), None),
        (request("/rooms/1?view=a,c"), "'c' is not one of"),
        (request("/rooms/1?view=a&view=b"), "comes 2 times"),
        (request("/rooms/x"), "is not of type 'integer'"),
        (request("/rooms/best"), None),
        (request("/rooms/best?view=a"), "view is not declared"),
        (request("/rooms/1", "PATCH"), "no operation"),
        (request("/rooms/1", body=b"{}"), "takes no body"),
        (HttpRequest("GET", "https://rooms.example/v1/rooms/1"), "credentials"),
        (put({"number": "1", "beds": 2}), None),
        (put({"beds": 2}), "'number' is a required property"),
        (put({"number": 1}), "is not of type 'string'"),
        (put({"number": "1", "color": "red"}), "'color' was unexpected"),
        (request("/rooms/1", "PUT", b"number=1"), "content type ''"),
    ],
)
def test_requests_are_held_against_either_kind_of_description(
    official: Official, asked: HttpRequest, fault: str | None
) -> None:
    faults = official.request_faults(asked)
    assert (faults == []) if fault is None else any(fault in one for one in faults), faults


@BOTH
def test_answers_are_held_against_either_kind_of_description(official: Official) -> None:
    asked = request("/rooms/1")
    right = HttpResponse(200, {"content-type": "application/json"}, b'{"number": "1", "beds": 2}')
    wrong = HttpResponse(200, {"content-type": "application/json"}, b'{"number": "1", "beds": 2.5}')
    assert official.answer_faults(asked, right) == []
    assert official.answer_faults(asked, wrong)
    assert official.answer_faults(request("/rooms/best"), HttpResponse(200)) == []
    assert official.answer_faults(request("/rooms/best"), right)


def test_an_undeclared_status_is_a_fault_unless_a_reason_is_given() -> None:
    for undeclared, count in [({}, 1), ({429: "named by the documentation"}, 0)]:
        official = Official(SWAGGER, undeclared=undeclared)
        assert len(official.answer_faults(request("/rooms/1"), HttpResponse(429))) == count
    assert Official(SWAGGER).answer_faults(request("/rooms/1"), HttpResponse(404)) == []


def test_what_a_default_answer_declares_holds_for_every_other_status() -> None:
    official = Official(OPENAPI)
    for body, is_right in [(b'"no"', True), (b"null", True), (b"1", False)]:
        answer = HttpResponse(500, {"content-type": "application/json"}, body)
        assert (official.answer_faults(request("/rooms/1"), answer) == []) is is_right


@pytest.mark.parametrize(
    ("form", "fault"),
    [
        (b"note=x", None),
        (b"rates[0][rate]=5.5&rates[0][on]=true&rates[1][rate]=7", None),
        (b"rates[0][rate]=much", "is not of type 'number'"),
        (b"rates[0][on]=yes", "is not of type 'boolean'"),
        (b"rates[0][price]=5", "'price' was unexpected"),
        (b"comment=x", "'comment' was unexpected"),
    ],
)
def test_forms_nest_and_their_texts_have_types(form: bytes, fault: str | None) -> None:
    asked = HttpRequest("PUT", "https://rooms.example/v1/rooms/1", FORM, form)
    faults = Official(OPENAPI).request_faults(asked)
    assert (faults == []) if fault is None else any(fault in one for one in faults), faults


@pytest.mark.parametrize(
    ("text", "date", "moment", "local"),
    [
        ("2026-11-30", True, False, False),
        ("2026-02-30", False, False, False),
        ("20261130", False, False, False),
        ("2026-11-30T10:00:00Z", False, True, False),
        ("2026-11-30T10:00:00.123+02:00", False, True, False),
        ("2026-11-30T10:00:00", False, False, False),
        ("2026-11-30 10:00:00", False, False, True),
        ("2026-11-30 10:00:00.0", False, False, True),
        ("2026-11-30 25:00:00", False, False, False),
    ],
)
def test_dates_and_times_are_read_strictly(text: str, date: bool, moment: bool, local: bool) -> None:
    assert (is_date(text), is_date_time(text), is_local_date_time(text)) == (date, moment, local)

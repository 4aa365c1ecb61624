"""Answers that Mews should never give: each ends as an error of ours, or as a write in doubt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from functools import cache, partial
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pms_lab.domain.outcome import Applied, Refused, Unknown
from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.errors import BadAnswer, PmsLabError
from tests.adapters.mews_desk import (
    READS,
    WRITES,
    Desk,
    Operation,
    busy_desk,
    meant,
    operation_of,
    performed,
)
from tests.contracts.harness import NOON, now

Path = tuple[str | int, ...]

BAD_BODIES: Final = {
    "nothing": b"",
    "half": b'{"Reservations": [{"Id": "1"',
    "HTML": b"<html><body>Bad gateway</body></html>",
    "latin 1": '{"Message": "Zürich"}'.encode("latin-1"),
    "null": b"null",
    "a list": b"[]",
    "an empty object": b"{}",
    "a text": b'"Reservations"',
    "a number that is none": b'{"Reservations": NaN}',
    "a number without end": b'{"Reservations": 1' + b"0" * 5000 + b"}",
    "nested without end": b'{"Reservations":' + b"[" * 100_000,
    "nested deeply": b'{"Reservations":' + b"[" * 300 + b"]" * 300 + b"}",
    "an error in a success": b'{"Message": "Something went wrong", "RequestId": "1"}',
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_an_answer_that_cannot_be_read_is_an_error_of_a_read(read: Operation, body: bytes) -> None:
    desk = busy_desk()
    desk.http.tamper = lambda request, response: HttpResponse(200, {"content-type": "application/json"}, body)
    with pytest.raises(BadAnswer):
        now(read(desk))
    assert not now(desk.mews.health_check()).is_up


@pytest.mark.parametrize("write", WRITES, ids=lambda write: type(write).__name__)
@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'{"half": '], ids=["nothing", "null", "list", "half"])
def test_an_answer_that_cannot_be_read_leaves_a_write_in_doubt_or_unsent(write: Any, body: bytes) -> None:
    desk = busy_desk()
    desk.http.tamper = lambda request, response: HttpResponse(200, {}, body)
    for outcome in performed(desk, write):
        assert isinstance(outcome, Unknown | Refused), outcome
    assert isinstance(now(desk.mews.reconcile(write, NOON)), Unknown)


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_fields_that_mews_adds_change_nothing(read: Operation) -> None:
    plain, more = busy_desk(), busy_desk()

    def adding(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        answer = json.loads(response.body, parse_float=Decimal)
        for _, node in list(nodes(answer)):
            if isinstance(node, dict) and "Metrics" not in node:
                node["AddedLater"] = {"by": ["Mews"]}
        return HttpResponse(200, {}, json.dumps(answer, default=float).encode())

    more.http.tamper = adding
    assert now(read(more)) == now(read(plain))


RESERVATIONS: Final = "reservations/getAll/2023-06-06"
ITEMS: Final = "orderItems/getAll"


@pytest.mark.parametrize(
    ("path", "place", "values"),
    [
        (RESERVATIONS, ("Reservations", 0, "Id"), ["", None, 1]),
        (RESERVATIONS, ("Reservations", 0, "PersonCounts"), [None, {}, [1], [{"AgeCategoryId": "a", "Count": "2"}]]),
        (
            RESERVATIONS,
            ("Reservations", 0, "ScheduledStartUtc"),
            ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-11-30T15:00:00", "1764500000", 1764500000, "", None],
        ),
        (ITEMS, ("OrderItems", 0, "Amount", "GrossValue"), [None, "12.50", True, 10**30, -(10**400), [], {}]),
        (ITEMS, ("OrderItems", 0, "Amount", "Currency"), ["usd", "", "US$", None, 840, "EUR"]),
        (ITEMS, ("OrderItems",), [None, {}, "none"]),
    ],
)
def test_a_value_of_another_kind_is_an_error(path: str, place: Path, values: list[Any]) -> None:
    for value in values:
        desk = busy_desk()

        def tamper(request: HttpRequest, response: HttpResponse, value: Any = value) -> HttpResponse:
            if not request.url.endswith(path):
                return response
            return HttpResponse(200, {}, json.dumps(changed(json.loads(response.body), place, value)).encode())

        desk.http.tamper = tamper
        with pytest.raises(BadAnswer):
            now(READS["get_reservation" if path == RESERVATIONS else "get_balance"](desk))


def nodes(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every part of a JSON value, with the way to it."""
    yield path, value
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from nodes(part, (*path, key))


def changed(value: Any, path: Path, new: Any) -> Any:
    """Return a JSON value with one part replaced."""
    if not path:
        return new
    first, rest = path[0], path[1:]
    if isinstance(value, dict):
        return {**value, first: changed(value[first], rest, new)}
    return [changed(part, rest, new) if at == first else part for at, part in enumerate(value)]


async def done_and_read_back(desk: Desk, write: Any) -> None:
    """Do a write, and read back whether it is there."""
    intent = meant(desk, write)
    ends = await operation_of(desk, write)(intent)
    outcomes = [*ends.values()] if isinstance(ends, dict) else [ends]
    for outcome in [*outcomes, await desk.mews.reconcile(intent, NOON)]:
        assert isinstance(outcome, Applied | Refused | Unknown)


ODD_VALUES: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**30, -(10**30), 10**400, 1e300, 0.1, "12.50", "", "text", "\ud800", "x" * 5000]),
    st.sampled_from(
        ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-11-30", "2026-11-30T15:00:00", "1764500000"]
    ),
    st.sampled_from([[], {}, [[]], [{}], [None], {"Id": None}, {"": ""}]),
)


ALL: Final[dict[str, Operation]] = {
    **READS,
    **{type(write).__name__: partial(done_and_read_back, write=write) for write in WRITES},
}


@cache
def answers_to(name: str) -> int:
    """How many answers an operation gets when all goes well."""
    desk = busy_desk()
    now(ALL[name](desk))
    return len(desk.http.answered)


def shortened(value: Any) -> Any:
    return value[:-1] if isinstance(value, list | str) else {}


@settings(max_examples=600, deadline=None)
@given(data=st.data())
def test_whatever_part_of_an_answer_is_wrong_only_errors_of_ours_come_out(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(list(ALL)))
    wrong = data.draw(st.integers(0, answers_to(name) - 1))
    desk = busy_desk()

    def tamper(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        assert len(desk.http.sent) < 60, "a read that does not end"
        if len(desk.http.answered) != wrong:
            return response
        answer = json.loads(response.body)
        parts = list(nodes(answer))
        field = data.draw(st.sampled_from(sorted({field_of(path) for path, _ in parts})))
        path, value = data.draw(st.sampled_from([part for part in parts if field_of(part[0]) == field]))
        odd = data.draw(ODD_VALUES | st.just(shortened(value)))
        return HttpResponse(200, {}, json.dumps(changed(answer, path, odd)).encode())

    desk.http.tamper = tamper
    try:
        now(ALL[name](desk))
    except PmsLabError:
        assert name in READS, "a write raises no error"


def field_of(path: Path) -> str:
    """The name of the field that a way leads to, wherever it stands in a list."""
    return ".".join(part for part in path if isinstance(part, str))

"""Answers that Mews should never give: each ends as an error of ours, or as a write in doubt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
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
    Operation,
    busy_desk,
    performed,
)
from tests.contracts.harness import NOON, now

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


Path = tuple[str | int, ...]


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


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_whatever_part_of_an_answer_is_wrong_only_errors_of_ours_come_out(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([*READS, *(type(write).__name__ for write in WRITES)]))
    wrong_from = data.draw(st.integers(0, 4))
    desk = busy_desk()

    def tamper(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        assert len(desk.http.sent) < 60, "a read that does not end"
        if len(desk.http.sent) <= wrong_from or response.status != 200:
            return response
        answer = json.loads(response.body)
        path = data.draw(st.sampled_from([path for path, _ in nodes(answer)]))
        return HttpResponse(200, {}, json.dumps(changed(answer, path, data.draw(ODD_VALUES))).encode())

    desk.http.tamper = tamper
    write = next((one for one in WRITES if type(one).__name__ == name), None)
    try:
        if write is None:
            now(READS[name](desk))
        else:
            for outcome in [*performed(desk, write), now(desk.mews.reconcile(write, NOON))]:
                assert isinstance(outcome, Applied | Refused | Unknown)
    except PmsLabError:
        assert write is None, "a write raises no error"

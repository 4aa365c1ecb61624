"""Answers that cannot be read end in one error of ours, which shows nothing of them."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from pms_lab.adapters.reading import beforehand, coded, ended, json_of, parsed, xml_of
from pms_lab.domain.outcome import Refused, Unknown, Why
from pms_lab.engine.ports import HttpResponse
from pms_lab.errors import BadAnswer, BreakerOpen, PmsError, PmsFailed, PmsRefused, Throttled, Unanswered
from tests.contracts.harness import now

CANARY = "canary-7f3a"
BOMB = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))


class Stay(BaseModel):
    """A model of some vendor's."""

    number: int
    total: Decimal


def answer(body: bytes, kind: str = "application/json") -> HttpResponse:
    return HttpResponse(200, {"content-type": kind}, body)


def whole(error: BaseException) -> str:
    """All that a traceback would show."""
    return "".join(traceback.format_exception(error))


JSON = {
    "nothing": b"",
    "half": b'{"number": 7, "total": ',
    "HTML": b"<html><body>Fatal error: canary-7f3a</body></html>",
    "Latin-1": f'{{"name": "José {CANARY}"}}'.encode("latin-1"),
    "UTF-16": '{"number": 7}'.encode("utf-16"),
    "not a number": b'{"total": NaN}',
    "endless": b'{"total": Infinity}',
    "half a character": b'{"name": "\\uD800 canary-7f3a"}',
    "too deep": b"[" * 100_000 + b"]" * 100_000,
}
XML = {
    "nothing": b"",
    "half": b"<a><b>canary-7f3a",
    "HTML": b"<html><br></html>",
    "two roots": b"<a/><b/>",
    "an entity": b'<!DOCTYPE a [<!ENTITY e "canary-7f3a">]><a>&e;</a>',
    "entities upon entities": f'<!DOCTYPE a [<!ENTITY e0 "ha">{BOMB}]><a>&e9;</a>'.encode(),
    "a file of ours": b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]><a>&e;</a>',
    "an unknown encoding": b'<?xml version="1.0" encoding="no-such"?><a/>',
    "bytes that are no text": b"\x00\xff\xfe",
}


@pytest.mark.parametrize("body", JSON.values(), ids=JSON)
def test_what_is_no_json_is_a_bad_answer_that_shows_nothing_of_it(body: bytes) -> None:
    with pytest.raises(BadAnswer) as raised:
        json_of(answer(body))
    assert CANARY not in whole(raised.value)
    assert CANARY not in repr(raised.value.__cause__)


@pytest.mark.parametrize("body", XML.values(), ids=XML)
def test_what_is_no_xml_or_defines_entities_is_a_bad_answer_that_shows_nothing_of_it(body: bytes) -> None:
    with pytest.raises(BadAnswer) as raised:
        xml_of(answer(body, "text/xml"))
    assert CANARY not in str(raised.value)


@pytest.mark.parametrize(
    "record",
    [
        "null",
        "[]",
        "7",
        "{}",
        '{"number": null, "total": 1}',
        f'{{"number": "{CANARY}", "total": 1}}',
        f'{{"number": {{"deep": "{CANARY}"}}, "total": 1}}',
    ],
)
def test_a_record_of_another_form_names_its_fields_and_shows_no_value(record: str) -> None:
    with pytest.raises(BadAnswer) as raised:
        parsed(Stay, answer(record.encode()))
    assert "Stay" in str(raised.value)
    assert CANARY not in whole(raised.value)


def test_a_character_written_as_two_halves_is_one() -> None:
    assert json_of(answer(b'{"name": "\\ud83d\\ude00"}')) == {"name": "\U0001f600"}


def test_amounts_are_read_as_they_are_written() -> None:
    stay = parsed(Stay, answer(b'\xef\xbb\xbf{"number": 7, "total": 0.1000000000000000055, "more": 1}'))
    assert stay.total == Decimal("0.1000000000000000055")


@given(body=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    for read in (json_of, xml_of, lambda response: parsed(Stay, response)):
        with suppress(BadAnswer):
            read(answer(body))


def failing(error: PmsError) -> Awaitable[None]:
    async def read() -> None:
        raise error

    return read()


def test_a_failed_read_before_a_write_leaves_no_doubt_and_keeps_its_reason() -> None:
    open_breaker, throttled = BreakerOpen("open", retry_after_s=9), Throttled("429", retry_after_s=7)
    open_breaker.doubt = throttled.doubt = Unanswered("an earlier attempt of the read")
    ends = [now(ended(beforehand(failing(error)))) for error in (open_breaker, throttled, Unanswered("lost"))]
    assert [(one.why, one.retry_after_s) for one in ends if isinstance(one, Refused)] == [
        (Why.BREAKER_OPEN, 9),
        (Why.THROTTLED, 7),
        (Why.NOT_SENT, None),
    ]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("OPERAWS-RTP01", "OPERAWS-RTP01"),
        ("87", "87"),
        ("a.b:c_d", "a.b:c_d"),
        (None, None),
        ("", None),
        (87, None),
        ("Ada Byron", None),
        ("ada@example.com", None),
        ("x" * 41, None),
        ("é", None),
        ("1\n", None),
    ],
)
def test_a_refusal_has_the_vendor_s_code_where_that_is_a_short_word(code: object, told: str | None) -> None:
    async def refuse() -> None:
        raise coded(PmsRefused("no", status=400), code)

    for call in (refuse(), beforehand(refuse())):
        outcome = now(ended(call))
        assert isinstance(outcome, Refused)
        assert (outcome.message, outcome.code) == ("no", told)


def test_a_write_in_doubt_has_no_code() -> None:
    async def fail() -> None:
        raise coded(PmsFailed("HTTP 500", status=500), "87")

    assert now(ended(fail())) == Unknown("HTTP 500")

"""Answers into values, and ends of calls into outcomes: what all vendors' adapters share."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable
from decimal import Decimal
from typing import Any, NoReturn, TypeVar
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from pydantic import BaseModel, ValidationError

from pms_lab.domain.outcome import Applied, Outcome, outcome_of
from pms_lab.engine.ports import HttpResponse
from pms_lab.errors import BadAnswer, Effect, NotSent, PmsError, PmsRefused

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
E = TypeVar("E", bound=PmsError)


async def ended(call: Awaitable[T]) -> Outcome[T]:
    """Await a write and tell how it ended."""
    try:
        return Applied(await call)
    except PmsError as error:
        return outcome_of(error)


def coded(error: E, code: object) -> E:
    """Return an error with the vendor's code of it; whatever is no short word may hold a guest's data."""
    if isinstance(code, str) and re.fullmatch(r"[\w.:-]{1,40}", code, re.ASCII):
        error.code = code
    return error


async def found(call: Awaitable[T]) -> T | None:
    """Await a read; None where the PMS answers 404."""
    try:
        return await call
    except PmsRefused as refused:
        if refused.status == 404:
            return None
        raise


async def beforehand(call: Awaitable[T]) -> T:
    """Await a call that comes before a write: whatever becomes of it, the write has not been sent.

    Raises:
        NotSent: in the place of errors that would leave the write's effect open.
        PmsError: the call failed otherwise.
    """
    try:
        return await call
    except PmsError as error:
        error.doubt = None  # what was read before it had no effect either
        if error.effect is Effect.NONE:
            raise
        message = f"not sent, since what comes before it failed: {error}"
        raise NotSent(message, status=error.status, retry_after_s=error.retry_after_s) from error


def json_of(response: HttpResponse) -> Any:
    """Return the JSON of an answer, numbers with a point as Decimal.

    Raises:
        BadAnswer: the body is no JSON in UTF-8, or nested too deeply.
    """
    try:
        text = response.body.decode("utf-8-sig")
        record = json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
        if "\\ud" in text.lower():  # half a character, which no text can hold, may be written as an escape
            json.dumps(record, ensure_ascii=False, default=str).encode()
        return record
    except (UnicodeDecodeError, UnicodeEncodeError) as exc:  # not kept as the cause: it prints the whole body
        message = f"{_shown(response)} is no text in UTF-8 from {exc.start} on: {exc.reason}"
        raise BadAnswer(message, status=response.status) from None
    except (ValueError, RecursionError) as exc:
        raise BadAnswer(f"{_shown(response)} is no JSON: {type(exc).__name__}", status=response.status) from exc


def parsed(model: type[M], response: HttpResponse) -> M:
    """Return the JSON of an answer as a model of the vendor's.

    Raises:
        BadAnswer: the body is no JSON, or not of this form; the message names the fields, not their values.
    """
    return validated(model, json_of(response), response.status)


def validated(model: type[M], record: Any, status: int | None = None) -> M:
    """Return a record of an answer as a model of the vendor's.

    Raises:
        BadAnswer: it is not of this form; the message names the fields, not their values.
    """
    try:
        return model.model_validate(record)
    except ValidationError as exc:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['type']}" for fault in exc.errors()[:5])
        raise BadAnswer(f"the answer is no {model.__name__}: {faults}", status=status) from None  # it shows values
    except RecursionError as exc:
        raise BadAnswer(f"the answer is no {model.__name__}: nested too deeply", status=status) from exc


def xml_of(response: HttpResponse) -> Element:
    """Return the root of an answer in XML.

    Raises:
        BadAnswer: the body is no XML, or defines entities.
    """
    try:
        root: Element = fromstring(response.body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as exc:
        raise BadAnswer(f"{_shown(response)} is no XML: {type(exc).__name__}", status=response.status) from exc
    return root


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _shown(response: HttpResponse) -> str:
    kind = response.headers.get("content-type", "no content type").partition(";")[0][:40]
    return f"the answer (HTTP {response.status}, {kind}, {len(response.body)} bytes)"

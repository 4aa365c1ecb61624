"""Replays a recording of QloApps against the face, and compares every answer and what is there in the end."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from pms_lab.engine.ports import HttpResponse
from pms_lab.sim.pms.faces.qloapps import KEY, Key, QloAppsFace, Quirks, demo_pms
from pms_lab.traffic.har import Exchange, read_har

FIXTURES = Path(__file__).parents[2] / "fixtures" / "qloapps"

LANDED = 0.85
"""When a write takes effect between request and answer, as a share of the way."""

KEYS = {
    KEY: Key(),
    "D" * 32: Key(is_active=False),
    "R" * 32: Key(methods=("GET", "HEAD")),
    "P" * 32: Key(resources=frozenset({"bookings"})),
}
KEY_OF = {
    "401 malformed key": "short",
    "401 unknown key": "U" * 32,
    "401 disabled key": "D" * 32,
    "405 read-only key": "R" * 32,
    "401 resource not permitted": "P" * 32,
}
"""The keys are redacted in the recordings; which kind it was is told by the label."""
SWITCHED_OFF = "503 webservice disabled"

TIMES = ("date_add", "date_upd", "invoice_date", "booking_date", "last_passwd_gen")
STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
NEVER = "0000-00-00 00:00:00"
REFERENCE = re.compile(r"[A-Z]{9}")

Leaves = dict[str, tuple[str, Any]]
"""Every leaf of an answer in order: its path to its type and its value."""


@dataclass(frozen=True)
class Compared:
    """One exchange and the face's answer to it.

    Attributes:
        shape: paths that only one of the two has, that stand elsewhere, or that hold another type.
        values: paths of other values, with ours and the recorded one.
    """

    index: int
    label: str
    status: tuple[int, int]
    shape: list[str]
    values: dict[str, tuple[Any, Any]]

    @property
    def has_same_status(self) -> bool:
        return self.status[0] == self.status[1]

    @property
    def has_same_shape(self) -> bool:
        return self.has_same_status and not self.shape


@dataclass(frozen=True)
class Replay:
    """A recording, replayed. Requests without an answer are not sent."""

    compared: list[Compared]
    face: QloAppsFace
    ended_at: Any

    def rows(self, resource: str, fields: dict[str, str]) -> list[dict[str, str]]:
        """What the face holds, as the truth writes it; `fields` are the truth's names and the resource's."""
        return [
            {name: _as_stored(name, row[field]) for name, field in fields.items()}
            for row in self.face.rows.of(resource, self.ended_at)
        ]


@cache
def replayed(name: str) -> Replay:
    """Replay a recording against a fresh demo hotel."""
    face = QloAppsFace(demo_pms(zone="UTC"), keys=KEYS, quirks=Quirks(warns=name.startswith("04")))
    exchanges = read_har(FIXTURES / f"{name}.har.gz")
    compared = [
        _compared(index, exchange, _answer(face, exchange), exchange.response)
        for index, exchange in enumerate(exchanges)
        if exchange.response is not None
    ]
    return Replay(compared, face, exchanges[-1].started_at + timedelta(minutes=1))


def truth_of(name: str) -> dict[str, list[dict[str, str]]]:
    truth: dict[str, list[dict[str, str]]] = json.loads((FIXTURES / f"{name}.truth.json").read_text())
    return truth


def _answer(face: QloAppsFace, exchange: Exchange) -> HttpResponse:
    headers = dict(exchange.request.headers)
    if headers.get("Authorization", "").startswith("Basic"):
        key = KEY_OF.get(exchange.label, KEY)
        headers["Authorization"] = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
    face.is_on = exchange.label != SWITCHED_OFF
    at = exchange.started_at + timedelta(seconds=(exchange.took_s or 0) * LANDED)
    return face.answer(replace(exchange.request, headers=headers), at)


def _compared(index: int, exchange: Exchange, ours: HttpResponse, theirs: HttpResponse) -> Compared:
    mine, recorded = _leaves(ours), _leaves(theirs)
    shape = [path for path in {**mine, **recorded} if mine.get(path, ("",))[0] != recorded.get(path, ("",))[0]]
    if not shape and list(mine) != list(recorded):
        shape = ["the order of the fields"]
    values = {
        path: (mine[path][1], recorded[path][1])
        for path in mine
        if path in recorded and not _is_equal(path, mine[path][1], recorded[path][1])
    }
    return Compared(index, exchange.label, (ours.status, theirs.status), shape, values)


def _leaves(response: HttpResponse) -> Leaves:
    kind = response.headers.get("content-type", "").partition(";")[0]
    text = response.body.decode()
    if kind == "application/json":
        found = dict(_json_leaves("", json.loads(text)))
    elif kind == "text/xml":
        found = dict(_xml_leaves("", fromstring(text)))
    else:
        found = {"text": ("str", text.strip())}
    return {"content-type": (kind, kind), **found}


def _json_leaves(path: str, value: Any) -> Iterator[tuple[str, tuple[str, Any]]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _json_leaves(f"{path}/{name}", inner)
    elif isinstance(value, list) and value:
        for at, inner in enumerate(value):
            yield from _json_leaves(f"{path}[{at}]", inner)
    else:
        kind = type(value).__name__
        yield path, ("number" if kind in ("int", "float") else kind, value)


def _xml_leaves(path: str, element: Element) -> Iterator[tuple[str, tuple[str, Any]]]:
    for name, value in element.attrib.items():
        yield f"{path}@{name}", ("attribute", re.sub(r"^http://[^/]*", "", value))
    if not len(element):
        yield path, ("text", (element.text or "").strip())
    for at, child in enumerate(element):
        yield from _xml_leaves(f"{path}[{at}]/{child.tag}", child)


def _is_equal(path: str, ours: Any, theirs: Any) -> bool:
    """Whether two values are the same; of times and references only whether both are one."""
    name = path.rpartition("/")[2]
    for names, form in ((TIMES, STAMP), (("reference",), REFERENCE)):
        if name in names and form.fullmatch(str(ours)) and form.fullmatch(str(theirs)):
            return bool((ours == NEVER) == (theirs == NEVER))
    is_equal: bool = ours == theirs
    return is_equal


def _as_stored(name: str, value: Any) -> str:
    return str(value)[:10] if name in ("date_from", "date_to") else str(value)

"""Recordings in HAR 1.2: exchanges in, exchanges out.

The reader takes what browsers and proxies write: a byte order mark, bodies in base64 or left out, status 0 for no
answer, -1 for times unknown, HTTP/2's pseudo-headers, and fields of their own that begin with an underscore.

Source: http://www.softwareishard.com/blog/har-12-spec/
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pms_lab.engine.ports import HttpRequest, HttpResponse
from pms_lab.errors import InputError

_GZIP: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it.

    Attributes:
        response: None where no answer came.
        started_at: aware.
        took_s: None where it is not known.
        label: what the recorder says about it.
        channel: who asked.
        error: why no answer came; empty where one did.
    """

    request: HttpRequest
    response: HttpResponse | None
    started_at: datetime
    took_s: float | None = None
    label: str = ""
    channel: str = ""
    error: str = ""


def read_har(path: Path) -> list[Exchange]:
    """Read a recording, gzipped or not.

    Raises:
        InputError: it is no HAR; the message says where.
    """
    return parse_har(path.read_bytes(), str(path))


def parse_har(body: bytes, name: str = "the recording") -> list[Exchange]:
    """Read a recording from its bytes; `name` is what messages call it.

    Raises:
        InputError: it is no HAR; the message says where.
    """
    try:
        text = (gzip.decompress(body) if body.startswith(_GZIP) else body).decode("utf-8-sig")
        entries = json.loads(text)["log"]["entries"]
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, RecursionError) as exc:
        raise InputError(f"{name} is no HAR with log.entries: {type(exc).__name__}; export it anew") from exc
    if not isinstance(entries, list):
        raise InputError(f"log.entries of {name} is no list; export it anew")
    return [_exchange(entry, f"entry {at} of {name}") for at, entry in enumerate(entries)]


def write_har(path: Path, exchanges: Iterable[Exchange]) -> None:
    """Write a recording; a path that ends in ``.gz`` is gzipped, always to the same bytes."""
    log = {
        "version": "1.2",
        "creator": {"name": "pms_lab", "version": "1"},
        "entries": [_entry(exchange) for exchange in exchanges],
    }
    body = json.dumps({"log": log}, ensure_ascii=False, indent=1).encode()
    path.write_bytes(gzip.compress(body, mtime=0) if path.suffix == ".gz" else body)


def _exchange(entry: Any, where: str) -> Exchange:
    try:
        asked, answered = entry["request"], entry.get("response") or {}
        status = int(answered.get("status") or 0)
        error = str(entry.get("_error") or answered.get("_error") or "")
        return Exchange(
            request=HttpRequest(
                str(asked["method"]).upper(),
                str(asked["url"]),
                _headers(asked.get("headers"), lower=False),
                _body(asked.get("postData")),
            ),
            response=HttpResponse(status, _headers(answered.get("headers")), _body(answered.get("content")))
            if status > 0
            else None,
            started_at=_time(entry["startedDateTime"]),
            took_s=_seconds(entry.get("time")),
            label=str(entry.get("comment") or ""),
            channel=str(entry.get("_channel") or ""),
            error=error or ("" if status > 0 else "no answer"),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as exc:
        raise InputError(f"{where} is no exchange: {type(exc).__name__} {exc}; leave it out, or export anew") from exc


def _headers(listed: Any, *, lower: bool = True) -> dict[str, str]:
    """Join the headers by name. HTTP/2's pseudo-headers are left out: the method and the address say the same."""
    headers: dict[str, str] = {}
    for one in listed or ():
        name, value = str(one["name"]), str(one.get("value") or "")
        key = name.lower() if lower else name
        if name and not name.startswith(":"):
            headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers


def _body(part: Any) -> bytes:
    if not part or part.get("text") is None:
        return b""
    text = str(part["text"])
    if part.get("encoding") == "base64":
        return base64.b64decode("".join(text.split()), validate=True)
    return text.encode("utf-8", "surrogatepass")


def _time(text: Any) -> datetime:
    at = datetime.fromisoformat(str(text))
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _seconds(milliseconds: Any) -> float | None:
    return None if milliseconds is None or float(milliseconds) < 0 else float(milliseconds) / 1000


def _entry(exchange: Exchange) -> dict[str, Any]:
    request, response = exchange.request, exchange.response
    milliseconds = -1 if exchange.took_s is None else exchange.took_s * 1000
    return {
        "startedDateTime": exchange.started_at.isoformat(),
        "time": milliseconds,
        "request": {
            "method": request.method,
            "url": request.url,
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _listed(request.headers),
            "queryString": [],
            "headersSize": -1,
            "bodySize": len(request.body),
        }
        | ({"postData": {"mimeType": _kind(request.headers), **_text(request.body)}} if request.body else {}),
        "response": {
            "status": response.status if response else 0,
            "statusText": "",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _listed(response.headers if response else {}),
            "content": {"size": len(response.body), "mimeType": _kind(response.headers), **_text(response.body)}
            if response
            else {"size": 0, "mimeType": ""},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": len(response.body) if response else -1,
        },
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
        "comment": exchange.label,
        "_channel": exchange.channel,
    } | ({"_error": exchange.error} if exchange.error else {})


def _listed(headers: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers.items()]


def _kind(headers: Mapping[str, str]) -> str:
    return next((value for name, value in headers.items() if name.lower() == "content-type"), "")


def _text(body: bytes) -> dict[str, str]:
    try:
        return {"text": body.decode("utf-8")}
    except UnicodeDecodeError:
        return {"text": base64.b64encode(body).decode("ascii"), "encoding": "base64"}

"""Local days and Mews's date-times, which are always UTC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

LONGEST_INTERVAL: Final = timedelta(days=89)
"""Mews takes intervals of up to three months; this is how short three months can be."""


def utc_text(at: datetime) -> str:
    """Return an aware time as Mews writes it: ``2023-03-22T12:12:00Z``."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def on(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return a time of a local day, as UTC."""
    return datetime.combine(day, at, zone).astimezone(UTC)


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """Return when a local day begins, as UTC. It is also where Mews's time unit of that day starts."""
    return on(day, time(), zone)


def interval(start: datetime, end: datetime) -> Mapping[str, str]:
    """Return a time interval as a filter.

    Mews's pages disagree on whether the end belongs to it (guidelines, serialization: yes; operations, common objects:
    no), so who asks looks at the answers once more.
    """
    return {"StartUtc": utc_text(start), "EndUtc": utc_text(end)}


def intervals(start: datetime, end: datetime) -> Iterator[Mapping[str, str]]:
    """Yield the intervals, none too long for Mews, that together cover a time; neighbours share an end."""
    while start < end:
        until = min(start + LONGEST_INTERVAL, end)
        yield interval(start, until)
        start = until

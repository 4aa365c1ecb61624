"""The head of a daily report: what it is of, and its figures at a glance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Any, Final

import polars as pl

from pms_lab.scoring.scores import Scores
from pms_lab.wording import money, percent

HEADLINE_MIME: Final = "application/vnd.pms-lab.headline+json"

GRID: Final = (
    "display:grid;grid-template-columns:repeat(auto-fill,minmax(190px,1fr));gap:12px;font-family:system-ui,sans-serif"
)
TILE: Final = (
    '<div style="padding:12px 16px;border:1px solid #e4e7eb;border-radius:8px">'
    '<div style="color:#7b8794;font-size:12px">{name}</div>'
    '<div style="font-size:24px;font-weight:600;color:#1f2933;margin:2px 0">{figure}</div>'
    '<div style="color:#7b8794;font-size:12px">{detail}</div></div>'
)


@dataclass(frozen=True)
class Tile:
    """One figure at a glance: its name, the figure, and what it is of."""

    name: str
    figure: str
    detail: str


@dataclass(frozen=True)
class Headline:
    """Shown in a notebook as a title, a note and a row of tiles; carries the same figures as data for the index."""

    location: str
    name: str
    run_date: date
    is_last: bool
    note: str
    tolerance: str
    tiles: tuple[Tile, ...]

    def record(self) -> dict[str, Any]:
        """Return what the index of reports shows of this one."""
        return {
            "location": self.location,
            "name": self.name,
            "run_date": self.run_date.isoformat(),
            "tolerance": self.tolerance,
            "figures": [vars(tile) for tile in self.tiles],
        }

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return {"text/html": self._html(), "text/plain": repr(self), HEADLINE_MIME: self.record()}

    def _html(self) -> str:
        tiles = "".join(TILE.format(**{key: escape(text) for key, text in vars(tile).items()}) for tile in self.tiles)
        return (
            f'<h1 style="margin-bottom:0">{escape(self.name)}</h1>'
            f'<p style="color:#52606d;margin-top:4px">Dry run of {self.run_date:%A}, {self.run_date.day} '
            f"{self.run_date:%B %Y}{', the last in its data' if self.is_last else ''} · {escape(self.location)} · "
            f"agreement within {escape(self.tolerance)} · nothing was published</p>"
            f'<p style="color:#52606d;font-style:italic">{escape(self.note)}</p>'
            f'<div style="{GRID}">{tiles}</div>'
        )


def headline(scores: Scores, is_last: bool) -> Headline:
    """Sum up the scores of one location."""
    place = scores.location
    tiles = tuple(_tiles(scores))
    return Headline(place.code, place.name, scores.run_date, is_last, place.note, within_words(scores), tiles)


def within_words(scores: Scores) -> str:
    """Say what counts as agreement: ``$2`` or ``5%``."""
    if scores.tolerance.is_percent:
        return str(scores.tolerance)
    return money(scores.tolerance.amount, scores.location.currency).removesuffix(".00")


def _tiles(scores: Scores) -> list[Tile]:
    scored = scores.today.filter(pl.col("difference").is_not_null())
    overall = scores.overall.row(0, named=True)
    so_far = (
        f"{overall['scored']:,} cells on {scores.days_scored:,} run {'date' if scores.days_scored == 1 else 'dates'}"
    )
    tiles = [
        Tile("Exact, this run date", _share(scored["exact"]), _count(scored["exact"])),
        Tile("Within, this run date", _share(scored["within"]), _count(scored["within"])),
        Tile("Within, all so far", percent(overall["within"], 1), so_far),
        Tile(
            "Mean error, all so far",
            money(overall["error"], scores.location.currency),
            "of recommended to manual",
        ),
        Tile("Coverage, all so far", percent(overall["coverage"], 1), "recommended cells with a manual rate"),
        Tile("Confidence Avg", percent(scores.confidence), "of the agents, this run date"),
    ]
    if scores.noise_floor_within is not None:
        floor = scores.noise_floor.row(0, named=True)
        apart = (
            f"{percent(floor['within_without_duplicates'])} of {floor['pairs_without_duplicates']:,} without duplicates"
        )
        tiles.append(Tile("Two people agree", percent(floor["within"]), f"{floor['pairs']:,} pairs; {apart}"))
    return tiles


def _share(agree: pl.Series) -> str:
    return percent(int(agree.sum()) / agree.len() if agree.len() else None)


def _count(agree: pl.Series) -> str:
    return f"{agree.sum()} of {agree.len()} cells" if agree.len() else "no cell with a manual rate"

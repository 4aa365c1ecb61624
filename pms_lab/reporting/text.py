"""The dry run as text: what agents recommended, what people set, and how far the two agree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time
from typing import Any

import polars as pl

from pms_lab.domain.location import Location
from pms_lab.reporting.headline import within_words
from pms_lab.scoring.analysis import analysis
from pms_lab.scoring.scores import Scores
from pms_lab.wording import change, money, percent

Row = dict[str, Any]


def text_report(scores: Scores, run_at: time, *, compare: bool, every_cell: bool = False) -> str:
    """Write the dry run of one day.

    Args:
        run_at: local time at which the dry run is made, for the heading.
        compare: whether the manual rates and the agreement with them follow.
        every_cell: show also the dated cells without a manual rate, which are otherwise counted only.
    """
    sections = [_heading(scores, run_at), _recommended(scores, every_cell)]
    if compare:
        sections += [_manual(scores), _agreement(scores), f"Analysis: {analysis(scores)}"]
    else:
        sections += [_confidence(scores)]
    return "\n\n".join(sections)


def as_record(scores: Scores) -> Row:
    """Return the same facts for a script: amounts as decimal text, dates as ISO text."""
    scored = scores.today.filter(pl.col("difference").is_not_null())
    return {
        "location": scores.location.code,
        "run_date": scores.run_date,
        "currency": scores.location.currency,
        "tolerance": str(scores.tolerance),
        "cells": scores.today.drop("location", "run_date", "currency").to_dicts(),
        "scored": scored.height,
        "exact": int(scored["exact"].sum()),
        "within": int(scored["within"].sum()),
        "confidence_avg": scores.confidence,
        "days_scored": scores.days_scored,
        "analysis": analysis(scores),
    }


def _heading(scores: Scores, run_at: time) -> str:
    clock = f"{run_at.hour % 12 or 12}:{run_at.minute:02d} {'AM' if run_at.hour < 12 else 'PM'}"
    return f"DRY RUN: {scores.run_date} {clock}\nLocation: {scores.location.code}"


def _recommended(scores: Scores, every_cell: bool) -> str:
    told = scores.today.filter(pl.lit(every_cell) | pl.col("manual").is_not_null() | pl.col("stay_date").is_null())
    lines = ["Agent Recommendations (NOT PUBLISHED):"]
    lines += [_recommendation(row, scores.location) for row in told.iter_rows(named=True)]
    left = scores.today.height - told.height
    if left:
        lines.append(f"  … and {left} dated cells without a manual rate (--all shows them)")
    return "\n".join(lines)


def _recommendation(row: Row, location: Location) -> str:
    return f"  {_name(row, location)}: {money(row['rate'], location.currency)} ({_current(row, location)})"


def _current(row: Row, location: Location) -> str:
    if row["current"] is None:
        return "no current rate"
    moved = change(row["rate"], row["current"]) if row["rate"] is not None else None
    return ", ".join(filter(None, [f"current: {money(row['current'], location.currency)}", moved]))


def _manual(scores: Scores) -> str:
    lines = ["Manual Rates (Human decision):", *_manual_lines(scores)]
    return "\n".join(lines if len(lines) > 1 else [*lines, "  none on this day"])


def _manual_lines(scores: Scores) -> Iterator[str]:
    location = scores.location
    for row in scores.today.iter_rows(named=True):
        if row["manual"] is not None:
            yield f"  {_name(row, location)}: {money(row['manual'], location.currency)} ({_verdict(row, location)})"
        elif row["manual_seen"] is not None:
            seen = money(row["manual_seen"], location.currency)
            yield f"  {_name(row, location)}: {seen} (not counted: the recommendation had been seen)"


def _verdict(row: Row, location: Location) -> str:
    if row["rate"] is None:
        return "no recommendation"
    if row["exact"]:
        return "✓ match"
    agent, manual = money(row["rate"], location.currency), money(row["manual"], location.currency)
    return f"conflict: agent {agent} vs manual {manual}"


def _agreement(scores: Scores) -> str:
    scored = scores.today.filter(pl.col("difference").is_not_null())
    what = "classes" if scores.today["stay_date"].null_count() == scores.today.height else "cells"
    return "\n".join(
        [
            f"Accuracy: {_of(scored['exact'], what)}",
            _confidence(scores),
            f"Agreement within {within_words(scores)}: {_of(scored['within'], what)}",
        ]
    )


def _confidence(scores: Scores) -> str:
    return f"Confidence Avg: {percent(scores.confidence)}"


def _of(agree: pl.Series, what: str) -> str:
    return f"{agree.sum()}/{agree.len()} {what} ({percent(int(agree.sum()) / agree.len() if agree.len() else None)})"


def _name(row: Row, location: Location) -> str:
    persons = row["occupancy"] and f"{row['occupancy']} persons"
    parts = (location.label(row["product"]), row["stay_date"], row["rate_plan"], persons, row["tax_basis"])
    return " ".join(str(part) for part in parts if part is not None)

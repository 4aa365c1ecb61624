"""The anatomy of a push: what its notebook shows, one method a cell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Final

import altair as alt
import polars as pl
from great_tables import GT, loc, style

from pms_lab.charts.crash_points import crash_points
from pms_lab.charts.look import use_offline_renderer
from pms_lab.charts.push_timeline import timeline
from pms_lab.errors import InputError, listed
from pms_lab.reporting.tables import Table
from pms_lab.sim.anatomy.course import Course, Trouble, course, scenes
from pms_lab.sim.anatomy.sweeps import crashes, edits
from pms_lab.sim.push_world import DESK
from pms_lab.wording import UNKNOWN, money

TITLES: Final = {
    "calm": (
        "A calm push",
        "The thick arrow: all three rates change at one instant. PUBLISHED is said only after they were read back.",
    ),
    "lost answer": (
        "An answer that was lost",
        "The write had landed, and nobody said so: the push reads, and ends when nothing of it can come any more.",
    ),
    "partial write": (
        "Two of three rates landed, and the third is not taken",
        "From green back to grey: what is ours is taken back, and proven twice, a minute apart.",
    ),
    "colleague": (
        "A colleague sets a rate in the middle",
        "The read-back finds a rate that is neither the old nor the new one: it is left alone, and a person is asked.",
    ),
    "late landing": (
        "A write that lands late",
        "The long arrow: nothing was there, so it was sent again; the push does not end before it has landed.",
    ),
    "death": (
        "The process dies just after asking for the write",
        "The write lands all the same. Recovery waits for the lock to lapse, and believes only what it reads.",
    ),
    "death and a partial write": (
        "It dies, and only two of three rates land",
        "Nobody is there to see it. Recovery finds what is ours, takes it back, and tells it.",
    ),
}
EXPOSED: Final = {
    "calm": (
        "The exposed window of a calm push",
        "Red: an edit between our check and our write is overwritten, and nobody sees it.",
    ),
    "late landing": (
        "The exposed window when a write goes unanswered",
        "Red lasts until the late write has landed. What the push says of itself covers it.",
    ),
}
FATES: Final = {"known": "known", "noticed": "noticed, and left alone", "lost": "lost", "later": "safe"}
PURPOSES: Final = {
    "take the lock": "one push at a location at a time, whatever the machine",
    "what is known?": "no other push is open; the ledger can be written; with which rates the day began",
    "alive?": "nothing is begun while the PMS is down",
    "rates": "the old rates are known, and the new ones are judged by them",
    "rooms": "the availability is fresh",
    "open PREPARED": "what is meant is durable, old and new rates, before anything is written",
    "record IN_PROGRESS": "whoever comes after a crash knows that a write may be on its way",
    "check": "a rate that somebody else has changed stops the push",
    "write 3": "the new rates, as many to a request as the PMS takes",
    "read back": "each rate is proven; an answer alone proves nothing",
    "record PUBLISHED": "the end is durable, with what was read back",
    "give the lock back": "the next push need not wait",
}
"""Of each step of a calm push: so that …"""


APART: Final = style.css("padding-left: 24px")
APART_FROM: Final = [loc.body(columns="ending"), loc.column_labels("ending")]
LABELS: Final = {code: product.label for code, product in DESK.products.items()}


@dataclass(frozen=True)
class PushAnatomy:
    """The courses of one push of three rates: calm, in trouble, and dying at each instant; all in virtual time.

    Attributes:
        seed: of the simulation; another one gives other latencies.
    """

    seed: int

    def __post_init__(self) -> None:
        use_offline_renderer()

    @cached_property
    def _scenes(self) -> dict[str, Trouble]:
        return scenes(self.seed)

    def _course(self, name: str) -> Course:
        if name not in self._scenes:
            raise InputError(f"course {name!r} of a push: there are {listed(self._scenes)}")
        return course(self.seed, self._scenes[name])

    def steps(self) -> Table:
        """List what a calm push does, step by step."""
        taken = self._course("calm").happenings.filter(pl.col("lane") == "app")
        is_new = pl.col("phase").ne_missing(pl.col("phase").shift())
        rows = taken.select(
            phase=pl.when(is_new).then("phase").otherwise(pl.lit("")),
            step="label",
            asks="asks",
            purpose=pl.col("label").replace(PURPOSES),
            took=((pl.col("end_s") - pl.col("start_s")) * 1000).round().cast(pl.Int64),
        )
        table = _dressed(rows, "steps").cols_label(
            phase="Phase", step="Step", asks="Asks the", purpose="So that", took="Took (ms)"
        )
        bold = style.text(weight="bold")
        return Table("steps", rows.height, table.tab_style(bold, loc.body(columns="phase")).as_raw_html())

    def timeline(self, name: str) -> alt.TopLevelMixin:
        """Draw one course.

        Raises:
            InputError: there is none of that name.
        """
        drawn = self._course(name).happenings
        return timeline(drawn, *TITLES[name], is_brief=name != "calm")

    def cells(self, name: str) -> Table:
        """Show how a course ended, cell by cell.

        Raises:
            InputError: there is none of that name.
        """
        one = self._course(name)
        rows = one.cells.with_columns(pl.col("product").replace(LABELS), pl.col("ending").fill_null(UNKNOWN))
        table = _dressed(rows, "cells").fmt(partial(money, currency=DESK.currency), ["old", "new", "held"])
        table = table.tab_header(f"The ledger says {one.state}", one.why).cols_label(
            product="Class", old="Before", new="Meant", held="In the PMS at the end", ending="What the push tells of it"
        )
        table = table.tab_style(style.text(weight="bold"), loc.title()).tab_style(APART, APART_FROM)
        for alert in one.alerts:
            table = table.tab_source_note(f"Alert, {alert.severity}: {alert.kind}. Next: {alert.next_step}.")
        return Table("cells", rows.height, table.as_raw_html())

    def crash_points(self) -> alt.TopLevelMixin:
        """Draw where a calm push can die, and how recovery ends it."""
        rows = crashes(self.seed)
        whole = rows.filter(pl.col("held").list.n_unique() == 1).height
        title = f"{rows.height} instants to die at: {whole} ended with all rates old or all new"
        return crash_points(rows, title, "Each square is a rate. The ledger says PUBLISHED exactly where all are new.")

    def exposed(self, name: str) -> alt.TopLevelMixin:
        """Draw what becomes of a colleague's edit at each instant of a course.

        Raises:
            InputError: there is none of that name.
        """
        one = self._course(name)
        drawn = pl.concat([one.happenings, _fates(one, edits(self.seed, self._scenes[name]))], how="diagonal")
        return timeline(drawn, *EXPOSED[name], is_brief=name != "calm")


def _fates(one: Course, stretches: pl.DataFrame) -> pl.DataFrame:
    """Return the lane of what becomes of an edit, and of how long the push says that one could have been lost."""
    end_s = one.instants_s[-1]
    fates = stretches.select(
        "start_s",
        pl.col("end_s").clip(upper_bound=end_s),
        lane=pl.lit("fate"),
        kind="fate",
        label=pl.col("fate").replace_strict(FATES),
    )
    exposed_s, from_s = one.exposed_s or 0.0, one.request("check")["start_s"]
    said = {"start_s": from_s, "end_s": from_s + exposed_s, "label": f"exposed for {exposed_s:.2f} s at most"}
    return pl.concat([fates, pl.DataFrame([{**said, "lane": "fate", "kind": "exposed"}])], how="diagonal")


def _dressed(rows: pl.DataFrame, name: str) -> GT:
    numbers = [column for column, kind in rows.schema.items() if kind.is_numeric()]
    return (
        GT(rows, id=name)
        .cols_align("right", numbers)
        .tab_options(
            table_font_size="14px", table_width="100%", column_labels_font_weight="600", table_font_color="#1f2933",
            heading_align="left", heading_title_font_size="15px", heading_title_font_weight="600",
            heading_subtitle_font_size="13px",
        )
    )  # fmt: skip

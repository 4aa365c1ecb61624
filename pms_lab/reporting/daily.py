"""The daily dry-run report: what its notebook shows, one method a cell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from html import escape
from typing import Final

import altair as alt
import polars as pl

from pms_lab.charts import dry_run as charts
from pms_lab.charts.look import use_offline_renderer
from pms_lab.reporting import tables
from pms_lab.reporting.headline import Headline, headline, within_words
from pms_lab.reporting.tables import Table
from pms_lab.scoring.analysis import analysis
from pms_lab.scoring.scores import Scores

RECENT: Final = timedelta(days=28)


@dataclass(frozen=True)
class Sentence:
    """One sentence that a notebook shows as text."""

    text: str

    def _repr_html_(self) -> str:
        style = "border-left:4px solid #0b6e4f;background:#f3f8f6;padding:10px 16px;margin:16px 0"
        return f'<p style="{style};max-width:none"><b>Analysis:</b> {escape(self.text)}</p>'


@dataclass(frozen=True)
class DailyReport:
    """The scores of one location up to a run date, as tables and charts.

    Attributes:
        target: share of cells within tolerance that is aimed at, 0 to 1.
        is_last: whether the run date is the location's last one in the evidence.
    """

    scores: Scores
    target: float
    is_last: bool

    def __post_init__(self) -> None:
        use_offline_renderer()

    @cached_property
    def _labels(self) -> dict[str, str]:
        return {code: product.label for code, product in self.scores.location.products.items()}

    def headline(self) -> Headline:
        """Say what the report is of, with its figures at a glance."""
        return headline(self.scores, self.is_last)

    def analysis(self) -> Sentence:
        """Say which class is off, which way, how surely, and whose weight would have moved it."""
        return Sentence(analysis(self.scores))

    def cells_of_the_day(self) -> Table:
        """Show the cells of the run date beside the manual rates."""
        return tables.cells_of_the_day(self.scores)

    def agreement_over_time(self) -> alt.TopLevelMixin:
        """Draw the agreement per run date against the target."""
        return charts.agreement_over_time(
            self.scores.by_run_date, self.target, self.scores.noise_floor_within, within_words(self.scores)
        )

    def recommended_against_manual(self) -> alt.TopLevelMixin:
        """Draw the cells of the last 28 days, recommended against manual."""
        tolerance = self.scores.tolerance
        recent = self.scores.comparison.filter(pl.col("run_date") > self.scores.run_date - RECENT)
        return charts.recommended_against_manual(
            recent, self._labels, float(tolerance.amount), tolerance.is_percent, self.scores.location.currency
        )

    def bias_by_product(self) -> alt.TopLevelMixin:
        """Draw the bias per class with its intervals."""
        return charts.bias_by_product(self.scores.bias, self._labels, self.scores.location.currency)

    def products(self) -> Table:
        """Show the measures of each class."""
        return tables.products_compared(self.scores)

    def agents_compared(self) -> alt.TopLevelMixin:
        """Draw the agents' agreement beside one another."""
        return charts.agents_compared(
            self.scores.agreement, self.scores.by_agent, self.scores.noise_floor_within, within_words(self.scores)
        )

    def agents(self) -> Table:
        """Show the measures of each agent."""
        return tables.agents_table(self.scores)

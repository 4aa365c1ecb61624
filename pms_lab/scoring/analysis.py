"""The analysis line of a report: which class is off, which way, how surely, and whose weight would have moved it."""

from __future__ import annotations

from typing import Final

import polars as pl

from pms_lab.domain.location import Location
from pms_lab.rules.consensus import Method
from pms_lab.scoring.contract import CONSENSUS
from pms_lab.scoring.scores import Scores
from pms_lab.wording import money, percent, signed_money

SURE: Final = 0.05


def analysis(scores: Scores) -> str:
    """Say what the dry runs so far allow to be said about bias, and no more."""
    if scores.days_scored == 0:
        return "no manual rate to compare with: no claim about bias"
    if scores.days_scored == 1:
        return "one day: no claim about bias"
    if scores.bias["p_holm"].count() == 0:
        return "no class was compared on two days with different outcomes: no claim about bias"
    worst = scores.bias.sort("p_holm", pl.col("mean").abs(), descending=[False, True], nulls_last=True).row(
        0, named=True
    )
    claim = _claim(worst, scores) if worst["p_holm"] < SURE else _no_claim(worst, scores)
    return claim + _better_alone(scores)


def _claim(worst: dict[str, float], scores: Scores) -> str:
    direction = "underprice" if worst["mean"] < 0 else "overprice"
    size = money(abs(worst["mean"]), scores.location.currency)
    p = f"p = {worst['p_holm']:.3f}" if worst["p_holm"] >= 0.001 else "p < 0.001"
    return (
        f"agents {direction} {_label(scores.location, worst)} by {size} "
        f"({_evidence(worst, scores)}, {p} after Holm){_others(worst, scores)}; {_advice(worst, scores)}"
    )


def _others(worst: dict[str, float], scores: Scores) -> str:
    others = scores.bias.filter((pl.col("p_holm") < SURE) & (pl.col("product") != worst["product"]))
    told = (
        f"{_label(scores.location, row)} {signed_money(row['mean'], scores.location.currency)}"
        for row in others.iter_rows(named=True)
    )
    return f", also {', '.join(told)}" if others.height else ""


def _no_claim(worst: dict[str, float], scores: Scores) -> str:
    size = signed_money(worst["mean"], scores.location.currency)
    return (
        f"no class is systematically off; the nearest to it, {_label(scores.location, worst)} at {size} "
        f"({_evidence(worst, scores)}), may be chance"
    )


def _evidence(worst: dict[str, float], scores: Scores) -> str:
    low, high = (signed_money(worst[end], scores.location.currency) for end in ("low", "high"))
    return f"95% interval {low} to {high}, {worst['days']} days"


def _advice(worst: dict[str, float], scores: Scores) -> str:
    """Name the agent whose weight, greater or smaller, would have moved the consensus furthest against the bias."""
    if scores.method is not Method.MEAN:
        return f"a {scores.method} does not move smoothly with the weights"
    of_product = scores.weight_effects.filter(pl.col("pull") != 0, product=worst["product"])
    if of_product.is_empty():
        return "no agent's weight would have moved it"
    best = of_product.sort(pl.col("pull").abs(), descending=True).row(0, named=True)
    against = best["pull"] * worst["mean"] < 0
    moved = signed_money(best["pull"] if against else -best["pull"], scores.location.currency)
    direction, label = "more" if against else "less", _label(scores.location, worst)
    return f"10% {direction} weight on {best['agent']} would have moved {label} by about {moved}"


def _better_alone(scores: Scores) -> str:
    """Name the agent that agrees more often than the consensus, by more than both intervals allow for, if one does."""
    together = scores.agreement.filter(agent=CONSENSUS).row(0, named=True)
    better = scores.agreement.filter(pl.col("low") > together["high"]).sort("share", descending=True)
    if better.is_empty():
        return ""
    best = better.row(0, named=True)
    return (
        f". {best['agent']} alone agrees within the tolerance in {percent(best['share'], 1)}, "
        f"the consensus in {percent(together['share'], 1)}"
    )


def _label(location: Location, row: dict[str, float]) -> str:
    return location.label(str(row["product"]))

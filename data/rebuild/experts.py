"""Experts: eight forecasts of hourly electricity prices, and the price that was realised; USD per MWh.

Source: `raw/expert_prices_pjm.parquet` (see `data/README.md`). Electricity, not rooms: a market price stands
where a person's rate would. The run date is the day before delivery, the product is the hour. On a run date
the realised prices of delivery days up to that same day are known: the market settles a day ahead.
"""

import polars as pl

from data.rebuild.tables import CELL, RATES, RAW, RECOMMENDATIONS, run_instant, shaped, write
from pms_lab.scoring.contract import AMOUNT

LOCATION = "PJM_EXPERTS"
CURRENCY = "USD"
ZONE = "America/New_York"
SOURCE = RAW / "expert_prices_pjm.parquet"
EXPERTS = ("dnn_1", "dnn_2", "dnn_3", "dnn_4", "lear_56", "lear_84", "lear_1092", "lear_1456")
SHARED = (*CELL, "currency")
WINDOW = 28  # delivery days of evidence behind a confidence


def deliveries(raw: pl.DataFrame) -> pl.DataFrame:
    """One row per delivery day and hour: its cell, the realised `price` and the eight forecasts."""
    return raw.select(
        *EXPERTS,
        price="real_price",
        run_date=pl.col("ts").dt.date() - pl.duration(days=1),
        stay_date=pl.col("ts").dt.date(),
        location=pl.lit(LOCATION),
        product=pl.col("ts").dt.strftime("H%H"),
        currency=pl.lit(CURRENCY),
    )


def amount(price: pl.Expr) -> pl.Expr:
    """A price to the cent, half away from zero."""
    return price.cast(pl.Decimal(24, 12)).round(2, mode="half_away_from_zero").cast(AMOUNT)


def recommendations(raw: pl.DataFrame, lag: int = 1) -> pl.DataFrame:
    """The experts' votes, from the first delivery day with 28 earlier ones.

    confidence = spread / (spread + error), over the 28 delivery days of that hour that end `lag` days before
    the delivery: spread is the interquartile range of the realised price, error the expert's median absolute
    error.
    """
    price, forecast = pl.col("price"), pl.col("forecast")
    spread = price.rolling_quantile(0.75, "linear", WINDOW) - price.rolling_quantile(0.25, "linear", WINDOW)
    error = (forecast - price).abs().rolling_median(WINDOW)
    confidence = (spread / (spread + error)).shift(lag).over("agent", "product", order_by="stay_date")
    votes = (
        deliveries(raw)
        .unpivot(EXPERTS, index=[*SHARED, "price"], variable_name="agent", value_name="forecast")
        .with_columns(confidence=confidence.round(2), rate=amount(forecast), agent_version=pl.lit("1"))
    )
    return shaped(votes.drop_nulls("confidence").with_columns(recommended_at=run_instant(ZONE)), RECOMMENDATIONS)


def rates(raw: pl.DataFrame) -> pl.DataFrame:
    """The realised price as the manual rate, the day before's as the current one; from the first vote on."""
    day, hour = pl.col("stay_date"), pl.col("product")
    both = deliveries(raw).with_columns(manual=amount(pl.col("price")))
    both = both.with_columns(current=pl.col("manual").shift(1).over(hour, order_by=day))
    voted = both.filter(day >= day.min() + pl.duration(days=WINDOW))
    return shaped(voted.unpivot(["manual", "current"], index=SHARED, variable_name="kind", value_name="rate"), RATES)


def main() -> None:
    """Rebuild the two expert tables."""
    raw = pl.read_parquet(SOURCE)
    write(recommendations(raw), "recommendations", "experts")
    write(rates(raw), "rates", "experts")


if __name__ == "__main__":
    main()

"""The hotels' bookings, and the one place that says what was known on a run date.

Source: `raw/hotel_bookings.parquet`, one row per booking (see `data/README.md`). There is no booking id;
rows that are equal in every column are kept, since two guests may book alike.
"""

from collections.abc import Callable
from datetime import date

import polars as pl

from data.rebuild.tables import RAW, whole_cents

CURRENCY = "EUR"
ZONE = "Europe/Lisbon"
SOURCE = RAW / "hotel_bookings.parquet"
LOCATIONS = {"City Hotel": "CITY_HOTEL", "Resort Hotel": "RESORT_HOTEL"}
CHANNELS = {"Direct": "own", "Online TA": "online"}
PRODUCTS = pl.DataFrame({"location": ["CITY_HOTEL"] * 2 + ["RESORT_HOTEL"] * 3, "product": ["A", "D", "A", "D", "E"]})
HIGHEST_PLAUSIBLE = 1000  # EUR a night, exclusive: one booking is recorded at 5,400

# Expressions over the raw columns; the raw table holds the lead time, not the day of booking.
ARRIVAL = pl.concat_str(
    "arrival_date_year", "arrival_date_month", "arrival_date_day_of_month", separator=" "
).str.to_date("%Y %B %d")
BOOKED = ARRIVAL - pl.duration(days="lead_time")

Known = Callable[[pl.DataFrame, date], pl.LazyFrame]


def load(raw: pl.DataFrame) -> pl.DataFrame:
    """One row per booking of a room type that is priced here, with its final status.

    `row` is its place in the raw table. `channel` is "own", "online" or null (groups, tour operators …).
    `cents` is the average daily rate in EUR cents, null unless a transient guest was charged a
    plausible price.
    `cancelled`, `cancelled_on` and `changes` are final values, not those of the day of booking.
    """
    plausible = pl.col("adr").is_between(0, HIGHEST_PLAUSIBLE, closed="none")
    priced = plausible & (pl.col("customer_type") == "Transient")
    return (
        raw.with_row_index("row")
        .select(
            "row",
            location=pl.col("hotel").replace_strict(LOCATIONS),
            product="reserved_room_type",
            arrival=ARRIVAL,
            booked=BOOKED,
            channel=pl.col("market_segment").replace_strict(CHANNELS, default=None),
            cents=pl.when(priced).then(whole_cents(pl.col("adr") * 100)),
            cancelled=pl.col("is_canceled") == 1,
            cancelled_on="reservation_status_date",
            changes="booking_changes",
        )
        .join(PRODUCTS, on=["location", "product"], how="semi", maintain_order="left")
    )


def known_before(bookings: pl.DataFrame, run_date: date) -> pl.LazyFrame:
    """What the hotel knew at 06:00 on the run date: every look at the past goes through here.

    A booking is known from the day after it was made, a cancellation from the day after it came in.
    What only the final record shows is left out.
    """
    return (
        bookings.lazy()
        .filter(pl.col("booked") < run_date)
        .select(
            "location",
            "product",
            "arrival",
            "booked",
            "channel",
            "cents",
            cancelled=pl.col("cancelled") & (pl.col("cancelled_on") < run_date),
        )
    )


def prices(bookings: pl.LazyFrame, channel: str) -> pl.LazyFrame:
    """The bookings of one channel that tell a price."""
    return bookings.filter(pl.col("channel") == channel, pl.col("cents").is_not_null())

"""The hotels' votes, worked out again for single cells in plain Python."""

import calendar
import random
from collections import defaultdict
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest

from data.rebuild.bookings import LOCATIONS, PRODUCTS, SOURCE
from data.rebuild.hotels import FIRST_RUN, LAST_RUN, current, recommendations

SEED = 20170702
RUN_DATES = [FIRST_RUN, date(2016, 12, 24), date(2017, 4, 1), LAST_RUN]
MONTHS = {name: number for number, name in enumerate(calendar.month_name)}


class Booking(NamedTuple):
    arrival: date
    booked: date
    segment: str
    price: Decimal | None
    cancelled_on: date


Room = dict[date, list[Booking]]
Vote = tuple[Decimal, float]


def booking(row: dict[str, Any]) -> Booking:
    arrival = date(row["arrival_date_year"], MONTHS[row["arrival_date_month"]], row["arrival_date_day_of_month"])
    price = Decimal(repr(row["adr"]))
    usable = row["customer_type"] == "Transient" and 0 < price < 1000
    lost = row["reservation_status"] != "Check-Out"
    return Booking(
        arrival,
        arrival - timedelta(days=row["lead_time"]),
        row["market_segment"],
        price if usable else None,
        row["reservation_status_date"] if lost else date.max,
    )


@pytest.fixture(scope="module")
def rooms() -> dict[tuple[str, str], Room]:
    found: dict[tuple[str, str], Room] = defaultdict(lambda: defaultdict(list))
    for row in pl.read_parquet(SOURCE).iter_rows(named=True):
        one = booking(row)
        found[LOCATIONS[row["hotel"]], row["reserved_room_type"]][one.arrival].append(one)
    return found


def prices(room: Room, run: date, segment: str, centre: date, width: int, age: int) -> list[tuple[Decimal, int]]:
    stays = [centre + timedelta(days=n) for n in range(-width, width + 1)]
    return [
        (one.price, (run - one.booked).days)
        for stay in stays
        for one in room.get(stay, [])
        if one.segment == segment and one.price is not None and 1 <= (run - one.booked).days <= age
    ]


def on_the_books(room: Room, run: date, stay: date) -> int:
    return sum(one.booked < run <= one.cancelled_on for one in room.get(stay, []))


def vote(found: list[tuple[Decimal, int]], factor: float = 1.0, support: int | None = None) -> Vote | None:
    if not found or support == 0:
        return None
    cents = [int(price * 100) * factor for price, _ in found]
    n = min(len(found), support or len(found))
    low, middle, high = np.quantile(cents, [0.25, 0.5, 0.75])
    rate = Decimal(repr(float(middle) / 100)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    age = median(age for _, age in found)
    return rate, n / (n + 3) * middle / (middle + high - low) * 90 / (90 + age)


def expected(room: Room, run: date, stay: date) -> dict[str, Vote]:
    day, year = timedelta(days=1), timedelta(days=364)
    level = prices(room, run, "Direct", stay, 14, 60)
    now, then = on_the_books(room, run, stay), on_the_books(room, run - year, stay - year)
    votes = {
        "own_last_week": vote(prices(room, run, "Direct", stay - 7 * day, 0, 9999)),
        "online_same_day": vote(prices(room, run, "Online TA", stay, 0, 9999)),
        "online_nearby": vote(prices(room, run, "Online TA", stay, 3, 28)),
        "own_level": vote(level),
        "pickup_pace": vote(level, now / then, min(now, then)) if then else None,
        "own_last_year": vote(prices(room, run, "Direct", stay - year, 10, 9999)),
    }
    return {agent: found for agent, found in votes.items() if found}


def some_cells() -> list[tuple[date, str, str, date]]:
    draw = random.Random(SEED)
    kinds = PRODUCTS.rows()
    return [(run, *draw.choice(kinds), run + timedelta(days=draw.randrange(61))) for run in RUN_DATES * 40]


def test_votes_of_160_random_cells_are_those_worked_out_by_hand(rooms: dict[tuple[str, str], Room]) -> None:
    built = recommendations(pl.read_parquet(SOURCE), RUN_DATES)
    shipped: dict[Any, dict[str, Vote]] = defaultdict(dict)
    for row in built.iter_rows(named=True):
        key = row["run_date"], row["location"], row["product"], row["stay_date"]
        shipped[key][row["agent"]] = row["rate"], row["confidence"]
    for run, location, product, stay in some_cells():
        votes, found = expected(rooms[location, product], run, stay), shipped[run, location, product, stay]
        assert {agent: rate for agent, (rate, _) in found.items()} == {a: rate for a, (rate, _) in votes.items()}
        assert {agent: weight for agent, (_, weight) in found.items()} == pytest.approx(
            {agent: weight for agent, (_, weight) in votes.items()}, abs=0.005001
        )


def test_current_rates_of_160_random_cells_are_the_last_own_ones(rooms: dict[tuple[str, str], Room]) -> None:
    built = current(pl.read_parquet(SOURCE), RUN_DATES)
    shipped = {row[:4]: row[4] for row in built.select("run_date", "location", "product", "stay_date", "rate").rows()}
    for run, location, product, stay in some_cells():
        own = prices(rooms[location, product], run, "Direct", stay, 0, 9999)
        latest = min((age for _, age in own), default=None)
        last = vote([(price, age) for price, age in own if age == latest])
        assert shipped.get((run, location, product, stay)) == (last and last[0])

"""`pms-lab push` and what belongs to it, against a simulated PMS on loopback and a ledger in the home."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from redis import Redis

from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.push import Change, Origin, Push, PushState, Transition
from pms_lab.domain.rates import RateCell
from pms_lab.engine.ledger import Fence
from pms_lab.engine.locks import Holder
from pms_lab.errors import NotLive
from pms_lab.live.push import office
from pms_lab.scoring.contract import Kind
from tests.cli.desk import CODE, LIVE, Hotel, environment, opened
from tests.conftest import evidence, required, vote
from tests.store.databases import new_schema
from tests.store.test_redis_windows import URL as REDIS_URL
from tests.store.test_redis_windows import is_up

DAY_CAP = ("GEN,NIGHT,1140.00", "GEN,NIGHT,1250.00")
"""Pushed one after the other: the second is within the push cap, and above the day cap."""


@pytest.fixture
def hotel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Hotel]:
    with opened(tmp_path / "home", monkeypatch, capsys) as found:
        yield found


def pushed(hotel: Hotel, *rows: str) -> str:
    """Push a sheet, and return the transaction."""
    told = hotel.push("--sheet", hotel.sheet(*rows), "--yes", "--by", "Ada Byron", "--json")
    assert (told.code, told.record["state"]) == (0, "PUBLISHED")
    push_id: str = told.record["push_id"]
    return push_id


def in_review(hotel: Hotel) -> str:
    """Push what a person has to decide on, and return the transaction."""
    first, second = DAY_CAP
    pushed(hotel, first)
    told = hotel.push("--sheet", hotel.sheet(second), "--yes", "--json")
    assert (told.code, told.record["state"]) == (6, "PENDING_MANUAL_REVIEW")
    push_id: str = told.record["push_id"]
    return push_id


def test_a_push_shows_its_preflight_and_its_changes_and_how_each_cell_ended(hotel: Hotel) -> None:
    told = hotel.push("--sheet", hotel.sheet("GEN,NIGHT,1050.00", "DLX,NIGHT,1450.00"), "--yes")
    assert (told.code, told.err) == (0, "")
    assert told.out.count("✓") == 5
    assert "2 rates: 1 up, 1 down; from -3.33% to +5.00%" in told.out
    rows = [" ".join(line.split()) for line in told.out.splitlines()]
    assert f"GEN {hotel.night()} ($1,000.00) $1,050.00 +5.00% push cap ≤ $1,150.00" in rows
    assert f"DLX {hotel.night()} ($1,500.00) $1,450.00 $1,450.00 published" in rows
    assert "PUBLISHED: every cell was read back with its new rate" in told.out
    assert "s a colleague's edit could have been lost; none was seen" in told.out
    assert (hotel.rate("1"), hotel.rate("2")) == (Decimal(1050), Decimal(1450))


def test_a_dry_run_writes_nothing_to_the_pms_and_needs_no_leave(hotel: Hotel) -> None:
    hotel.set_up("live = false")
    before = list(hotel.pms.events)
    told = hotel.push("--sheet", hotel.sheet("GEN,NIGHT,1050.00"), "--dry-run")
    assert told.code == 0
    assert "PROPOSED_DRY_RUN: it would be pushed; nothing was written to the PMS" in told.out
    assert hotel.pms.events == before


def test_nobody_is_asked_in_json_and_a_dry_run_that_would_be_rejected_says_so_there(hotel: Hotel) -> None:
    sheet = hotel.sheet("GEN,NIGHT,2000.00")
    assert hotel.push("--sheet", sheet, "--json").code == 2
    record = hotel.push("--sheet", sheet, "--dry-run", "--json").record
    assert (record["state"], record["verdict"]) == ("PROPOSED_DRY_RUN", "reject")
    findings = [finding["rule"] for check in record["checks"] for finding in check["findings"]]
    assert findings == ["push cap", "day cap"]


def test_a_location_that_is_not_live_is_left_alone(hotel: Hotel) -> None:
    waiting = in_review(hotel)
    hotel.set_up("live = false")
    hotel.requests.clear()
    sheet = hotel.sheet("GEN,NIGHT,1050.00")
    yesterday = hotel.night(-1)
    for command in (
        ["push", "--location", CODE, "--sheet", sheet, "--yes"],
        ["push", "--location", CODE, "--sheet", sheet],
        ["revert", "--location", CODE, "--to", yesterday, "--yes"],
        ["review", "approve", waiting],
    ):
        told = hotel.said(*command)
        assert told.code == 1
        assert told.err.startswith(f"pms-lab: {CODE} is not live, so nothing is written to its PMS: set live = true")
    desk = hotel.lab().desk
    with pytest.raises(NotLive):
        asyncio.run(desk.push(CODE, desk.sheet_from_file(CODE, sheet), "Ada Byron"))
    assert hotel.requests == []


@pytest.mark.parametrize(("answer", "code", "amount"), [("y\n", 0, 1050), ("n\n", 5, 1000), ("\n", 5, 1000)])
def test_without_yes_it_is_asked_after_the_preflight(hotel: Hotel, answer: str, code: int, amount: int) -> None:
    told = hotel.push("--sheet", hotel.sheet("GEN,NIGHT,1050.00"), answer=answer)
    assert told.code == code
    assert f"Write 1 rate to the PMS of {CODE}? [y/N]" in told.out
    assert hotel.rate() == amount


def test_where_nobody_answers_nothing_is_written(hotel: Hotel) -> None:
    told = hotel.push("--sheet", hotel.sheet("GEN,NIGHT,1050.00"))
    assert told.code == 1
    assert "nobody answered, so nothing was written: give --yes" in told.err
    assert hotel.rate() == 1000


def test_what_would_be_rejected_is_not_asked_about(hotel: Hotel) -> None:
    told = hotel.push("--sheet", hotel.sheet("GEN,NIGHT,2000.00"), answer="y\n")
    assert told.code == 5
    assert "[y/N]" not in told.out
    assert "Not pushed: it would be rejected" in told.out


def test_what_was_shown_before_the_question_is_in_the_ledger_too(hotel: Hotel) -> None:
    hotel.push("--sheet", hotel.sheet("GEN,NIGHT,1050.00"), answer="y\n")
    told = hotel.said("transactions", "--json").record["transactions"]
    assert [one["state"] for one in told] == ["PUBLISHED", "PROPOSED_DRY_RUN"]


def test_yes_never_passes_a_review(hotel: Hotel) -> None:
    waiting = in_review(hotel)
    assert hotel.rate() == 1140
    told = hotel.said("review", "list")
    assert waiting in told.out
    assert "1250.00 USD is above 1.20 × 1000.00" in told.out
    assert f"pms-lab review approve {waiting}" in told.out
    alerts = hotel.said("alerts").out
    assert "! rate spike (warning)" in alerts
    assert waiting in alerts


def test_an_approved_review_is_pushed_once_and_says_who_approved(hotel: Hotel) -> None:
    waiting = in_review(hotel)
    told = hotel.said("review", "approve", waiting, "--by", "Grace Hopper", "--why", "a fair in town")
    assert told.code == 0
    assert "PUBLISHED" in told.out
    assert hotel.rate() == 1250
    assert "review approved by Grace Hopper: a fair in town" in hotel.said("transactions", "--id", waiting).out
    assert f"follows the review of {waiting}" in hotel.said("transactions", "--id", f"{waiting}.1").out
    again = hotel.said("review", "approve", waiting)
    assert (again.code, "has decided" in again.err) == (1, True)
    assert hotel.said("review", "list").out == "No push waits for a decision\n"


def test_a_rejected_review_is_closed(hotel: Hotel) -> None:
    waiting = in_review(hotel)
    assert hotel.said("review", "reject", waiting, "--why", "no fair").code == 0
    assert hotel.said("review", "list", "--json").record == {"reviews": []}
    assert hotel.said("review", "approve", waiting).code == 1
    assert hotel.rate() == 1140


def test_a_dry_run_of_the_agents_is_pushed_with_its_votes_which_history_tells(hotel: Hotel) -> None:
    day = date(2026, 2, 18)
    votes = [
        vote("demand", "1010.00", 0.75, location=CODE, product="GEN"),
        vote("pace", "1030.00", 0.25, location=CODE, product="GEN"),
    ]
    evidence(hotel.home, Kind.RECOMMENDATIONS, votes)
    hotel.lab().dry_run(CODE, day)
    told = hotel.push("--from-dry-run", day, "--from", hotel.night(), "--nights", 2, "--yes", "--by", "Ada Byron")
    assert told.code == 0
    assert "2 rates from the dry run of 2026-02-18" in told.out
    history = hotel.said("history", "--location", CODE, "--product", "GEN", "--date", hotel.night(6))
    lines = [" ".join(line.split()) for line in history.out.splitlines()]
    assert lines[0] == f"HOTEL, General rooms, night of {hotel.night(6)}: $1,015.00"
    assert "from the dry run of 2026-02-18, asked for by Ada Byron" in lines
    assert "before: ($1,000.00)" in lines
    assert "closest limit: push cap ≤ $1,150.00" in lines
    assert "demand $1,010.00 0.75 1 –" in lines
    record = hotel.said("history", "--location", CODE, "--product", "GEN", "--date", hotel.night(6), "--json").record
    assert [one["agent"] for one in record["entries"][0]["change"]["votes"]] == ["demand", "pace"]


def test_history_tells_of_a_day_and_of_cells_that_nobody_pushed(hotel: Hotel) -> None:
    pushed(hotel, "GEN,NIGHT,1050.00")
    asked = ["history", "--location", CODE, "--product", "GEN", "--date"]
    assert "$1,050.00 at the end of" in hotel.said(*asked, hotel.night(), "--on", hotel.today).out
    before = hotel.said(*asked, hotel.night(), "--on", hotel.night(-1))
    assert (before.code, "no push has read GEN" in before.err) == (1, True)
    assert "(did you mean GEN?)" in hotel.said(*asked[:4], "GENN", "--date", hotel.night()).err
    assert "after the calendar" in hotel.said(*asked, hotel.night(), "--on", "9999-12-31").err


def test_a_revert_brings_back_what_was_held_on_a_day_through_the_same_guards(hotel: Hotel) -> None:
    pushed(hotel, "GEN,NIGHT,1100.00", "DLX,NIGHT,1450.00")
    yesterday = hotel.night(-1)
    shown = hotel.said("revert", "--location", CODE, "--to", yesterday, "--dry-run")
    assert shown.code == 0
    assert hotel.rate() == 1100
    told = hotel.said("revert", "--location", CODE, "--to", yesterday, "--yes")
    assert told.code == 0
    assert f"2 rates from what was held at the end of {yesterday}" in told.out
    assert (hotel.rate("1"), hotel.rate("2")) == (Decimal(1000), Decimal(1500))
    hotel.set_up(f"{LIVE}\nlargest_decrease = 0.01")
    pushed(hotel, "GEN,NIGHT,1100.00")
    refused = hotel.said("revert", "--location", CODE, "--to", yesterday, "--yes")
    assert (refused.code, "more than 1% below" in refused.out) == (5, True)


def test_a_revert_leaves_nights_that_are_over_alone(hotel: Hotel) -> None:
    cells = [RateCell(CODE, "GEN", hotel.night(ahead)) for ahead in (-1, 0, 1)]
    recorded(hotel, cells, PushState.PREPARED, PushState.IN_PROGRESS, PushState.PUBLISHED)
    told = hotel.said("revert", "--location", CODE, "--to", hotel.night(-1), "--dry-run", "--json").record
    assert [(one["stay_date"], one["new"]) for one in told["cells"]] == [
        (str(hotel.night(ahead)), "900") for ahead in (0, 1)
    ]


def test_where_nothing_was_pushed_there_is_nothing_to_revert(hotel: Hotel) -> None:
    told = hotel.said("revert", "--location", CODE, "--to", hotel.night(-1), "--yes")
    assert (told.code, "nothing to take back at HOTEL" in told.err) == (1, True)
    told = hotel.said("revert", "--location", CODE, "--to", hotel.today, "--yes")
    assert (told.code, "is not over at HOTEL" in told.err) == (1, True)


def test_transactions_are_listed_and_shown(hotel: Hotel) -> None:
    push_id = pushed(hotel, "GEN,NIGHT,1050.00")
    told = hotel.said("transactions").out
    assert told.splitlines()[0] == f"{push_id}  PUBLISHED"
    assert "HOTEL, 1 rate from week.csv, asked for by Ada Byron" in told
    whole = hotel.said("transactions", "--id", push_id).out
    assert [line for line in whole.splitlines() if "PREPARED by Ada Byron" in line]
    assert whole.index("PREPARED") < whole.index("IN_PROGRESS") < whole.rindex("PUBLISHED")
    assert hotel.said("transactions", "--open").out == "No transaction is open\n"
    assert "there is no push 'nope'" in hotel.said("transactions", "--id", "nope").err
    assert "unknown location 'HOTL'" in hotel.said("transactions", "--location", "HOTL").err


def recorded(hotel: Hotel, cells: Sequence[RateCell], *states: PushState) -> None:
    """Record a push of ours as far as those states, as a process does that dies then, whatever the PMS holds."""

    async def record() -> None:
        lab, old = hotel.lab(), NightlyRate(Decimal(900))
        async with office(lab.home, lab.settings) as desk:
            token = await desk.locks.acquire(cells[0].location, "dead", 0.001)
            fence, now = Fence(cells[0].location, token or 0), datetime.now(UTC)
            steps = [Transition(state, now, "dead", "recorded") for state in states]
            push = Push(
                "left", fence.location, "USD", None, "dead", now, now, Origin("file", "week.csv"),
                tuple(Change(cell, old, Decimal(950)) for cell in cells), transitions=tuple(steps[:1]),
            )  # fmt: skip
            await desk.ledger.open(push, fence)
            for step in steps[1:]:
                held = {cell: NightlyRate(Decimal(950)) for cell in cells}
                await desk.ledger.record(push.id, step, fence, held if step.state is PushState.PUBLISHED else None)

    asyncio.run(record())
    time.sleep(0.01)


def left_prepared(hotel: Hotel, location: str = CODE) -> None:
    """Leave a push open of which nothing was sent."""
    recorded(hotel, [RateCell(location, "GEN", hotel.night())], PushState.PREPARED)


def test_recovery_settles_what_was_left_open_and_asks_no_pms_where_nothing_was(hotel: Hotel) -> None:
    told = hotel.said("recover")
    assert (told.code, told.out) == (0, "Nothing is open: there is nothing to recover\n")
    assert hotel.requests == []
    left_prepared(hotel)
    assert hotel.said("transactions", "--open", "--json").record["transactions"][0]["state"] == "PREPARED"
    told = hotel.said("recover", "--location", CODE)
    assert told.code == 0
    assert "REJECTED: its process ended before anything was sent" in told.out
    assert hotel.said("transactions", "--open").out == "No transaction is open\n"


def test_a_push_settles_what_was_left_open_first(hotel: Hotel) -> None:
    left_prepared(hotel)
    told = hotel.push("--sheet", hotel.sheet("GEN,NIGHT,1050.00"), "--yes")
    assert told.code == 0
    assert told.out.index("its process ended before anything was sent") < told.out.index("Preflight")


def test_one_location_that_cannot_be_asked_does_not_keep_the_others_from_being_settled(hotel: Hotel) -> None:
    left_prepared(hotel, "SOLD_HOTEL")
    told = hotel.said("recover")
    assert (told.code, "Still open at SOLD_HOTEL" in told.out) == (8, True)
    assert "it stays open: unknown location 'SOLD_HOTEL'" in told.out


def test_what_cannot_be_settled_now_stays_open_and_nothing_is_pushed(hotel: Hotel) -> None:
    left_prepared(hotel)
    settings = hotel.home / "pms_lab.toml"
    settings.write_text(settings.read_text().replace(f":{hotel.port}", ":9"))
    told = hotel.said("recover")
    assert (told.code, "it stays open, since the PMS cannot be reached" in told.out) == (8, True)
    told = hotel.push("--sheet", hotel.sheet("GEN,NIGHT,1050.00"), "--yes", "--json")
    assert (told.code, told.record["state"]) == (5, "REJECTED")
    assert [one["state"] for one in told.record["recovered"]] == ["PREPARED"]


def test_a_pms_that_is_down_is_told_once(hotel: Hotel) -> None:
    settings = hotel.home / "pms_lab.toml"
    settings.write_text(settings.read_text().replace(f":{hotel.port}", ":9"))
    sheet = hotel.sheet("GEN,NIGHT,1050.00")
    first, second = (hotel.push("--sheet", sheet, "--yes") for _ in "ab")
    assert (first.code, second.code) == (5, 5)
    assert "✗ pms reachable" in first.out
    assert "what the PMS holds is not known" in first.out
    assert ("! PMS down" in first.out, "! PMS down" in second.out) == (True, False)
    assert len(hotel.said("alerts", "--json").record["alerts"]) == 1


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_push_says_what_settles_it_and_gives_its_lock_back(hotel: Hotel, ending: signal.Signals) -> None:
    hotel.answers = threading.Event()
    command = [sys.executable, "-c", "from pms_lab.cli.app import main; main()", "push", "--location", CODE]
    process = subprocess.Popen(
        [*command, "--sheet", str(hotel.sheet("GEN,NIGHT,1050.00")), "--yes"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(hotel),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    until_s = time.monotonic() + 60
    while hotel.rate() == 1000 and time.monotonic() < until_s:
        time.sleep(0.02)
    process.send_signal(ending)
    out, err = process.communicate(timeout=60)
    hotel.answers.set()
    assert (process.returncode, err) == (8, "pms-lab: interrupted; `pms-lab recover` settles what was under way\n"), out
    assert hotel.said("transactions", "--open", "--json").record["transactions"][0]["state"] == "IN_PROGRESS"
    assert asyncio.run(holder(hotel)) is None


async def holder(hotel: Hotel) -> Holder | None:
    """Who holds the lock of the hotel."""
    lab = hotel.lab()
    async with office(lab.home, lab.settings) as desk:
        return await desk.locks.holder(CODE)


@pytest.mark.parametrize(
    ("rows", "code", "told"),
    [
        (["GEN,NIGHT,1050.00"] * 2, 4, "row 2: GEN"),
        (["GEN,NIGHT,NaN"], 4, "row 1: rate 'NaN' is no number"),
        (["GEN,NIGHT,1050.00,USD", "DLX,NIGHT,1500.00,EUR"], 4, "row 2 is in EUR"),
        (["GEN,NIGHT,1050.00,EUR"], 5, "the sheet is in EUR, HOTEL sells in USD"),
        (["PENTHOUSE,NIGHT,1050.00"], 5, "HOTEL has no such product"),
        (["GEN,NIGHT,1050.005"], 5, "is no multiple of the price step 0.01"),
        (["GEN,NIGHT,0"], 5, "is not above zero"),
        (["GEN,2020-01-01,1050.00"], 5, "the night is not within"),
        (["GEN,,1050.00"], 1, "say over which nights it holds"),
        ([], 4, "no rows"),
        ([f"GEN{row},NIGHT,1050.00" for row in range(100_000)], 4, "has too many cells, at least 20,001"),
    ],
)
def test_a_bad_sheet_is_refused_with_its_reason_and_nothing_is_written(
    hotel: Hotel, rows: list[str], code: int, told: str
) -> None:
    head = "product,stay_date,rate,currency" if rows and rows[0].count(",") == 3 else "product,stay_date,rate"
    events = list(hotel.pms.events)
    said = hotel.push("--sheet", hotel.sheet(*rows, head=head), "--yes")
    assert said.code == code
    assert told in said.out + said.err
    if code != 5:
        assert said.out == ""
        assert len(said.err.splitlines()) == 1
    assert hotel.pms.events == events


def test_a_cell_for_which_the_pms_has_no_rate_is_refused_unless_new_ones_are_allowed(hotel: Hotel) -> None:
    locations = hotel.home / "data" / "locations.toml"
    locations.write_text(f'{locations.read_text()}products.NEW = {{ label = "New rooms" }}\n')
    settings = hotel.home / "pms_lab.toml"
    settings.write_text(settings.read_text().replace('LUX = "4"', 'LUX = "4", NEW = "77"'))
    told = hotel.push("--sheet", hotel.sheet("NEW,NIGHT,1050.00"), "--yes")
    assert told.code == 5
    assert "the PMS has no rate for it; a first rate is allowed by the setting allow_new" in told.out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([], 2, "give either --sheet or"),
        (["--sheet", "x.csv", "--from-dry-run", "2026-02-18"], 2, "give either --sheet or"),
        (["--sheet", "x.csv", "--from", "2026-02-18"], 2, "--from and --nights go"),
        (["--sheet", "x.csv", "--yes"], 4, "x.csv is no file"),
        (["--from-dry-run", "2026-02-18", "--yes"], 1, "no dry run of HOTEL on 2026-02-18 has been made"),
        (["--sheet", "week.csv", "--from", "9999-12-31", "--nights", "9", "--yes"], 1, "after the calendar"),
        (["--sheet", "week.csv", "--yes", "--by", " "], 1, "the name of a person is empty"),
    ],
)
def test_wrong_usage_is_said_in_one_line(hotel: Hotel, arguments: list[str], code: int, told: str) -> None:
    sheet = str(hotel.sheet("GEN,NIGHT,1050.00"))
    said = hotel.push(*(sheet if one == "week.csv" else one for one in arguments))
    assert (said.code, told in said.err) == (code, True), said.err
    assert hotel.rate() == 1000


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        ('ledger = "nowhere"', "the database's address cannot be read"),
        ('ledger = "postgresql://ada:canary-7f3a@127.0.0.1:9/x"', "does not answer"),
        ('ledger = "env:NO_SUCH_VARIABLE"', "ledger: the environment has no NO_SUCH_VARIABLE"),
        ('locks = "canary-7f3a"', "locks is no address of a Redis"),
        ('pii_key = "canary-7f3a"', "key 1 is not 32 bytes"),
    ],
)
def test_a_mistyped_address_or_key_is_named_and_not_shown(hotel: Hotel, extra: str, told: str) -> None:
    hotel.set_up(extra=extra)
    said = hotel.push("--sheet", hotel.sheet("GEN,NIGHT,1050.00"), "--yes")
    assert (said.code, told in said.err) == (1, True), said.err
    assert "canary-7f3a" not in said.out + said.err


def test_a_ledger_s_relative_address_starts_at_home(hotel: Hotel, tmp_path: Path) -> None:
    hotel.set_up(extra='ledger = "sqlite:///data/other.sqlite"')
    hotel.patch.chdir(tmp_path)
    pushed(hotel, "GEN,NIGHT,1050.00")
    assert (hotel.home / "data" / "other.sqlite").is_file()
    assert not (hotel.home / "data" / "ledger" / "ledger.sqlite").exists()


def test_the_ledger_may_be_in_postgresql_and_the_locks_in_redis(hotel: Hotel) -> None:
    with new_schema() as url, Redis.from_url(REDIS_URL, socket_timeout=2) as redis:
        required("Redis", is_up(redis), f"start it, or name one in TEST_REDIS_URL; tried {REDIS_URL}")
        hotel.set_up(extra=f'ledger = "{url}"\nlocks = "{REDIS_URL}"')
        push_id = pushed(hotel, "GEN,NIGHT,1050.00")
        assert push_id in hotel.said("transactions").out
        assert not (hotel.home / "data" / "ledger" / "ledger.sqlite").exists()
        assert redis.delete(f"pms_lab:lock:{{{CODE}}}:token") == 1


def test_a_locks_redis_that_does_not_answer_stops_the_push_before_anything_is_written(hotel: Hotel) -> None:
    hotel.set_up(extra='locks = "redis://127.0.0.1:9"')
    told = hotel.push("--sheet", hotel.sheet("GEN,NIGHT,1050.00"), "--yes")
    assert (told.code, "the locks cannot be asked" in told.out) == (5, True)
    assert hotel.rate() == 1000


def test_a_pms_or_a_push_table_for_no_location_is_refused(hotel: Hotel) -> None:
    hotel.set_up("live = true\n[push.HOTL]")
    assert "push.HOTL: unknown location 'HOTL'" in hotel.said("transactions").err
    (hotel.home / "pms_lab.toml").write_text(f"[push.{CODE}]\n{LIVE}")
    told = hotel.push("--sheet", hotel.sheet("GEN,NIGHT,1050.00"), "--yes")
    assert (told.code, "the settings name no PMS for HOTEL" in told.err) == (1, True)


def test_json_and_the_ledger_s_file_hold_no_name_and_no_secret(hotel: Hotel) -> None:
    waiting = in_review(hotel)
    hotel.said("review", "approve", waiting, "--by", "Grace Hopper")
    asked: list[list[object]] = [
        ["transactions"],
        ["transactions", "--id", waiting],
        ["transactions", "--id", f"{waiting}.1"],
        ["history", "--location", CODE, "--product", "GEN", "--date", hotel.night()],
        ["review", "list"],
        ["alerts"],
        ["recover"],
    ]
    told = "".join(hotel.said(*command, "--json").out for command in asked)
    kept = b"".join(file.read_bytes() for file in (hotel.home / "data" / "ledger").iterdir()).decode("latin-1")
    for name in ("Ada", "Byron", "Grace", "Hopper", "night-desk", "PMSLABDEMO"):
        assert name not in told
        assert name not in kept
    assert json.loads(hotel.said("transactions", "--json").out)["transactions"][0]["asked_by"].startswith("p_")


def test_an_erased_person_is_forgotten_and_what_they_asked_for_stays(hotel: Hotel) -> None:
    pushed(hotel, "GEN,NIGHT,1050.00")
    told = hotel.said("people", "erase", "ada byron", "--json")
    person = told.record["erased"]
    assert "Ada" not in hotel.said("transactions").out
    assert hotel.said("transactions", "--json").record["transactions"][0]["asked_by"] == person
    assert hotel.said("people", "erase", "Ada Byron").code == 1
    assert hotel.said("people", "erase", person).code == 0


def test_a_foreign_text_cannot_steer_the_terminal(hotel: Hotel) -> None:
    waiting = in_review(hotel)
    hotel.said("review", "reject", waiting, "--why", "no\x1b[2Jfair\nat all")
    shown = hotel.said("transactions", "--id", waiting).out
    assert "no�[2Jfair at all" in shown


def test_a_large_sheet_is_shown_in_its_first_lines_and_a_summary(hotel: Hotel) -> None:
    rows = [f"GEN,{hotel.today + timedelta(days=ahead)},10{ahead:02}.00" for ahead in range(1, 61)]
    told = hotel.push("--sheet", hotel.sheet(*rows), "--dry-run")
    assert "… and 40 rates more" in told.out
    assert "60 rates: 60 up; from +0.10% to +6.00%" in told.out
    assert len(told.out.splitlines()) < 45
    assert max(map(len, told.out.splitlines())) <= 100

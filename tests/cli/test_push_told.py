"""What `pms-lab push` and its like tell a person: what matters is shown, in words that say what to do."""

from __future__ import annotations

import asyncio
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from pms_lab.cli.push_text import limit, print_outcome
from pms_lab.cli.tables import print_table
from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.push import Binding, CellOutcome, Change, Ending, PushOutcome, PushState, Rule
from pms_lab.domain.rates import RateCell
from pms_lab.live.push import office
from tests.cli.desk import CODE, LIVE, Hotel, environment, opened
from tests.cli.test_push import DAY_CAP, in_review, left_prepared, pushed


@pytest.fixture
def hotel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Hotel]:
    with opened(tmp_path / "home", monkeypatch, capsys) as found:
        yield found


def test_at_a_terminal_an_interrupted_question_is_a_no(hotel: Hotel) -> None:
    typed, terminal = pty.openpty()
    command = [sys.executable, "-c", "from pms_lab.cli.app import main; main()", "push", "--location", CODE]
    os.write(typed, b"\x04")
    done = subprocess.run(
        [*command, "--sheet", str(hotel.sheet("GEN,NIGHT,1050.00"))],
        stdin=terminal, capture_output=True, text=True, env=environment(hotel), timeout=60, check=False,
    )  # fmt: skip
    os.close(typed)
    os.close(terminal)
    assert (done.returncode, done.stderr) == (5, "")
    assert done.stdout.endswith("[y/N]: \nNot pushed: nothing was written to the PMS\n")
    assert hotel.rate() == 1000


def test_nobody_is_asked_to_write_what_the_pms_holds_already(hotel: Hotel) -> None:
    pushed(hotel, "GEN,NIGHT,1050.00")
    told = hotel.push("--sheet", hotel.sheet("GEN,NIGHT,1050.00"))
    assert (told.code, "[y/N]" in told.out) == (0, False)
    assert told.out.endswith("Nothing to write: the PMS holds all of it already\n")


def test_a_dry_run_says_that_the_location_is_not_live_yet(hotel: Hotel) -> None:
    sheet = hotel.sheet("GEN,NIGHT,1050.00")
    assert "is not live" not in hotel.push("--sheet", sheet, "--dry-run").out
    hotel.set_up("live = false")
    told = hotel.push("--sheet", sheet, "--dry-run")
    assert f"{CODE} is not live: to push, set live = true in [push.{CODE}] of pms_lab.toml" in told.out


def test_a_fall_that_no_rule_limits_is_pointed_out(hotel: Hotel) -> None:
    sheet = hotel.sheet("GEN,NIGHT,46.50", "DLX,NIGHT,1400.00")
    told = hotel.push("--sheet", sheet, "--dry-run").out
    assert "! 1 rate would fall by more than the push cap of 1.15 lets rates rise" in told
    assert f"set largest_decrease in [push.{CODE}] to limit that" in told
    hotel.set_up(f"{LIVE}\nlargest_decrease = 0.99")
    assert "lets rates rise" not in hotel.push("--sheet", sheet, "--dry-run").out


def test_what_was_not_begun_says_that_nothing_was_written(hotel: Hotel) -> None:
    rejected = hotel.push("--sheet", hotel.sheet("GEN,NIGHT,2000.00"), "--yes")
    assert (rejected.code, "Nothing was written to the PMS" in rejected.out) == (5, True)
    first, second = DAY_CAP
    pushed(hotel, first)
    waiting = hotel.push("--sheet", hotel.sheet(second), "--yes")
    assert (waiting.code, "Nothing was written to the PMS" in waiting.out) == (6, True)


def test_what_somebody_may_be_at_work_on_is_told_with_the_time_that_its_lock_has_left(hotel: Hotel) -> None:
    left_prepared(hotel)

    async def hold() -> None:
        lab = hotel.lab()
        async with office(lab.home, lab.settings) as desk:
            await desk.locks.acquire(CODE, "somebody", 600)

    asyncio.run(hold())
    told = hotel.said("recover")
    assert told.code == 8
    assert told.out.startswith(f"Still open at {CODE}: push left, 1 rate, PREPARED\n")
    assert "if that process has died, its lock lapses in 59" in told.out or "lapses in 600 s" in told.out
    assert "next: `pms-lab recover` again when that is over" in told.out
    assert "could not be read" not in told.out


def test_history_names_who_asked_and_who_approved(hotel: Hotel) -> None:
    first, second = DAY_CAP
    pushed(hotel, first)
    waiting = hotel.push("--sheet", hotel.sheet(second), "--yes", "--by", "Ada Byron", "--json").record["push_id"]
    hotel.said("review", "approve", waiting, "--by", "Grace Hopper", "--why", "a fair in town")
    told = hotel.said("history", "--location", CODE, "--product", "GEN", "--date", hotel.night()).out
    assert f"  published by transaction {waiting}.1\n" in told
    assert "  from week.csv, asked for by Ada Byron\n  approved by Grace Hopper: a fair in town\n" in told


def test_history_has_one_line_for_as_long_as_a_rate_was_seen(hotel: Hotel) -> None:
    push_id = pushed(hotel, "GEN,NIGHT,1050.00")
    for _ in "abc":
        hotel.push("--sheet", hotel.sheet("GEN,NIGHT,1060.00"), "--dry-run")
    asked = ["history", "--location", CODE, "--product", "GEN", "--date", hotel.night()]
    lines = hotel.said(*asked).out.splitlines()
    assert [line.split()[-2:] for line in lines if line.startswith("  20")] == [
        ["$1,050.00", push_id],
        ["($1,000.00)", "–"],
    ]
    assert "times of America/New_York" in lines[-1]
    assert len([line for line in hotel.said(*asked, "--last", 1).out.splitlines() if line.startswith("  20")]) == 1
    assert len(hotel.said(*asked, "--json").record["entries"]) > 2


def test_a_list_says_what_was_decided_on_a_push(hotel: Hotel) -> None:
    waiting = in_review(hotel)
    assert f"{waiting}  PENDING_MANUAL_REVIEW\n" in hotel.said("transactions").out
    hotel.said("review", "reject", waiting, "--why", "no fair", "--by", "Grace Hopper")
    assert f"{waiting}  PENDING_MANUAL_REVIEW, rejected by Grace Hopper\n" in hotel.said("transactions").out


def test_json_has_times_as_iso_8601_writes_them(hotel: Hotel) -> None:
    pushed(hotel, "GEN,NIGHT,1050.00")
    written = hotel.said("transactions", "--json").record["transactions"][0]["asked_at"]
    assert "T" in written
    assert datetime.fromisoformat(written).tzinfo is not None


def test_an_amount_that_is_too_fine_is_shown_as_it_is(hotel: Hotel) -> None:
    told = hotel.push("--sheet", hotel.sheet("GEN,NIGHT,1050.005"), "--dry-run").out
    assert "1050.005 USD" in next(line for line in told.splitlines() if line.startswith("  GEN"))


def test_a_limit_is_rounded_to_what_still_keeps_it() -> None:
    assert limit(Binding(Rule.PUSH_CAP, Decimal("1116.075")), "USD") == "push cap ≤ $1,116.07"
    assert limit(Binding(Rule.FLOOR, Decimal("38.001")), "USD") == "margin floor ≥ $38.01"


def test_the_rule_that_is_told_first_is_told_once(hotel: Hotel) -> None:
    told = hotel.push("--sheet", hotel.sheet("GEN,NIGHT,2000.00"), "--dry-run").out
    assert told.count("2000.00 USD is above 1.15 × 1000.00, what the PMS holds now") == 1


OLD, NEW, HERS = (NightlyRate(Decimal(amount)) for amount in (100, 110, 105))


def outcome(endings: list[Ending], state: PushState) -> PushOutcome:
    """An outcome of as many cells."""
    cells = [RateCell(CODE, "GEN", date(2026, 3, 1) + timedelta(days=day)) for day in range(len(endings))]
    held = {Ending.FOREIGN: HERS, Ending.RESTORED: OLD, Ending.UNREAD: None}
    told = tuple(
        CellOutcome(Change(cell, OLD, NEW.amount), ending, held.get(ending, NEW))
        for cell, ending in zip(cells, endings, strict=True)
    )
    return PushOutcome("id", CODE, state, "why", (), told, 1.0)


def test_of_many_cells_the_one_that_somebody_else_changed_is_shown_first(capsys: pytest.CaptureFixture[str]) -> None:
    print_outcome(outcome([Ending.RESTORED] * 40 + [Ending.FOREIGN], PushState.PENDING_MANUAL_REVIEW), "USD")
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    cells = [line for line in lines if line.startswith("GEN")]
    assert cells[0] == "GEN 2026-04-10 $100.00 $110.00 $105.00 changed by somebody else, left alone"
    assert len(cells) == 20
    assert "… of 41 rates: 40 restored, 1 changed by somebody else, left alone" in lines
    assert "an approval pushes the whole sheet again, over what somebody else has set meanwhile" in lines
    assert "exposed: for 1.0 s a colleague's edit could have been lost; 1 was seen, and left alone" in lines


def test_many_cells_that_were_published_are_counted_and_not_listed(capsys: pytest.CaptureFixture[str]) -> None:
    print_outcome(outcome([Ending.PUBLISHED] * 40 + [Ending.UNCHANGED], PushState.PUBLISHED), "USD")
    told = capsys.readouterr().out
    assert told.startswith("\n41 rates: 40 published, 1 as before\nPUBLISHED: why\n")


@pytest.mark.parametrize(("columns", "width"), [(100, 30), (29, 26)])
def test_a_table_is_closer_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int, width: int
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "dumb")
    print_table(["cell", "rate", ""], [["GEN 2026-03-01", "$1.00", "x"]])
    assert max(map(len, capsys.readouterr().out.splitlines())) == width

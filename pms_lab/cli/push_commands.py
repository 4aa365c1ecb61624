"""What the commands that write to a PMS do: show, ask, one call to the desk, and its outcome printed."""

from __future__ import annotations

import asyncio
import getpass
import signal
import sys
from collections.abc import Collection, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import typer

from pms_lab.cli.commands import print_json
from pms_lab.cli.exits import Exit
from pms_lab.cli.progress import bar
from pms_lab.cli.push_records import outcome_record
from pms_lab.cli.push_text import counted, print_dry_run, print_open, print_outcome, print_proposal
from pms_lab.cli.tables import plain, say
from pms_lab.domain.push import Origin, PushOutcome, PushState
from pms_lab.domain.stay import StayDates
from pms_lab.errors import FileRefused, InputError, MoneyError, RateError
from pms_lab.lab import Lab, open_lab
from pms_lab.push_settings import PushSettings
from pms_lab.rules.preflight import Verdict, verdict_of

if TYPE_CHECKING:
    from pms_lab.desk import Pushed
    from pms_lab.scoring.sheets import Sourced

T = TypeVar("T")

NO_CURRENCY: Final = "XXX"
"""Of a location that is no longer listed, as ISO 4217 has it."""

EXITS: Final = {
    PushState.PUBLISHED: Exit.DONE,
    PushState.PROPOSED_DRY_RUN: Exit.DONE,
    PushState.REJECTED: Exit.NOT_PUSHED,
    PushState.PENDING_MANUAL_REVIEW: Exit.IN_REVIEW,
    PushState.ROLLED_BACK: Exit.ROLLED_BACK,
}
"""Of the other states a person has to know."""

ENDINGS: Final = ("SIGTERM", "SIGHUP")
"""Signals that ask a process to end, beside Ctrl-C; not every system has all."""


@dataclass(frozen=True)
class Asked:
    """What the commands that push have in common."""

    location: str
    dry_run: bool
    yes: bool
    by: str | None
    as_json: bool

    def __post_init__(self) -> None:
        if self.as_json and not (self.yes or self.dry_run):
            raise typer.BadParameter("--json asks nobody: give --yes or --dry-run with it")


def push(asked: Asked, source: Path | date, first: date | None, nights: int | None) -> Exit:
    """Push a sheet from a file or from a dry run."""
    lab = open_lab()
    horizon = StayDates.starting(first, nights) if first and nights else None
    lab.location(asked.location)
    with _sheets_refused():
        if isinstance(source, Path):
            sourced = lab.desk.sheet_from_file(asked.location, source, horizon)
        else:
            sourced = lab.desk.sheet_from_dry_run(asked.location, source, horizon)
    return _push(lab, asked, sourced)


def revert(asked: Asked, day: date) -> Exit:
    """Push what was held at the end of a day."""
    lab = open_lab()
    return _push(lab, asked, asyncio.run(lab.desk.sheet_from_past(asked.location, day)))


def recover(locations: Collection[str], as_json: bool) -> Exit:
    """Settle what was left open."""
    lab = open_lab()
    left = asyncio.run(lab.desk.transactions(only_open=True))
    if any(not locations or one.location in locations for one in left):
        typer.echo("pms-lab: settling what is open, which can take minutes", err=True)
    outcomes = _run(lab.desk.recover(locations))
    if as_json:
        print_json({"recovered": [outcome_record(one) for one in outcomes]})
    elif not outcomes:
        typer.echo("Nothing is open: there is nothing to recover")
    for outcome in () if as_json else outcomes:
        _print_recovered(lab, outcome)
    return _worst(outcomes)


def approve(push_id: str, why: str, by: str | None, as_json: bool) -> Exit:
    """Approve a push that waits."""
    lab = open_lab()
    with bar("pushing rates") as progress:
        pushed = _run(lab.desk.approve(push_id, _person(by), why, progress))
    return _told(lab, pushed, as_json, Origin("review", push_id))


def reject(push_id: str, why: str, by: str | None, as_json: bool) -> None:
    """Close a review."""
    asyncio.run(open_lab().desk.reject(push_id, _person(by), why))
    if as_json:
        print_json({"push_id": push_id, "approved": False, "why": why})
    else:
        typer.echo(f"Closed: nothing more happens to {push_id}")


def _push(lab: Lab, asked: Asked, sourced: Sourced) -> Exit:
    """Show, ask and push. What is shown is a dry run of its own: it stays in the ledger, as what a person agreed to."""
    desk, place, by = lab.desk, lab.location(asked.location), _person(asked.by)
    if not asked.dry_run:
        desk.check_live(place.code)
    if asked.dry_run or not asked.yes:
        proposed = asyncio.run(desk.push(place.code, sourced, by, dry_run=True))
        if asked.as_json:
            return _told(lab, proposed, as_json=True)
        settings = _settings(lab, place.code)
        print_proposal(proposed.outcome, place, sourced.origin, settings)
        if asked.dry_run:
            print_dry_run(proposed.outcome)
            if not settings.live:
                say(f"{place.code} is not live: to push, set live = true in [push.{place.code}] of pms_lab.toml")
            return Exit.DONE
        if (refusal := _not_wanted(proposed.outcome)) is not None:
            return refusal
    with bar(f"pushing rates to {place.code}") as progress:
        pushed = _run(desk.push(place.code, sourced, by, progress=progress))
    return _told(lab, pushed, asked.as_json, sourced.origin if asked.yes else None)


def _not_wanted(proposed: PushOutcome) -> Exit | None:
    """Ask whether to go on; None to go on."""
    needed, code = sum(one.change.is_needed for one in proposed.cells), proposed.location
    match verdict_of(proposed.checks):
        case Verdict.REJECT:
            typer.echo("\nNot pushed: it would be rejected. Nothing was written to the PMS")
            return Exit.NOT_PUSHED
        case Verdict.GO if not needed:
            typer.echo("\nNothing to write: the PMS holds all of it already")
            return Exit.DONE
        case Verdict.REVIEW:
            question = f"Hand these {counted(len(proposed.cells))} to a person for review?"
        case Verdict.GO:
            question = f"Write {counted(needed)} to the PMS of {code}?"
    if _confirmed(question):
        return None
    typer.echo("Not pushed: nothing was written to the PMS")
    return Exit.NOT_PUSHED


def _confirmed(question: str) -> bool:
    """Ask; an interruption at a terminal is a no."""
    try:
        return typer.confirm(f"\n{question}")
    except typer.Abort:
        if not sys.stdin.isatty():
            raise InputError("nobody answered, so nothing was written: give --yes where nobody can be asked") from None
        typer.echo()
        return False


def _told(lab: Lab, pushed: Pushed, as_json: bool, shown_from: Origin | None = None) -> Exit:
    """Print what came of a push; where its sheet is from too, if nobody was shown its preflight before."""
    outcome = pushed.outcome
    if as_json:
        print_json({**outcome_record(outcome), "recovered": [outcome_record(one) for one in pushed.recovered]})
    else:
        for one in pushed.recovered:
            _print_recovered(lab, one)
        if shown_from:
            print_proposal(outcome, lab.location(outcome.location), shown_from, _settings(lab, outcome.location))
        print_outcome(outcome, lab.location(outcome.location).currency)
    return EXITS.get(outcome.state, Exit.NEEDS_PERSON)


def _print_recovered(lab: Lab, outcome: PushOutcome) -> None:
    if not outcome.state.is_final:
        print_open(outcome)
        return
    typer.echo(f"Settled at {outcome.location}: an earlier push")
    place = lab.locations.get(outcome.location)
    print_outcome(outcome, place.currency if place else NO_CURRENCY)
    typer.echo()


def _worst(outcomes: Sequence[PushOutcome]) -> Exit:
    """Return the exit code of a recovery: to have rolled back or closed something is success."""
    codes = {EXITS.get(one.state, Exit.NEEDS_PERSON) for one in outcomes}
    return max(codes & {Exit.IN_REVIEW, Exit.NEEDS_PERSON}, default=Exit.DONE)


def _person(by: str | None) -> str:
    """Return who asks: the name given, or by default that of the login."""
    if by is not None:
        return by
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise InputError("nobody is logged in here by name: say who asks with --by NAME") from None


def _settings(lab: Lab, code: str) -> PushSettings:
    return lab.settings.push.get(code, PushSettings())


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run what may write to a PMS; an interruption leaves it to be recovered, and says so."""
    try:
        with _ended_in_order():
            return asyncio.run(work)
    except KeyboardInterrupt:
        typer.echo("pms-lab: interrupted; `pms-lab recover` settles what was under way", err=True)
        raise typer.Exit(Exit.NEEDS_PERSON) from None


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Take the signals that end a process as an interruption: one that is killed outright keeps its lock for long.

    What ignores one, as `nohup` makes it, goes on to.
    """
    numbers = [getattr(signal, name) for name in ENDINGS if hasattr(signal, name)]
    taken = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def _sheets_refused() -> Iterator[None]:
    """Let whatever is wrong with a sheet end in one exit code."""
    try:
        yield
    except (RateError, MoneyError) as exc:
        raise FileRefused(plain(str(exc))) from exc

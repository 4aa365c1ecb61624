"""What the commands that look something up in the ledger do; none of them asks a PMS."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby
from typing import Final

import typer

from pms_lab.cli.commands import print_json
from pms_lab.cli.push_records import alert_record, entry_record, push_record, push_summary
from pms_lab.cli.push_text import (
    at,
    held,
    limit,
    person,
    print_alert,
    print_changes,
    print_choice,
    print_preflight,
    print_push,
    print_votes,
    source,
    verdict,
)
from pms_lab.cli.tables import plain, print_table, say
from pms_lab.domain.location import Location
from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.push import Decision, HistoryEntry, Push
from pms_lab.errors import NoEvidence
from pms_lab.lab import Lab, open_lab
from pms_lab.wording import UNKNOWN

READ_AT_MOST: Final = 10_000
"""So many entries of one cell are read, of which those that tell the same are one line."""


def transactions(location: str | None, only_open: bool, last: int, as_json: bool) -> None:
    """List pushes."""
    lab = open_lab()
    pushes = asyncio.run(lab.desk.transactions(location, only_open=only_open, limit=last))
    if as_json:
        print_json({"transactions": [push_summary(one) for one in pushes]})
        return
    _print_pushes(lab, pushes)
    if not pushes:
        typer.echo("No transaction is open" if only_open else "There is no transaction yet")


def transaction(push_id: str, as_json: bool) -> None:
    """Show one push."""
    lab = open_lab()
    push, decision = asyncio.run(lab.desk.transaction(push_id))
    if as_json:
        print_json(push_record(push, decision))
    else:
        _print_whole(lab, push, decision)


def reviews(location: str | None, as_json: bool) -> None:
    """List pushes that wait."""
    lab = open_lab()
    pushes = asyncio.run(lab.desk.reviews(location))
    if as_json:
        print_json({"reviews": [push_summary(one) for one in pushes]})
        return
    for push in pushes:
        _print_pushes(lab, [push])
        say(f"  {plain(push.transitions[-1].why)}", hanging=2)
        typer.echo(f"  pms-lab transactions --id {push.id}")
        print_choice(push.id, was_sent=push.transitions[-1].exposed_s is not None)
    if not pushes:
        typer.echo("No push waits for a decision")


def history(location: str, product: str, night: date, on: date | None, last: int, as_json: bool) -> None:
    """Tell what a cell held."""
    lab = open_lab()
    place = lab.location(location)
    entries = asyncio.run(lab.desk.history(location, product, night, on, last if as_json else READ_AT_MOST))
    if not entries:
        when = f" up to the end of {on}" if on else ""
        raise NoEvidence(f"no push has read {product} {night} of {location}{when}: nothing is known of its rate")
    if as_json:
        what = {"location": location, "product": product, "stay_date": night, "on": on, "currency": place.currency}
        print_json({**what, "entries": [entry_record(one) for one in entries]})
        return
    when = f" at the end of {on}" if on else ""
    typer.echo(f"{place.code}, {place.label(product)}, night of {night}: {_amount(entries[0], place)}{when}")
    _print_reason(lab, entries[0], place)
    _print_entries(entries, place, last)


def alerts(location: str | None, last: int, as_json: bool) -> None:
    """List alerts."""
    lab = open_lab()
    found = asyncio.run(lab.desk.alerts(location, last))
    if as_json:
        print_json({"alerts": [alert_record(one) for one in found]})
        return
    for alert in found:
        about = f", transaction {alert.push_id}" if alert.push_id else ""
        typer.echo(f"{at(alert.at, lab.locations.get(alert.location))}  {alert.location}{about}")
        print_alert(alert)
    if not found:
        typer.echo("There is no alert")


def erase(who: str, as_json: bool) -> None:
    """Forget a person's name."""
    person_id = asyncio.run(open_lab().desk.erase_person(who))
    if as_json:
        print_json({"erased": person_id})
    else:
        typer.echo(f"The name is forgotten; what was asked for stays, under {person_id}")


def _print_pushes(lab: Lab, pushes: Sequence[Push]) -> None:
    decisions = asyncio.run(lab.desk.decisions(pushes)) if pushes else {}
    people = {push.asked_by for push in pushes} | {one.by for one in decisions.values()}
    names = asyncio.run(lab.desk.names(people)) if pushes else {}
    for push in pushes:
        print_push(push, lab.locations.get(push.location), names, decisions.get(push.id))


def _print_whole(lab: Lab, push: Push, decision: Decision | None) -> None:
    place = lab.locations.get(push.location)
    people = {push.asked_by, *(step.by for step in push.transitions), *([decision.by] if decision else [])}
    names = asyncio.run(lab.desk.names(people))
    print_push(push, place, names)
    if push.origin.digest:
        typer.echo(f"  SHA-256 of the file: {push.origin.digest}")
    if push.follows:
        typer.echo(f"  follows the review of {push.follows}")
    typer.echo()
    print_preflight(push.checks)
    print_changes(push.changes, push.currency, push.checks, shown=len(push.changes))
    typer.echo()
    for step in push.transitions:
        exposed = f", exposed for {step.exposed_s:.1f} s" if step.exposed_s is not None else ""
        typer.echo(f"{at(step.at, place)}  {step.state} by {person(step.by, names)}{exposed}")
        say(f"  {plain(step.why)}", hanging=2)
    if decision:
        said = f": {plain(decision.why)}" if decision.why else ""
        say(f"{at(decision.at, place)}  review {verdict(decision)} by {person(decision.by, names)}{said}", hanging=2)


def _print_reason(lab: Lab, entry: HistoryEntry, place: Location) -> None:
    if entry.published is None:
        typer.echo("  read in the PMS; none of our pushes put it there")
        return
    push, _ = asyncio.run(lab.desk.transaction(entry.published))
    typer.echo(f"  published by transaction {push.id}")
    _print_who(lab, push)
    if entry.change:
        typer.echo(f"  before: {held(entry.change.old, place.currency)}")
        typer.echo(f"  closest limit: {limit(entry.change.binding, place.currency)}")
        print_votes(entry.change.votes, place.currency)


def _print_who(lab: Lab, push: Push) -> None:
    """Print who asked for a push; of one that follows a review, who asked for the reviewed one and who approved it."""
    first, decision = asyncio.run(lab.desk.transaction(push.follows)) if push.follows else (push, None)
    names = asyncio.run(lab.desk.names({first.asked_by, push.asked_by}))
    say(f"  from {source(first.origin)}, asked for by {person(first.asked_by, names)}", hanging=2)
    if push.follows:
        why = f": {plain(decision.why)}" if decision and decision.why else ""
        say(f"  approved by {person(push.asked_by, names)}{why}", hanging=2)


def _print_entries(entries: Iterable[HistoryEntry], place: Location, last: int) -> None:
    """Print what a cell held, one line for as long as it was seen to hold the same for the same reason."""
    spells = [list(spell) for _, spell in groupby(entries, key=lambda one: (one.amount, one.is_own, one.published))]
    rows = [
        [_clock(spell[-1], place), _clock(spell[0], place), _amount(spell[0], place), spell[0].published or UNKNOWN]
        for spell in spells[:last]
    ]
    print_table(["first seen", "last seen", "rate", "published by"], rows, right=("rate",))
    typer.echo(f"  times of {place.zone}")


def _clock(entry: HistoryEntry, place: Location) -> str:
    return f"{entry.at.astimezone(place.zone):%Y-%m-%d %H:%M:%S}"


def _amount(entry: HistoryEntry, place: Location) -> str:
    return held(NightlyRate(entry.amount, entry.is_own), place.currency)

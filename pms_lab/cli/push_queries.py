"""What the commands that look something up in the ledger do; none of them asks a PMS."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import date

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
)
from pms_lab.cli.tables import plain, print_table, say
from pms_lab.domain.location import Location
from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.push import Decision, HistoryEntry, Push
from pms_lab.errors import NoEvidence
from pms_lab.lab import Lab, open_lab


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
        print_choice(push.id)
    if not pushes:
        typer.echo("No push waits for a decision")


def history(location: str, product: str, night: date, on: date | None, last: int, as_json: bool) -> None:
    """Tell what a cell held."""
    lab = open_lab()
    place = lab.location(location)
    entries = asyncio.run(lab.desk.history(location, product, night, on, last))
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
    _print_entries(entries, place)


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
    names = asyncio.run(lab.desk.names({push.asked_by for push in pushes})) if pushes else {}
    for push in pushes:
        print_push(push, lab.locations.get(push.location), names)


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
        what = "approved" if decision.approved else "rejected"
        said = f": {plain(decision.why)}" if decision.why else ""
        typer.echo(f"{at(decision.at, place)}  review {what} by {person(decision.by, names)}{said}")


def _print_reason(lab: Lab, entry: HistoryEntry, place: Location) -> None:
    if entry.published is None:
        typer.echo("  read in the PMS; none of our pushes put it there")
        return
    push, _ = asyncio.run(lab.desk.transaction(entry.published))
    names = asyncio.run(lab.desk.names([push.asked_by]))
    typer.echo(f"  published by transaction {push.id}")
    typer.echo(f"  from {source(push.origin)}, asked for by {person(push.asked_by, names)}")
    if entry.change:
        typer.echo(f"  before: {held(entry.change.old, place.currency)}")
        typer.echo(f"  closest limit: {limit(entry.change.binding, place.currency)}")
        print_votes(entry.change.votes, place.currency)


def _print_entries(entries: Iterable[HistoryEntry], place: Location) -> None:
    rows = [
        [at(one.at, place), _amount(one, place), f"published by {one.published}" if one.published else "read"]
        for one in entries
    ]
    print_table(["seen at", "rate", ""], rows)


def _amount(entry: HistoryEntry, place: Location) -> str:
    return held(NightlyRate(entry.amount, entry.is_own), place.currency)

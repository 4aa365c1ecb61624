"""Pushes as text for people, at most a hundred columns wide where the names in it allow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

import typer
from babel.numbers import get_currency_precision

from pms_lab.cli.tables import plain, print_table, say
from pms_lab.domain.location import Location
from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.push import (
    Alert,
    Binding,
    CellOutcome,
    Change,
    Check,
    Decision,
    Ending,
    Finding,
    Origin,
    Push,
    PushOutcome,
    PushState,
    Rule,
    Vote,
)
from pms_lab.domain.rates import RateCell
from pms_lab.push_settings import PushSettings
from pms_lab.rules.preflight import Verdict, named, verdict_of
from pms_lab.wording import UNKNOWN, change, money

SHOWN: Final = 20
"""So many cells are shown, and so many findings; the ledger shows all."""

CEILINGS: Final = (Rule.PUSH_CAP, Rule.DAY_CAP)
CALM: Final = (Ending.PUBLISHED, Ending.UNCHANGED)
URGENT: Final = (Ending.OURS, Ending.UNREAD, Ending.FOREIGN)
"""What a person has to look at, the most urgent first."""

NOT_PUSHED: Final = (PushState.REJECTED, PushState.PENDING_MANUAL_REVIEW)

PROPOSALS: Final[Mapping[Verdict, str]] = {
    Verdict.GO: "it would be pushed",
    Verdict.REVIEW: "it would wait for a person's review",
    Verdict.REJECT: "it would be rejected",
}


def print_preflight(checks: Sequence[Check]) -> None:
    """Print the five checks, and what breaks which rule."""
    typer.echo("Preflight")
    for check in checks:
        is_listed = len(check.findings) > 1
        detail = check.detail.removesuffix(f": {check.findings[0].why}") if is_listed else check.detail
        say(f"  {'✓' if check.passed else '✗'} {check.name:<16} {plain(detail)}", hanging=21)
        if is_listed:
            _print_findings(check.findings)


def print_proposal(outcome: PushOutcome, place: Location, origin: Origin, settings: PushSettings) -> None:
    """Print what a push means to do, what its preflight found, and what no rule limits."""
    say(f"{place.code} ({place.name}): {counted(len(outcome.cells))} from {source(origin)}")
    typer.echo()
    print_preflight(outcome.checks)
    changes = [one.change for one in outcome.cells]
    print_changes(changes, place.currency, outcome.checks)
    if settings.largest_decrease is None and (falls := sum(_falls_far(one, settings.push_cap) for one in changes)):
        how = f"set largest_decrease in [push.{place.code}] to limit that"
        say(f"! {counted(falls)} would fall by more than the push cap of {settings.push_cap} lets rates rise: {how}", 2)


def print_changes(changes: Sequence[Change], currency: str, checks: Sequence[Check], shown: int = SHOWN) -> None:
    """Print old and new rates; where not all are shown, those that break a rule, then those that change most."""
    if not changes:
        return
    if not _were_read(checks):
        typer.echo(f"\n  {counted(len(changes))}; what the PMS holds is not known")
        return
    findings = _findings_by_cell(checks)
    first = changes
    if len(changes) > shown:
        first = sorted(changes, key=lambda one: (one.cell not in findings, -_size(one)))
    head = ["cell", "old", "new", "change", "closest limit", ""]
    rows = [_change_row(one, currency, findings.get(one.cell, [])) for one in first[:shown]]
    print_table(head, rows, right=("old", "new", "change"))
    if len(changes) > shown:
        typer.echo(f"  … and {counted(len(changes) - shown)} more{'' if findings else ', which change no more'}")
    if any(one.old and not one.old.is_own for one in first[:shown]):
        typer.echo("  in brackets: inherited from a base price or another rule")
    typer.echo(f"  {summary(changes)}")


def summary(changes: Iterable[Change]) -> str:
    """Say how many rates rise and fall, and by how much at most: ``14 rates: 9 up, 5 down; from -3.20% to +5.00%``."""
    kinds: Counter[str] = Counter()
    ratios: dict[Decimal, str] = {}
    for one in changes:
        kinds[_direction(one)] += 1
        if one.old and one.new != one.old.amount and (written := change(one.new, one.old.amount)):
            ratios[one.new / one.old.amount] = written
    parts = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    if not ratios:
        return f"{counted(kinds.total())}: {parts}"
    least, most = ratios[min(ratios)], ratios[max(ratios)]
    return f"{counted(kinds.total())}: {parts}; " + (f"from {least} to {most}" if least != most else f"by {most}")


def print_outcome(outcome: PushOutcome, currency: str) -> None:
    """Print how a push ended, cell by cell, and what a person has to do."""
    if not _print_endings(outcome, currency):
        typer.echo()
    say(f"{outcome.state}: {plain(outcome.why)}")
    if outcome.exposed_s is not None:
        say(exposure(outcome))
    elif outcome.state in NOT_PUSHED:
        typer.echo("Nothing was written to the PMS")
    for alert in outcome.alerts:
        print_alert(alert)
    if outcome.push_id:
        typer.echo(f"Transaction {outcome.push_id}")
    if outcome.push_id and outcome.state is PushState.PENDING_MANUAL_REVIEW:
        print_choice(outcome.push_id, was_sent=outcome.exposed_s is not None)


def print_open(outcome: PushOutcome) -> None:
    """Print that an earlier push is still open, why, and what to do."""
    what = f"{counted(len(outcome.cells))}, {outcome.state}"
    say(f"Still open at {outcome.location}: push {outcome.push_id}, {what}")
    say(f"  {plain(outcome.why)}", hanging=2)
    for alert in outcome.alerts:
        print_alert(alert)
    if not outcome.alerts:
        typer.echo("  next: `pms-lab recover` again when that is over")
    typer.echo()


def print_choice(push_id: str, *, was_sent: bool) -> None:
    """Print the two ways to decide on a push that waits, and what an approval does to a colleague's rates."""
    if was_sent:
        say("  an approval pushes the whole sheet again, over what somebody else has set meanwhile", hanging=2)
    typer.echo(f"  pms-lab review approve {push_id}")
    typer.echo(f'  pms-lab review reject {push_id} --why "…"')


def print_dry_run(outcome: PushOutcome) -> None:
    """Print how a dry run ended."""
    typer.echo()
    say(f"{outcome.state}: {PROPOSALS[verdict_of(outcome.checks)]}; nothing was written to the PMS")
    for alert in outcome.alerts:
        print_alert(alert)
    if outcome.push_id:
        typer.echo(f"Transaction {outcome.push_id}")


def exposure(outcome: PushOutcome) -> str:
    """Say for how long somebody's edit could have been lost, and whether one was seen."""
    foreign = sum(one.ending is Ending.FOREIGN for one in outcome.cells)
    seen = f"{foreign} {'was' if foreign == 1 else 'were'} seen, and left alone" if foreign else "none was seen"
    return f"exposed: for {outcome.exposed_s:.1f} s a colleague's edit could have been lost; {seen}"


def print_alert(alert: Alert) -> None:
    """Print an alert and its next step."""
    say(f"! {alert.kind} ({alert.severity}): {plain(alert.message)}", hanging=2)
    say(f"  next: {plain(alert.next_step)}", hanging=8)


def print_push(push: Push, place: Location | None, names: Mapping[str, str], decision: Decision | None = None) -> None:
    """Print a push in two lines, and what was decided on it."""
    decided = f", {verdict(decision)} by {person(decision.by, names)}" if decision else ""
    typer.echo(f"{push.id}  {push.state}{decided}")
    what = f"{counted(len(push.changes))} from {source(push.origin)}, asked for by {person(push.asked_by, names)}"
    say(f"  {at(push.asked_at, place)}  {push.location}, {what}", hanging=2)


def verdict(decision: Decision) -> str:
    """Say what a person has decided."""
    return "approved" if decision.approved else "rejected"


def print_votes(votes: Iterable[Vote], currency: str) -> None:
    """Print what agents recommended."""
    rows = [
        [plain(one.agent), money(one.rate, currency), f"{one.confidence:f}", f"{one.weight:f}", one.version or UNKNOWN]
        for one in votes
    ]
    if rows:
        print_table(["vote of", "rate", "confidence", "weight", "version"], rows, right=("rate",))


def source(origin: Origin) -> str:
    """Say where a sheet comes from."""
    shown = plain(origin.name)
    known = {
        "file": shown,
        "dry run": f"the dry run of {shown}",
        "revert": f"what was held at the end of {shown}",
        "review": f"the approved push {shown}",
    }
    return known.get(origin.kind, f"{origin.kind} {shown}")


def person(known_as: str, names: Mapping[str, str]) -> str:
    """Show a person by name; an id without a name, and the name of a process, as they are."""
    return plain(names.get(known_as, known_as))


def at(moment: datetime, place: Location | None) -> str:
    """Write a time by the clock of a location; in UTC where that is no longer known."""
    return f"{moment.astimezone(place.zone) if place else moment:%Y-%m-%d %H:%M:%S %Z}"


def counted(count: int) -> str:
    """Write a number of rates."""
    return "1 rate" if count == 1 else f"{count:,} rates"


def limit(binding: Binding | None, currency: str) -> str:
    """Write the constraint that a rate comes closest to, such as ``push cap ≤ $52.90``."""
    if binding is None:
        return UNKNOWN
    sign, nearest = ("≤", ROUND_FLOOR) if binding.rule in CEILINGS else ("≥", ROUND_CEILING)
    smallest = Decimal(1).scaleb(-get_currency_precision(currency))
    return f"{binding.rule} {sign} {money(binding.limit.quantize(smallest, nearest), currency)}"


def held(rate: NightlyRate | None, currency: str) -> str:
    """Write what a cell holds, in brackets what it inherits."""
    if rate is None:
        return UNKNOWN
    written = exact(rate.amount, currency)
    return written if rate.is_own else f"({written})"


def exact(amount: Decimal, currency: str) -> str:
    """Write an amount; one that is finer than the currency's decimals is not rounded, since that is what is pushed."""
    is_finer = amount != amount.quantize(Decimal(1).scaleb(-get_currency_precision(currency)))
    return f"{amount.normalize():f} {currency}" if is_finer else money(amount, currency)


def _change_row(one: Change, currency: str, findings: Sequence[Finding]) -> list[str]:
    ratio = change(one.new, one.old.amount) if one.old and one.new != one.old.amount else None
    broken = f"✗ {findings[0].rule}" + (f" +{len(findings) - 1}" if len(findings) > 1 else "") if findings else ""
    return [
        plain(named(one.cell)),
        held(one.old, currency),
        exact(one.new, currency),
        ratio or UNKNOWN,
        limit(one.binding, currency),
        broken,
    ]


def _direction(one: Change) -> str:
    if one.old is None:
        return "new"
    if one.old.amount == one.new:
        return "as before"
    return "up" if one.new > one.old.amount else "down"


def _size(one: Change) -> Decimal:
    """Return by what share of the old rate one changes; all of it where there was none."""
    old = one.old.amount if one.old else Decimal(0)
    return abs(one.new / old - 1) if old else Decimal(1)


def _falls_far(one: Change, push_cap: Decimal) -> bool:
    return one.old is not None and one.new * push_cap < one.old.amount


def _findings_by_cell(checks: Iterable[Check]) -> Mapping[RateCell, list[Finding]]:
    found: dict[RateCell, list[Finding]] = {}
    for check in checks:
        for finding in check.findings:
            if finding.cell is not None:
                found.setdefault(finding.cell, []).append(finding)
    return found


def _were_read(checks: Iterable[Check]) -> bool:
    """Whether the rates in the PMS could be read at the preflight; where not, no cell has an old amount."""
    return not any(one.rule is Rule.PREVIOUS and one.cell is None for check in checks for one in check.findings)


def _print_findings(findings: Sequence[Finding]) -> None:
    for finding in findings[:SHOWN]:
        say(f"    – {finding.rule}: {plain(finding.why)}", hanging=6)
    if len(findings) > SHOWN:
        rules = Counter(str(finding.rule) for finding in findings)
        told = ", ".join(f"{count:,} × {rule}" for rule, count in rules.most_common())
        typer.echo(f"    … of {len(findings):,} findings: {told}")


def _print_endings(outcome: PushOutcome, currency: str) -> bool:
    """Print what became of the cells, the urgent ones first where not all are shown; whether there was anything to.

    Of many cells the calm ones are only counted.
    """
    endings = Counter(str(one.ending) for one in outcome.cells)
    never_begun = outcome.state in NOT_PUSHED and endings.keys() <= {Ending.UNCHANGED}
    if never_begun or endings.keys() <= {Ending.UNREAD}:
        return False
    cells: Sequence[CellOutcome] = outcome.cells
    if len(cells) > SHOWN:
        cells = sorted((one for one in cells if one.ending not in CALM), key=_urgency)[:SHOWN]
    if cells:
        rows = [_ending_row(one, currency) for one in cells]
        print_table(["cell", "old", "new", "holds now", "outcome"], rows, right=("old", "new", "holds now"))
    if len(outcome.cells) > SHOWN:
        told = ", ".join(f"{count:,} {ending}" for ending, count in endings.most_common())
        typer.echo(f"{'  … of ' if cells else chr(10)}{counted(len(outcome.cells))}: {told}")
    return True


def _urgency(one: CellOutcome) -> int:
    return URGENT.index(one.ending) if one.ending in URGENT else len(URGENT)


def _ending_row(one: CellOutcome, currency: str) -> list[str]:
    change = one.change
    return [
        plain(named(change.cell)),
        held(change.old, currency),
        exact(change.new, currency),
        UNKNOWN if one.ending is Ending.UNREAD else held(one.held, currency),
        str(one.ending),
    ]

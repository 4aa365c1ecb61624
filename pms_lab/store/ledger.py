"""The push ledger in SQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Select, Table, and_, exists, insert, literal, select, union_all
from sqlalchemy.exc import IntegrityError

from pms_lab.domain.pms import NightlyRate
from pms_lab.domain.push import Alert, AlertKind, Decision, HistoryEntry, Push, PushState, Transition, check_step
from pms_lab.domain.rates import RateCell
from pms_lab.engine.ledger import Fence, Past
from pms_lab.errors import InputError, LockLost, StoreError
from pms_lab.store.alerts import alerts, clear_alert, is_raised, raise_alert
from pms_lab.store.database import Database
from pms_lab.store.history import amounts_at, day_base, history
from pms_lab.store.records import (
    AnyRow,
    Values,
    change_of,
    decision_of,
    grouped,
    key_of,
    push_of,
    row_of_change,
    row_of_push,
    row_of_reading,
    row_of_step,
    step_of,
)
from pms_lab.store.tables import (
    CELLS,
    DECISIONS,
    FENCES,
    INVENTORY_READS,
    OPEN_PUSHES,
    PUBLICATIONS,
    PUSHES,
    READINGS,
    TRANSITIONS,
    Instant,
    insert_into,
)

_INDEXED: Final = select(OPEN_PUSHES.c.push)


class SqlBook:
    """An implementation of `Book`: see there. Any number of processes may share its database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def past(self, location: str, cells: Collection[RateCell], midnight: datetime) -> Past:
        """Return what is known of a location, after trying to write."""
        with self._database.trying() as connection:
            connection.execute(insert(INVENTORY_READS), {"location": location, "at": midnight})
        with self._database.reading() as connection:
            return Past(
                open_pushes=_open_pushes(connection, location),
                day_base=day_base(connection, cells, midnight),
                inventory_at=_inventory_at(connection, location),
                last_at=_last_at(connection, location),
                pms_down=is_raised(connection, AlertKind.PMS_DOWN, location),
            )

    def open(
        self, push: Push, fence: Fence | None, alerts: Collection[Alert] = (), inventory_at: datetime | None = None
    ) -> None:
        """Record a new push."""
        if fence is None and not push.state.is_final:
            raise LockLost(f"no lock on {push.location}: take it before a push is opened there")
        with self._database.writing() as connection:
            if fence is not None:
                _check_location(fence, push.location)
                _see_token(connection, fence)
            check_step(None, push.state)
            _add_push(connection, push)
            if inventory_at is not None:
                connection.execute(insert(INVENTORY_READS), {"location": push.location, "at": inventory_at})
            for alert in alerts:
                raise_alert(connection, alert)

    def record(
        self,
        push_id: str,
        step: Transition,
        fence: Fence,
        held: Mapping[RateCell, NightlyRate] | None = None,
        alerts: Collection[Alert] = (),
    ) -> None:
        """Record a transition."""
        with self._database.writing() as connection:
            # First: others who write for this location wait from here on, so what is read next stays true.
            _see_token(connection, fence)
            last = _last_step(connection, push_id)
            _check_location(fence, last.location)
            check_step(PushState(last.state), step.state)
            connection.execute(insert(TRANSITIONS), row_of_step(last.push, last.sequence + 1, last.location, step))
            _add_readings(connection, last.push, step.at, held or {})
            if step.state is PushState.PUBLISHED:
                _publish(connection, last.push, last.location, step.at)
            for alert in alerts:
                raise_alert(connection, alert)

    def guard(self, fence: Fence) -> None:
        """Let only this fence and higher ones write from now on."""
        with self._database.writing() as connection:
            _see_token(connection, fence)

    def find(self, push_id: str) -> Push | None:
        """Return a push."""
        with self._database.reading() as connection:
            return next(iter(_pushes(connection, select(PUSHES.c.number).where(PUSHES.c.id == push_id))), None)

    def pushes(
        self, location: str | None = None, states: Collection[PushState] = (), limit: int | None = None
    ) -> tuple[Push, ...]:
        """Return pushes, the latest first."""
        chosen = _chosen(location, states)
        with self._database.reading() as connection:
            return _pushes(connection, chosen.order_by(chosen.selected_columns.number.desc()).limit(limit))

    def reviews(self, location: str | None = None) -> tuple[Push, ...]:
        """Return the pushes that wait for a person's decision."""
        waiting = _chosen(location, [PushState.PENDING_MANUAL_REVIEW])
        undecided = waiting.selected_columns.number.not_in(select(DECISIONS.c.push))
        with self._database.reading() as connection:
            return _pushes(connection, waiting.where(undecided))[::-1]

    def decide(self, decision: Decision) -> None:
        """Record a decision."""
        push_id = decision.push_id
        with self._database.writing() as connection:
            last = _last_step(connection, push_id)
            if last.state != PushState.PENDING_MANUAL_REVIEW:
                raise InputError(f"push {push_id} is {last.state}: only one that waits for a review can be decided on")
            if not _add_decision(connection, last.push, decision):
                known = _decision(connection, push_id)
                raise InputError(f"{known and known.by} has decided on push {push_id} already: that stays")

    def decision(self, push_id: str) -> Decision | None:
        """Return what was decided on a push."""
        with self._database.reading() as connection:
            return _decision(connection, push_id)

    def history(self, cell: RateCell, until: datetime | None = None, limit: int = 100) -> tuple[HistoryEntry, ...]:
        """Return what a cell held, the latest first."""
        with self._database.reading() as connection:
            return history(connection, cell, until, limit)

    def amounts_at(self, location: str, at: datetime) -> Mapping[RateCell, NightlyRate]:
        """Return what was held at a time."""
        with self._database.reading() as connection:
            return amounts_at(connection, location, at)

    def tell(self, alert: Alert) -> bool:
        """Record an alert, unless it is raised already."""
        with self._database.writing() as connection:
            return raise_alert(connection, alert)

    def clear(self, kind: AlertKind, subject: str, at: datetime) -> None:
        """Note that what an alert told is over."""
        with self._database.writing() as connection:
            clear_alert(connection, kind, subject, at)

    def alerts(self, location: str | None = None, limit: int | None = None) -> tuple[Alert, ...]:
        """Return alerts, the latest first."""
        with self._database.reading() as connection:
            return alerts(connection, location, limit)


def _see_token(connection: Connection, fence: Fence) -> None:
    """Raise the highest token seen, and hold its row until the transaction ends."""
    new = insert_into(connection, FENCES).values(location=fence.location, token=fence.token)
    seen = new.on_conflict_do_update(
        index_elements=[FENCES.c.location],
        set_={"token": new.excluded.token},
        where=FENCES.c.token <= new.excluded.token,
    )
    if connection.scalar(seen.returning(FENCES.c.token)) is None:
        highest = connection.scalar(select(FENCES.c.token).where(FENCES.c.location == fence.location))
        raise LockLost(
            f"the lock on {fence.location} is another's now: token {fence.token} is void, {highest} was seen"
        )


def _check_location(fence: Fence, location: str) -> None:
    if fence.location != location:
        raise LockLost(f"a lock on {fence.location} gives no right to write for {location}")


def _last_step(connection: Connection, push_id: str) -> AnyRow:
    """Return the last transition of a push, as a row.

    Raises:
        InputError: there is no such push.
    """
    steps = select(TRANSITIONS).join(PUSHES).where(PUSHES.c.id == push_id).order_by(TRANSITIONS.c.sequence.desc())
    last = connection.execute(steps.limit(1)).first()
    if last is None:
        raise InputError(f"there is no push {push_id!r}: list the pushes")
    return last


def _add_push(connection: Connection, push: Push) -> None:
    try:
        number = connection.scalars(insert(PUSHES).returning(PUSHES.c.number), row_of_push(push)).one()
    except IntegrityError as exc:
        raise StoreError(f"push {push.id} is recorded already: an id is used once") from exc
    changes = [
        row_of_change(number, position, key_of(change.cell), change) for position, change in enumerate(push.changes)
    ]
    steps = [row_of_step(number, sequence, push.location, step) for sequence, step in enumerate(push.transitions)]
    _add_all(connection, CELLS, changes)
    _add_all(connection, TRANSITIONS, steps)
    if push.read_at is not None:
        old = {change.cell: change.old for change in push.changes if change.old is not None}
        _add_readings(connection, number, push.read_at, old)


def _add_readings(connection: Connection, push: int, at: datetime, held: Mapping[RateCell, NightlyRate]) -> None:
    _add_all(connection, READINGS, [row_of_reading(push, key_of(cell), at, rate) for cell, rate in held.items()])


def _add_all(connection: Connection, table: Table, rows: list[Values]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _publish(connection: Connection, push: int, location: str, at: datetime) -> None:
    """Make the rate history out of what a push meant and what was read back."""
    mine = and_(READINGS.c.cell == CELLS.c.cell, READINGS.c.at == at, READINGS.c.push == push)
    read_back = select(READINGS.c.amount).where(mine).order_by(READINGS.c.number.desc()).limit(1).scalar_subquery()
    known = (CELLS.c.push, CELLS.c.position, CELLS.c.cell, CELLS.c.new_amount, CELLS.c.old_amount, read_back)
    same = literal(location), literal(at, Instant)
    columns = ["push", "position", "cell", "amount", "previous", "read_back", "location", "at"]
    connection.execute(insert(PUBLICATIONS).from_select(columns, select(*known, *same).where(CELLS.c.push == push)))


def _pushes(connection: Connection, chosen: Select[tuple[int]]) -> tuple[Push, ...]:
    """Return the pushes whose numbers are chosen, the latest first, by one question for each table."""
    numbers = select(chosen.subquery().c.number)
    changes = select(CELLS).where(CELLS.c.push.in_(numbers)).order_by(CELLS.c.push, CELLS.c.position)
    steps = select(TRANSITIONS).where(TRANSITIONS.c.push.in_(numbers)).order_by(TRANSITIONS.c.number)
    pushes = select(PUSHES).where(PUSHES.c.number.in_(numbers)).order_by(PUSHES.c.number.desc())
    changes_of, steps_of = grouped(connection.execute(changes)), grouped(connection.execute(steps))
    return tuple(
        push_of(row, map(change_of, changes_of.get(row.number, ())), map(step_of, steps_of[row.number]))
        for row in connection.execute(pushes)
    )


def _chosen(location: str | None, states: Collection[PushState]) -> Select[tuple[int]]:
    """Choose the numbers of pushes; only those of a location or in some states where any are named."""
    if not states:
        every = select(PUSHES.c.number)
        return every if location is None else every.where(PUSHES.c.location == location)
    # Nothing follows a final state. Nearly every push was in one of the others once, so they are sought by their index.
    final, later = [state for state in states if state.is_final], TRANSITIONS.alias()
    is_past = exists().where(later.c.push == TRANSITIONS.c.push, later.c.sequence > TRANSITIONS.c.sequence)
    led_to = select(TRANSITIONS.c.push.label("number"))
    if location is not None:
        led_to = led_to.where(TRANSITIONS.c.location == location)
    found = union_all(
        led_to.where(TRANSITIONS.c.state.in_(final)),
        led_to.where(TRANSITIONS.c.state.in_(states), TRANSITIONS.c.push.in_(_INDEXED), ~is_past),
    ).subquery()
    return select(found.c.number)


def _open_pushes(connection: Connection, location: str) -> tuple[str, ...]:
    chosen = select(PUSHES.c.id).where(PUSHES.c.location == location, PUSHES.c.number.in_(_INDEXED))
    return tuple(connection.scalars(chosen.order_by(PUSHES.c.number)))


def _inventory_at(connection: Connection, location: str) -> datetime | None:
    reads = select(INVENTORY_READS.c.at).where(INVENTORY_READS.c.location == location)
    last: datetime | None = connection.scalar(reads.order_by(INVENTORY_READS.c.at.desc()).limit(1))
    return last


def _last_at(connection: Connection, location: str) -> datetime | None:
    steps = select(TRANSITIONS.c.at).where(TRANSITIONS.c.location == location)
    last: datetime | None = connection.scalar(steps.order_by(TRANSITIONS.c.number.desc()).limit(1))
    return last


def _add_decision(connection: Connection, push: int, decision: Decision) -> bool:
    """Add a decision, unless there is one; whether it was added."""
    if _decision(connection, decision.push_id) is not None:
        return False
    values = {"push": push, "approved": decision.approved, "by": decision.by, "at": decision.at, "why": decision.why}
    # On PostgreSQL another may add one at the same time.
    added = insert_into(connection, DECISIONS).values(values).on_conflict_do_nothing().returning(DECISIONS.c.push)
    return connection.scalar(added) is not None


def _decision(connection: Connection, push_id: str) -> Decision | None:
    row = connection.execute(select(DECISIONS).join(PUSHES).where(PUSHES.c.id == push_id)).first()
    return None if row is None else decision_of(push_id, row)

"""Alerts of the push ledger: rows that raise and clear in turn, of which the last one tells."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Row, select

from pms_lab.domain.push import Alert, AlertKind
from pms_lab.store.records import Values, alert_of
from pms_lab.store.tables import ALERTS, insert_into


def is_raised(connection: Connection, kind: AlertKind, subject: str) -> bool:
    """Whether an alert was told and not cleared since."""
    last = _last(connection, kind, subject)
    return last is not None and last.is_raised


def raise_alert(connection: Connection, alert: Alert) -> bool:
    """Add an alert unless it is raised already; whether it was added."""
    values = {
        "at": alert.at,
        "severity": alert.severity,
        "location": alert.location,
        "message": alert.message,
        "next_step": alert.next_step,
        "push_id": alert.push_id,
    }
    return _turned(connection, alert.kind, alert.subject, values, is_raised=True)


def clear_alert(connection: Connection, kind: AlertKind, subject: str, at: datetime) -> None:
    """Note that an alert is over, if it is raised."""
    _turned(connection, kind, subject, {"at": at}, is_raised=False)


def alerts(connection: Connection, location: str | None, limit: int | None) -> tuple[Alert, ...]:
    """Return what was told, the latest first."""
    told = select(ALERTS).where(ALERTS.c.is_raised).order_by(ALERTS.c.number.desc()).limit(limit)
    if location is not None:
        told = told.where(ALERTS.c.location == location)
    return tuple(map(alert_of, connection.execute(told)))


def _turned(connection: Connection, kind: AlertKind, subject: str, values: Values, *, is_raised: bool) -> bool:
    while True:
        last = _last(connection, kind, subject)
        if (last is not None and last.is_raised) == is_raised:
            return False
        sequence = 0 if last is None else last.sequence + 1
        key = {"kind": kind, "subject": subject, "sequence": sequence, "is_raised": is_raised}
        # On PostgreSQL another may add this number at the same time; then it is looked at again.
        added = insert_into(connection, ALERTS).values(key | values).on_conflict_do_nothing().returning(ALERTS.c.number)
        if connection.scalar(added) is not None:
            return True


def _last(connection: Connection, kind: AlertKind, subject: str) -> Row[bool, int] | None:
    of_subject = select(ALERTS.c.is_raised, ALERTS.c.sequence).where(ALERTS.c.kind == kind, ALERTS.c.subject == subject)
    return connection.execute(of_subject.order_by(ALERTS.c.sequence.desc()).limit(1)).first()

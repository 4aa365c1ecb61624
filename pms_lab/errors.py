"""Every error that pms_lab raises.

PmsLabError
├── SettingsError           a setting or data/locations.toml is missing or mistyped
├── MoneyError              an amount that is not money
│   └── CurrencyMismatch    two currencies in one sum
├── RateError               a rate cell, sheet or vote breaks its own rules
│   └── DuplicateCell       one cell, two rates
├── InputError              something that a user gave cannot be used
│   ├── UnknownLocation     not in data/locations.toml
│   ├── NoEvidence          no recommendation is stored for what was asked
│   ├── FileRefused         an import file that cannot be read at all
│   ├── BadParameter        a notebook parameter that is unknown or mistyped
│   └── NotLive             a location whose rates may not be pushed yet
├── StoreError              a stored file or database is damaged, or cannot be read or written
│   ├── LockLost            another has taken the lock on a location, or it lapsed
│   └── IllegalTransition   a push cannot go from one state to the other
├── ReportFailed            a report's notebook raised; its run is kept beside the good one
├── Unsupported             the vendor of a PMS cannot do what was asked
└── PmsError                an exchange with a PMS ended otherwise than it should
    ├── NotSent             no connection was made
    │   ├── HostRefused     the address is not one that may be spoken to
    │   └── BreakerOpen     the PMS failed too often; it is left alone for a while
    ├── PmsRefused          the PMS said no
    │   ├── AuthRefused     it does not accept the credentials
    │   └── Throttled       it was asked too often
    ├── PmsFailed           the PMS says that it failed (5xx)
    ├── Unanswered          no whole answer came in time
    └── BadAnswer           an answer that cannot be read, or that breaks the vendor's own description

`effect` says what is known of a write that ended in a `PmsError`: below `NotSent` and `PmsRefused` nothing happened;
after the others it may have. Of all other errors nothing happened.
"""

from __future__ import annotations

from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class PmsLabError(Exception):
    """The root: a message that names the value, the rule and the next step."""


class SettingsError(PmsLabError):
    """A setting is missing or mistyped; the message names it and the fix."""


class MoneyError(PmsLabError):
    """An amount that is not money: a float, NaN, an infinity, a currency that is no ISO 4217 code."""


class CurrencyMismatch(MoneyError):
    """Two amounts of different currencies met in one operation. Nothing is ever converted silently."""


class RateError(PmsLabError):
    """A rate cell, rate sheet or vote breaks its own rules."""


class DuplicateCell(RateError):
    """The same rate cell was given two rates."""


class InputError(PmsLabError):
    """Something that a user gave cannot be used."""


class UnknownLocation(InputError):
    """A location that data/locations.toml does not list."""

    @classmethod
    def named(cls, name: str, known: Iterable[str]) -> UnknownLocation:
        """Say which location is unknown and which one may have been meant."""
        return cls(f"unknown location {name!r}: data/locations.toml lists {listed(known)}{hint(name, known)}")


class NoEvidence(InputError):
    """No recommendation is stored for the location and run date asked for."""


class FileRefused(InputError):
    """An import file that cannot be read at all; nothing of it went in."""


class BadParameter(InputError):
    """A notebook parameter that is unknown, or whose value has the wrong type."""


class NotLive(InputError):
    """A location whose rates may not be pushed yet: its setting `live` is off."""


class StoreError(PmsLabError):
    """A stored file or database is damaged, or cannot be read or written."""


class LockLost(StoreError):
    """Another has taken the lock on a location, or it lapsed: its former holder does nothing more there."""


class IllegalTransition(StoreError):
    """A push cannot go from one state to the other."""

    def __init__(self, before: str | None, after: str, allowed: Iterable[str]) -> None:
        super().__init__(f"a push that is {before or 'new'} cannot become {after}: it may become {listed(allowed)}")


class ReportFailed(PmsLabError):
    """A report's notebook raised.

    Attributes:
        cell: the number that Jupyter shows beside the failing cell, as in ``In [3]``; None when the kernel died.
        notebook: the failed run, kept for reading. A good report of the same day is untouched.
    """

    def __init__(self, message: str, *, cell: int | None, notebook: Path) -> None:
        super().__init__(message)
        self.cell = cell
        self.notebook = notebook


class Unsupported(PmsLabError):
    """The vendor of a PMS cannot do what was asked; its capabilities say so beforehand."""


class Effect(StrEnum):
    """What is known of a write that ended in an error."""

    NONE = "nothing happened"
    UNKNOWN = "it may have happened"


class PmsError(PmsLabError):
    """An exchange with a PMS ended otherwise than it should.

    Attributes:
        effect: what is known of a write's effect.
        status: of the HTTP answer; None where there was none.
        retry_after_s: how long the PMS asked to wait; None where it did not say.
        code: the vendor's own, where it gives one.
        doubt: of an earlier attempt of the same call, an error whose effect is unknown; None where there was none.
    """

    effect: ClassVar[Effect] = Effect.UNKNOWN

    def __init__(self, message: str, *, status: int | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s
        self.code: str | None = None
        self.doubt: PmsError | None = None


class NotSent(PmsError):
    """No connection was made: the PMS has not heard of the request."""

    effect = Effect.NONE


class HostRefused(NotSent):
    """The address is not one that may be spoken to: plain HTTP beyond this machine, or a host that is not listed."""


class BreakerOpen(NotSent):
    """The PMS failed too often, and is left alone for a while; the request was not sent."""


class PmsRefused(PmsError):
    """The PMS understood and said no: the request had no effect."""

    effect = Effect.NONE


class AuthRefused(PmsRefused):
    """The PMS does not accept the credentials, or they may not do this."""


class Throttled(PmsRefused):
    """The PMS was asked too often; it did not look at the request."""


class PmsFailed(PmsError):
    """The PMS says that it failed (5xx); the request may have had its effect nevertheless."""


class Unanswered(PmsError):
    """No whole answer came: a timeout, or a connection that broke; the request may have its effect, also later."""


class BadAnswer(PmsError):
    """An answer that cannot be read, or breaks the vendor's own description; the request may have had its effect."""


def listed(names: Iterable[str]) -> str:
    """Join names for a message, in order: ``a, b, c``, or ``none`` when there are none."""
    return ", ".join(sorted(names)) or "none"


def hint(name: str, known: Iterable[str]) -> str:
    """Return `` (did you mean X?)`` when a known name is close, else nothing."""
    close = get_close_matches(name.upper(), [k.upper() for k in known], n=1)
    match = next((k for k in known if [k.upper()] == close), None)
    return f" (did you mean {match}?)" if match else ""

"""How Mews says no."""

from __future__ import annotations


class Fault(Exception):
    """An error of Mews's; nothing happened. Source: guidelines, responses."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def invalid(what: str) -> Fault:
    """Return the fault of a request that names something that does not exist, or is malformed."""
    return Fault(400, f"Invalid {what}.")


def forbidden(message: str) -> Fault:
    """Return the fault of a rule of the hotel's business, which the user is to be shown."""
    return Fault(403, message)

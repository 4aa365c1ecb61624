"""Settings of one property's PMS: where it is, what it calls things, and by which credentials it is asked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from pms_lab.errors import SettingsError

Share = Annotated[float, Field(gt=0, le=1)]
Seconds = Annotated[float, Field(gt=0)]

ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "PMS_TYPE": ("vendor",),
    "PMS_API_KEY": ("credentials", "key"),
    "pms_timeout": ("timeout_s",),
    "pms_circuit_breaker_failure_threshold": ("breaker_failures",),
    "pms_circuit_breaker_recovery_timeout": ("breaker_recovery_s",),
}
"""Variables of the outage runbook: each holds for every PMS whose table does not set it."""

KEYED: Final = ("cloudbeds", "qloapps")
"""The vendors that are asked with one API key; to the others `PMS_API_KEY` says nothing."""


def _different_ids(products: Mapping[str, str]) -> Mapping[str, str]:
    if len(set(products.values())) < len(products):
        raise ValueError("two products have one id: their rates would be one rate")
    return products


class PmsSettings(BaseModel):
    """One table `[pms.<LOCATION>]`.

    Attributes:
        base_url: without the path of the API's version, as docs/pms.md shows.
        property: the vendor's id of the property.
        rate_plan: the vendor's id of the plan whose rates are read and published.
        products: our code of each room type to the vendor's id; those not listed are the same.
        credentials: what the vendor wants; a value ``env:NAME`` or ``file:PATH`` is read from there on each connection.
        allowed_hosts: the only hosts that may be spoken to; empty allows that of `base_url`.
        breaker_failures: so many failures in a row open the breaker, for `breaker_recovery_s`.
        rate_store: address of a Redis in which all processes that use the same key count their requests together.
        rate_share: this process's share of the vendor's rate limit, where there is no such store.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    vendor: Literal["opera", "mews", "cloudbeds", "qloapps"]
    base_url: str
    property: str
    rate_plan: str = ""
    products: Annotated[Mapping[str, str], AfterValidator(_different_ids)] = {}
    credentials: Mapping[str, SecretStr] = Field(default={}, repr=False)
    allowed_hosts: tuple[str, ...] = ()
    timeout_s: Seconds = 10.0
    breaker_failures: Annotated[int, Field(ge=1)] = 5
    breaker_recovery_s: Seconds = 30.0
    rate_store: SecretStr | None = None
    rate_share: Share = 1.0


def with_aliases(tables: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the tables of all PMSs with the variables of `ALIASES` put where nothing is set."""
    found = {name: dict(table) if isinstance(table, Mapping) else table for name, table in tables.items()}
    for table in found.values():
        if isinstance(table, dict):
            _fill(table, environment)
    return found


def _fill(table: dict[str, Any], environment: Mapping[str, str]) -> None:
    """Put the variables into one table, where it is silent; what is mistyped stays for the model to refuse."""
    for variable, (field, *inner) in ALIASES.items():
        if variable not in environment:
            continue
        if not inner:
            table.setdefault(field, environment[variable])
        elif table.get("vendor") in KEYED and isinstance(table.get(field, {}), Mapping):
            table[field] = {inner[0]: environment[variable], **table.get(field, {})}


def revealed(credentials: Mapping[str, SecretStr]) -> dict[str, str]:
    """Return the credentials themselves, those in the environment and in files fetched from there.

    Raises:
        SettingsError: a variable or file is not there; the message names it, and no secret.
    """
    return {name: fetched(f"credentials.{name}", secret) for name, secret in credentials.items()}


def fetched(setting: str, secret: SecretStr) -> str:
    """Return a secret itself, from the environment or a file where it is written ``env:NAME`` or ``file:PATH``.

    Raises:
        SettingsError: as for `revealed`.
    """
    value = secret.get_secret_value()
    kind, _, place = value.partition(":")
    if kind == "env":
        if place not in os.environ:
            raise SettingsError(f"{setting}: the environment has no {place}; set it, or name another")
        return os.environ[place]
    if kind == "file":
        try:
            return Path(place).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as exc:
            raise SettingsError(f"{setting}: {place} cannot be read ({type(exc).__name__})") from exc
    return value

"""Settings: `pms_lab.toml` beside the data, overridden by the environment (`PMS_LAB_…`)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as SourceError

from pms_lab.errors import SettingsError, listed
from pms_lab.pms_settings import PmsSettings, with_aliases
from pms_lab.push_settings import PushSettings
from pms_lab.rules.consensus import Method
from pms_lab.rules.tolerance import Tolerance

HOME_VARIABLE = "PMS_LAB_HOME"
SHOWN = {"vendor", "timeout_s", "breaker_failures", "breaker_recovery_s", "rate_share"}
SECRETS = {"pms", "ledger", "locks", "pii_key"}
MEANT = {"extra_forbidden": "there is no such setting", "missing": "it must be there"}
FILE_NAME = "pms_lab.toml"
LOCATIONS = Path("data") / "locations.toml"


def _tolerance(value: object) -> Tolerance:
    try:
        return value if isinstance(value, Tolerance) else Tolerance.parse(str(value))
    except SettingsError as exc:
        raise ValueError(str(exc)) from exc


def _with_aliases(value: object) -> object:
    return with_aliases(value, os.environ) if isinstance(value, Mapping) else value


def _clock(value: object) -> object:
    if isinstance(value, time) or (isinstance(value, str) and re.fullmatch(r"\d{1,2}:\d{2}", value)):
        return value if isinstance(value, time) else value.zfill(5)
    raise ValueError("not a time of day such as '06:00'")


class Settings(BaseSettings):
    """What a user may set, with the defaults.

    Attributes:
        tolerance: what counts as agreement, ``2.00`` or ``5%``.
        consensus: mean or median of the agents' votes.
        weights: per location, then per agent; an agent without one weighs 1.
        agreement_target: share of cells within tolerance that a week of dry runs should reach.
        run_at: local time at which the daily dry run is made.
        pms: per location, the PMS that it runs on.
        push: per location, whether and how carefully rates are pushed to its PMS.
        ledger: address of the database of all pushes; by default an SQLite file below data/ledger/.
        locks: address of a Redis that lets one process at a time push to a location; by default the ledger does.
        pii_key: the keys that names of people are sealed with, the first one seals; by default in data/ledger/pii.key.

    The last three may be written ``env:NAME`` or ``file:PATH``.
    """

    model_config = SettingsConfigDict(env_prefix="PMS_LAB_", extra="forbid", frozen=True, hide_input_in_errors=True)

    tolerance: Annotated[Tolerance, NoDecode, BeforeValidator(_tolerance)] = Tolerance(Decimal("2.00"))
    consensus: Method = Method.MEAN
    weights: Mapping[str, Mapping[str, Annotated[Decimal, Field(ge=0)]]] = {}
    agreement_target: Annotated[float, Field(gt=0, lt=1)] = 0.80
    run_at: Annotated[time, BeforeValidator(_clock)] = time(6)
    pms: Annotated[Mapping[str, PmsSettings], BeforeValidator(_with_aliases)] = {}
    push: Mapping[str, PushSettings] = {}
    ledger: SecretStr | None = None
    locks: SecretStr | None = None
    pii_key: SecretStr | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take the environment first, then the file, and nothing else."""
        return env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(home: Path) -> Settings:
    """Read `pms_lab.toml` in `home`, where there is one, and the environment.

    Raises:
        SettingsError: the file is no TOML, or a setting is unknown or mistyped.
    """

    class Located(Settings):
        model_config = SettingsConfigDict(toml_file=home / FILE_NAME)

    _refuse_unknown_variables()
    try:
        return Located()
    except ValidationError as exc:
        raise SettingsError(f"{home / FILE_NAME} or the environment: {explained(exc)}") from exc
    except SourceError as exc:
        raise SettingsError(f"a variable PMS_LAB_… holds no valid JSON: {exc}") from exc
    except ValueError as exc:
        raise SettingsError(f"{home / FILE_NAME} is not valid TOML: {exc}") from exc


def _refuse_unknown_variables() -> None:
    known = {f"PMS_LAB_{name.upper()}" for name in Settings.model_fields} | {HOME_VARIABLE}
    for variable in os.environ:
        if variable.startswith("PMS_LAB_") and variable not in known:
            raise SettingsError(f"{variable} in the environment is no setting: known are {listed(known)}")


def explained(error: ValidationError) -> str:
    """Name each faulty field, its value and the rule, in one line."""
    return "; ".join(
        f"{'.'.join(map(str, fault['loc']))}{_shown(fault)}: {MEANT.get(fault['type'], fault['msg'])}"
        for fault in error.errors()
    )


def _shown(fault: ErrorDetails) -> str:
    """Show a faulty value, if it cannot hold a secret: of a PMS's table only a plain number or a vendor's name."""
    if fault["type"] == "missing":
        return ""
    is_secret = fault["loc"][0] in SECRETS and fault["loc"][-1] not in SHOWN
    return "" if is_secret else f" = {fault['input']!r}"


def find_home(start: Path) -> Path:
    """Return the nearest folder, from `start` upwards, that holds data/locations.toml.

    Raises:
        SettingsError: there is none.
    """
    for folder in (start, *start.parents):
        if (folder / LOCATIONS).is_file():
            return folder
    raise SettingsError(f"no {LOCATIONS} in {start} or above it: go to the project's folder or set PMS_LAB_HOME")

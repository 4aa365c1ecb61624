"""The catalogue: every location of data/locations.toml, validated."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from pms_lab.domain.location import NAME, Location, Product
from pms_lab.errors import SettingsError
from pms_lab.settings import explained

Code = Annotated[str, Field(pattern=NAME)]


def _zone(name: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError) as exc:
        raise ValueError("not an IANA zone such as 'Europe/Lisbon'") from exc


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


def _different_labels(products: dict[str, _ProductEntry]) -> dict[str, _ProductEntry]:
    labels = [product.label for product in products.values()]
    if len(set(labels)) < len(labels):
        raise ValueError("two products have one label: nobody could tell them apart")
    return products


class _ProductEntry(_Entry):
    label: str
    floor: Annotated[Decimal, Field(allow_inf_nan=False)] | None = None


class _LocationEntry(_Entry):
    name: str
    zone: Annotated[ZoneInfo, BeforeValidator(_zone)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    price_step: Annotated[Decimal, Field(gt=0)]
    products: Annotated[dict[Code, _ProductEntry], Field(min_length=1), AfterValidator(_different_labels)]
    allow_negative: bool = False
    note: str = ""

    def location(self, code: str) -> Location:
        products = {key: Product(key, entry.label, entry.floor) for key, entry in self.products.items()}
        fields = self.__dict__ | {"products": products}
        return Location(code=code, **fields)


def load_catalogue(path: Path) -> dict[str, Location]:
    """Read data/locations.toml: one table per location, keyed by its code, in the file's order.

    Raises:
        SettingsError: the file is missing, no TOML, or an entry is mistyped.
    """
    try:
        entries = TypeAdapter(dict[Code, _LocationEntry]).validate_python(tomllib.loads(path.read_text("utf-8")))
    except ValidationError as exc:
        raise SettingsError(f"{path}: {explained(exc)}") from exc
    except (OSError, ValueError) as exc:
        raise SettingsError(f"{path} cannot be read: {exc}") from exc
    return {code: entry.location(code) for code, entry in entries.items()}

"""Settings of one location's rate pushes: whether they go live, and how careful they are."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pms_lab.domain.rates import TaxBasis
from pms_lab.rules.push_policy import CAREFUL, PushPolicy

Cap = Annotated[Decimal, Field(ge=1)]
Span = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]


class PushSettings(BaseModel):
    """One table `[push.<LOCATION>]`; all but `live` is described at `PushPolicy`.

    Attributes:
        live: whether rates may be written to the location's PMS at all; dry runs always may be made.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    live: bool = False
    push_cap: Cap = CAREFUL.push_cap
    day_cap: Cap = CAREFUL.day_cap
    largest_decrease: Annotated[Decimal, Field(ge=0, le=1)] | None = CAREFUL.largest_decrease
    allow_new: bool = CAREFUL.allow_new
    tax_basis: TaxBasis | None = CAREFUL.tax_basis
    inventory_age_h: Span = CAREFUL.inventory_age_h
    health_s: Span = CAREFUL.health_s
    waits_s: tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...] = CAREFUL.waits_s
    lock_ttl_s: Span = CAREFUL.lock_ttl_s
    part_cells: Count = CAREFUL.part_cells
    max_cells: Count = CAREFUL.max_cells
    horizon_days: Count = CAREFUL.horizon_days

    def policy(self) -> PushPolicy:
        """Return the rules alone."""
        return PushPolicy(**self.model_dump(exclude={"live"}))

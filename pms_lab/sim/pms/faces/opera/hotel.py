"""The sample hotel with ids as OPERA gives them out: whole numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pms_lab.sim.pms.sample import sample_pms
from pms_lab.sim.pms.state import Pms

FIRST: Final[Mapping[str, int]] = {"booking": 660000, "confirmation": 1460000, "guest": 1280000, "posting": 2100000}


def new_id(kind: str, number: int) -> str:
    """Return an id of a kind."""
    return str(FIRST[kind] + number)


def opera_pms(**sample: Any) -> Pms:
    """Return the sample hotel.

    Args:
        sample: keywords of `sample_pms`.
    """
    return sample_pms(**{"new_id": new_id, **sample})

"""QloApps 1.6.1: its web service over the common state machine."""

from __future__ import annotations

from pms_lab.sim.pms.faces.qloapps.face import KEY, Key, QloAppsFace
from pms_lab.sim.pms.faces.qloapps.hotel import demo_pms
from pms_lab.sim.pms.faces.qloapps.records import Quirks

__all__ = ["KEY", "Key", "QloAppsFace", "Quirks", "demo_pms"]

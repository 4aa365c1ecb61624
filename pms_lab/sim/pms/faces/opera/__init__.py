"""OPERA Cloud: its REST API over the common state machine."""

from pms_lab.sim.pms.faces.opera.face import (
    APP_KEY,
    CLIENT_ID,
    CLIENT_SECRET,
    EXTERNAL_SYSTEM,
    SCOPE,
    OperaFace,
)
from pms_lab.sim.pms.faces.opera.hotel import new_id, opera_pms

__all__ = ["APP_KEY", "CLIENT_ID", "CLIENT_SECRET", "EXTERNAL_SYSTEM", "SCOPE", "OperaFace", "new_id", "opera_pms"]

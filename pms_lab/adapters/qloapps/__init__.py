"""QloApps 1.6.1.0, as measured on a running shop, and by its documentation (Qloapps/qloapps-docs @5105d60f).

A write that QloApps answers with an error 500 may have taken effect, and two bookings for the last room may both be
answered 200 and get the same room: two reservations with the same `room` for the same night are the mark of it.
"""

from pms_lab.adapters.qloapps.capabilities import CAPABILITIES, QloAppsCredentials
from pms_lab.adapters.qloapps.pms import QloAppsPms

__all__ = ["CAPABILITIES", "QloAppsCredentials", "QloAppsPms"]

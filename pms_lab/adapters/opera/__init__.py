"""OPERA Cloud."""

from pms_lab.adapters.opera.access import CAPABILITIES, VENDOR, OperaCredentials
from pms_lab.adapters.opera.adapter import OperaPms

__all__ = ["CAPABILITIES", "VENDOR", "OperaCredentials", "OperaPms"]

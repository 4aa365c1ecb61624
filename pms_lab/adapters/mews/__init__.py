"""Mews, by its Connector API (https://docs.mews.com/connector-api)."""

from pms_lab.adapters.mews.adapter import MewsPms
from pms_lab.adapters.mews.capabilities import CAPABILITIES
from pms_lab.adapters.mews.credentials import MewsCredentials

__all__ = ["CAPABILITIES", "MewsCredentials", "MewsPms"]

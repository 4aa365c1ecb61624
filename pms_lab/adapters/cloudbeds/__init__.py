"""Cloudbeds, by the PMS API v1.3 (github cloudbeds/openapi-specs @f6c4b9a7) and its developers' pages."""

from pms_lab.adapters.cloudbeds.capabilities import CAPABILITIES
from pms_lab.adapters.cloudbeds.credentials import CloudbedsCredentials
from pms_lab.adapters.cloudbeds.pms import CloudbedsPms

__all__ = ["CAPABILITIES", "CloudbedsCredentials", "CloudbedsPms"]

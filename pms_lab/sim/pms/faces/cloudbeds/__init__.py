"""The wire face of Cloudbeds' PMS API v1.3."""

from pms_lab.sim.pms.faces.cloudbeds.face import CloudbedsFace, new_id, product_id

__all__ = ["CloudbedsFace", "new_id", "product_id"]

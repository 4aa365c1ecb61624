"""Mews's Connector API over a simulated PMS."""

from pms_lab.sim.pms.faces.mews.face import MewsFace

__all__ = ["MewsFace"]

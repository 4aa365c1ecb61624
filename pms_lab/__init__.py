"""A workbench for integrations with property management systems (PMS)."""

__version__ = "0.1.0"

"""Judges of histories: each says of one invariant whether it held, and why not. They need no running system."""

"""Trials: scenarios as data, faults as data, and the history of what came of them."""

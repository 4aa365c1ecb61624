"""Pushes as real processes, killed at random instants."""

"""Recorded traffic: HAR 1.2 in and out, without the secrets."""

"""Decisions: values in, a decision and its reason out."""

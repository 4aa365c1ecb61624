"""A simulated PMS: one state machine, and one wire face per vendor that speaks its format."""

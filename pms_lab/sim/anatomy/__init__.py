"""The anatomy of a push: its courses in virtual time, as tables. It is watched, and not disturbed."""

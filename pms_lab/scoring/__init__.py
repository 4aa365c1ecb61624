"""Dry runs: what agents recommended, what people set, and how well the two agree."""

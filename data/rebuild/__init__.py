"""Rebuilds every table under `data/` from `data/raw/`; `python -m data.rebuild` runs it all."""

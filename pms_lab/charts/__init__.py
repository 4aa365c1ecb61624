"""Charts: a table in, an `alt.Chart` out. Money becomes a float here and nowhere earlier."""

"""Reports: a notebook and its parameters become an executed run and a page."""

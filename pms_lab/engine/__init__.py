"""The order in which things happen: plain async code that awaits nothing but its ports."""

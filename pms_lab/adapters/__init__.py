"""One file per vendor: its wire format to our nouns, and back."""

"""Wire faces: a vendor's paths, headers, paging, errors and quirks, over the one state machine."""

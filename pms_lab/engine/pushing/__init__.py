"""The steps of a push, one a module, in the order of their use: survey, sending, verifying, taking back."""

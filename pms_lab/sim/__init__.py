"""The simulation: the same coroutines in virtual time on SimPy, crashes, and a network that can fail."""

"""What keeps an exchange with a PMS going, on the flow's clock: retries, breaker, rate limits, cache, tokens."""

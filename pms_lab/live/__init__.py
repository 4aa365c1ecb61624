"""The live driver: asyncio, the real clock, real randomness."""

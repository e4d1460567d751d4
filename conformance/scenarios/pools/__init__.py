"""The 0Pools scenarios."""

"""The one controlled order in production, tried against the sandbox in live mode."""

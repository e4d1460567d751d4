"""The 0Pools half of the sandbox: pools, quotes, trades and the pre-funded balance."""

"""What is tried against a target: pytest modules, state machines and checkers of histories. Reports live elsewhere."""

"""What is tried at 0Gate, one module for each area of its contract."""

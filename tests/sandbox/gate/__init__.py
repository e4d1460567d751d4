"""What the 0Gate part of the sandbox does, over real HTTP."""

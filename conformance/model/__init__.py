"""What a correct environment does, as pure functions over plain data. Nothing here speaks HTTP."""

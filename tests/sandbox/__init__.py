"""The reference sandbox, tried from outside over real HTTP."""

"""The product as its users meet it: the real commands as processes, against real servers on loopback."""

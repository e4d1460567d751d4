"""Contract conformance harness for the 0Bit money-movement APIs: judges environments and partner integrations."""

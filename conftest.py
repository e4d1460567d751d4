"""Serves a checkout: pytest finds the scenarios' plugin here even where the package's entry point is not loaded.

The entry point bears the module's name, so naming it again does not register it twice.
"""

pytest_plugins = ["conformance.plugin"]

"""The reference sandbox: a small world that answers like the documented environments, over real HTTP.

It lives alone: nothing of the harness is imported here and nothing here is imported by the harness.
"""

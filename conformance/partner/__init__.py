"""The partner's side: rules over recorded traffic, the recording proxy, reconciliation, card funding.

Pure where it can be.
"""

"""The one controlled order a production target may be sent: what it is allowed, what it does, what it shows.

The nine points it carries out are data (``requirements/first_order.py``); nothing here is collected by pytest.
"""

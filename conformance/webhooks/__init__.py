"""Webhooks from both ends: signatures, a receiver for real deliveries, a driver that certifies a handler."""

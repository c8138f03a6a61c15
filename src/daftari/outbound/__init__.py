"""Outgoing HTTP: one client for gateways, webhooks and connections.

What belongs here: requests as records, addresses that may be called, time limits, and what a result proves. What must
not: providers, messages, retries, SQL. Nothing is imported here, so that the records of ``exchange`` cost no library.
"""

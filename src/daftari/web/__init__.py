"""HTTP for every kind of caller: the server, requests and responses, bodies and their limits, errors.

Knows neither a route nor what a contact is.
"""

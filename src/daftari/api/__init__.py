"""The HTTP API: the routes under ``/v1``, with one handler each, which decodes, calls one rule and responds. No SQL."""

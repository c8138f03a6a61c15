"""The service as people run it: processes, settings, concurrency."""

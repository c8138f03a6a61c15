"""Runs the service: the supervisor of the processes, a server process, and what it is built from."""

"""The HTTP API: every call, answer and error."""

"""The first page of a project: what waits for someone, and figures."""

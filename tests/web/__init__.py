"""The HTTP layer below the routes."""

"""The commands of imports, on a database or on a server."""

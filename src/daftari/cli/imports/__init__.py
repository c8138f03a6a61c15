"""The commands of imports, in a database or on a server."""

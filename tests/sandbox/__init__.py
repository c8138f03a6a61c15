"""The process that reads files."""

"""Contacts and groups: how they are read, merged, changed and listed."""

"""Imports: files and streams of contacts or consent, planned, applied and undone."""

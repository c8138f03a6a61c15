"""Copies a whole database to another one, of either engine."""

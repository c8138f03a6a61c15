"""Daftari: a self-hosted phonebook, one source of truth for who may be messaged."""

__version__ = "0.1.0"

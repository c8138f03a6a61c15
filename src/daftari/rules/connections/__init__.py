"""Connections: which records of another system become which contacts, and what may not follow from them. No SQL."""

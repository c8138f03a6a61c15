"""Erasure of a person's data, its opposite (the export of it), and the purge of what was deleted."""

"""Checks of everything that is derived from something else, and its repair."""

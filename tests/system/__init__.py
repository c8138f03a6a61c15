"""Daftari with the programs that people run next to it. They come from packages of the system: ``make test-system``."""

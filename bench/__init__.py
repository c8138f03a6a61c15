"""The bench: how fast and how big Daftari is, beside what it is compared with, in one run.

``python -m bench`` runs everything, prints each ratio with its goal, and writes ``docs/performance.md``. It is not
shipped. Nothing here leaves the machine, and every run is bounded in time and count.
"""

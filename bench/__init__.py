"""The benchmark: how fast Daftari is and how much memory it takes, compared with other programs in the same run.

``python -m bench`` runs every row, prints each ratio with its goal, and writes ``docs/performance.md``;
``python -m bench compare`` compares this checkout with another revision. Daftari is reached over HTTP and by its
command line alone, and nothing here imports it. Nothing here is part of the package, and nothing leaves the machine.
"""

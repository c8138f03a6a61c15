"""The log of a project: what is in its journal, as people search and read it."""

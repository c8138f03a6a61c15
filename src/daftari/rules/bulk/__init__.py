"""Acts on all contacts that match: jobs that a worker does in parts."""

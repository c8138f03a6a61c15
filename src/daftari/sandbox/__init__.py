"""Parses uploads in a sandboxed subprocess: in parallel with the writer, and isolated from malicious files.

No store, no HTTP. The package imports nothing of its own: the subprocess would load it too.
"""

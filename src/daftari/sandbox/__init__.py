"""Parses uploads in a sandboxed subprocess: in parallel with the writer, and isolated from malicious files.

No store, no HTTP.
"""

from daftari.sandbox.process import ChunkReader, ReaderEnded, read_layout, read_request

__all__ = ["ChunkReader", "ReaderEnded", "read_layout", "read_request"]

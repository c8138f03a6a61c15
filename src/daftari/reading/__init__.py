"""Files are read in a process of its own: beside the one that writes, so that both run at once, and where a file that
is made to harm can harm nobody else.

This floor must not know a store, nor who asks.
"""

from daftari.reading.arrival import Wanted, column_uses, keep_file, read_wanted
from daftari.reading.parent import ChunkReader, ReaderEnded, read_layout

__all__ = ["ChunkReader", "ReaderEnded", "Wanted", "column_uses", "keep_file", "read_layout", "read_wanted"]

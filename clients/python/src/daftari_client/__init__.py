"""A typed client of Daftari, the phonebook service: ``Client`` blocks, ``AsyncClient`` has the same calls to await."""

from daftari_client import errors, records
from daftari_client.api import VERSION as __version__
from daftari_client.client import AsyncClient, Client
from daftari_client.errors import (
    ConnectionFailed,
    ContactNotFound,
    CutShort,
    DaftariError,
    MobileTaken,
    NotFound,
    UnexpectedAnswer,
    ValidationFailed,
    WaitedTooLong,
)
from daftari_client.import_records import Import
from daftari_client.records import Contact, Group
from daftari_client.retries import Retries

__all__ = [
    "AsyncClient",
    "Client",
    "ConnectionFailed",
    "Contact",
    "ContactNotFound",
    "CutShort",
    "DaftariError",
    "Group",
    "Import",
    "MobileTaken",
    "NotFound",
    "Retries",
    "UnexpectedAnswer",
    "ValidationFailed",
    "WaitedTooLong",
    "__version__",
    "errors",
    "records",
]

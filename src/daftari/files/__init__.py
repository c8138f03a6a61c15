"""Reads and writes contact files record by record: CSV, XLSX, ODS, vCard, JSON and NDJSON. One module a format.

No database, and no rules about what a contact may be.
"""

from __future__ import annotations

from daftari.files.columns import FIELDS, LABEL, ColumnUse, match_columns, split_name
from daftari.files.contents import ColumnContents, IsTelephone, plain_value
from daftari.files.csv_injection import make_plain, make_safe
from daftari.files.formats import open_writer, read_layout, read_records
from daftari.files.json import find_member, read_line
from daftari.files.labels import NEUTRAL_LABEL, is_system_label, label_rank
from daftari.files.record import Cell, Format, Layout, Record, Records, Row, TableOptions, Values, Writer
from daftari.files.vcard import CARD_COLUMNS, explain_card

__all__ = [
    "CARD_COLUMNS",
    "FIELDS",
    "LABEL",
    "NEUTRAL_LABEL",
    "Cell",
    "ColumnContents",
    "ColumnUse",
    "Format",
    "IsTelephone",
    "Layout",
    "Record",
    "Records",
    "Row",
    "TableOptions",
    "Values",
    "Writer",
    "explain_card",
    "find_member",
    "is_system_label",
    "label_rank",
    "make_plain",
    "make_safe",
    "match_columns",
    "open_writer",
    "plain_value",
    "read_layout",
    "read_line",
    "read_records",
    "split_name",
]

"""Every limit of the product, named once, with its unit in the name or the docstring. No code."""

from __future__ import annotations

BODY_BYTES_MAX = 16 * 1024 * 1024
"""The largest body of a write."""
FILE_BYTES_MAX = 1024 * 1024 * 1024
"""The largest file that an import takes."""
READ_BODY_BYTES_MAX = 64 * 1024
"""The largest body of a GET, QUERY, HEAD or DELETE."""
HEADERS_BYTES_MAX = 64 * 1024
"""The largest request head, the query string included."""
JSON_DEPTH_MAX = 32
"""Brackets within brackets in a JSON body."""
CONTACTS_PER_CALL_MAX = 10_000
"""Contacts in one create, and ids and mobiles in one join or leave."""
PER_PAGE_MAX = 1_000
"""Contacts on a page; also what a page has when nothing else is asked for."""
GROUPS_PER_PAGE_MAX = 1_000
"""Groups in one answer of the group list."""
ERRORS_MAX = 1_000
"""Wrong fields named in one answer."""
TEXT_MAX = 255
"""Characters of a name, city, company, e-mail, group or project."""
MOBILE_TEXT_MAX = 64
"""Characters of a mobile as it is written, before it is read."""
REASON_MAX = 255
"""Characters of a delete's reason."""
LABEL_MAX = 100
"""Characters of a key's label."""
ATTRIBUTES_MAX = 50
"""Custom attributes of one contact."""
ATTRIBUTE_NAME_MAX = 64
"""Characters of an attribute's name."""
ATTRIBUTE_TEXT_MAX = 1_000
"""Characters of an attribute's text."""
ID_MAX = 2**63 - 1
"""The largest id the databases can hold."""
FIRST_ID_MAX = ID_MAX // 2
"""The largest id a book may begin with, or take over: half of all there are stay free."""
CLOCK_AHEAD_SECONDS_MAX = 300
"""How far ahead of the server's clock a time given by a caller may be."""
FACTS_PER_CALL_MAX = 10_000
"""Opt-outs or opt-ins in one call, and numbers in one question."""
FACTS_PER_NUMBER_MAX = 100
"""Facts about one number in one call: each is weighed against all others."""
SENDER_MAX = 64
"""Characters of a sender or of a premium keyword."""
IMPORTS_PER_PAGE_MAX = 100
"""Imports in one answer of their list."""
IMPORT_ROWS_PER_PAGE_MAX = 1_000
"""Rows of an import in one answer."""
GROUPS_PER_ROW_MAX = 1_000
"""Groups that one record may name: a contact may be in many, and its opt-outs must not be lost for that."""
STREAM_ROWS_MAX = 100_000
"""Rows that one call streams; the next call resumes."""
EVIDENCE_MAX = 2_000
"""Characters of each member of a fact's evidence, and of a message that is kept for review."""
MESSAGE_ID_MAX = 200
"""Characters of a provider's message id."""
OPT_OUTS_PER_PAGE_MAX = 1_000
"""Opt-outs in one answer of their list, and items in one answer of a review or recheck."""
AUDIENCE_GROUPS_MAX = 100
"""Groups that one audience may name."""
AUDIENCE_DAYS = 90
"""How long a frozen audience is kept."""
IDEMPOTENCY_KEY_MAX = 255
"""Characters of an Idempotency-Key."""
REPLAY_HOURS = 24
"""How long the answer to a write with an Idempotency-Key is kept."""
EXPORTS_MAX = 20
"""Exports kept a project."""
EXPORT_HOURS = 24
"""How long an export is kept."""
QUARANTINE_MAX = 10_000
"""Refused inbound requests kept a project; beyond, they are only counted."""
INBOUND_BODY_BYTES_MAX = 1024 * 1024
"""The largest body that an inbound call takes, and that is kept when it is refused."""


PART_BYTES = 256 * 1024
"""How many bytes a part has, the last one excepted."""
PARTS_PER_STEP = 32
"""Parts written, read or deleted at a time: 8 MiB."""

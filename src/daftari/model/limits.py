"""Every limit of the product, named once, with its unit in the name or the docstring. No code.

``docs/limits.md`` is written from this module by ``make docs``: a section for each heading, but the last.
"""

from __future__ import annotations

# ---- requests and responses -----------------------------------------------------------------------------

BODY_BYTES_MAX = 16 * 1024 * 1024
"""Body of a POST, PUT or PATCH, and of a leave."""
FORM_BYTES_MAX = 1024 * 1024
"""Body of a POST, PUT or PATCH that is a form, with the key in the header or in the query string."""
FORM_WITHOUT_KEY_BYTES_MAX = 64 * 1024
"""Any other form; also how much of a body is read before the key is known."""
READ_BODY_BYTES_MAX = 64 * 1024
"""Body of any other GET, QUERY, HEAD or DELETE."""
HEADERS_BYTES_MAX = 64 * 1024
"""Request line and headers together."""
JSON_DEPTH_MAX = 32
"""Nested brackets in a JSON body."""
ERRORS_MAX = 1_000
"""Wrong fields that one response names."""
IDEMPOTENCY_KEY_MAX = 255
"""Characters of an Idempotency-Key."""
REPLAY_HOURS = 24
"""How long the response to a write with an Idempotency-Key is kept."""
CLOCK_AHEAD_SECONDS_MAX = 300
"""How far a given time may be ahead of the server's clock."""

# ---- projects and contacts ------------------------------------------------------------------------------

CONTACTS_PER_CALL_MAX = 10_000
"""Contacts in a create; ids and mobiles in a join or leave."""
PER_PAGE_MAX = 1_000
"""Contacts on a page; also the default."""
GROUPS_PER_PAGE_MAX = 1_000
"""Groups in one response of the list of groups."""
TEXT_MAX = 255
"""Characters of a name, city, company, e-mail, group or project."""
MOBILE_TEXT_MAX = 64
"""Characters of a mobile before it is parsed."""
REASON_MAX = 255
"""Characters of the reason of a delete."""
LABEL_MAX = 100
"""Characters of the label of an API key or inbound address."""
ATTRIBUTES_MAX = 50
"""Attributes of a contact."""
ATTRIBUTE_NAME_MAX = 64
"""Characters of the name of an attribute."""
ATTRIBUTE_TEXT_MAX = 1_000
"""Characters of the text of an attribute."""

# ---- users ----------------------------------------------------------------------------------------------

EMAIL_MAX = 254
"""Characters of a user's e-mail address."""
USER_NAME_MAX = 100
"""Characters of a user's name."""
PASSWORD_MIN = 10
"""Characters that a password has at least."""
PASSWORD_MAX = 1_000
"""Characters of a password."""
SIGN_INS_OF_ACCOUNT_FROM_ADDRESS_MAX = 5
"""Attempts to sign in to an account from an address in a minute."""
SIGN_INS_FROM_ADDRESS_MAX = 30
"""Attempts to sign in from an address in a minute.

An address is an IPv4 address or the /64 network of an IPv6 address.
"""
SIGN_INS_OF_ACCOUNT_MAX = 100
"""Attempts to sign in to an account in an hour.

Above it only addresses may try from which someone signed in to it within 90 days.
"""
SESSION_DAYS = 30
"""How long a session lasts."""
LINK_HOURS = 1
"""How long a link that sets a password works."""
USERS_PER_PROJECT_MAX = 200
"""Users with a role in a project."""

# ---- consent --------------------------------------------------------------------------------------------

FACTS_PER_CALL_MAX = 10_000
"""Opt-outs or opt-ins in a call; numbers in a question."""
FACTS_PER_NUMBER_MAX = 100
"""Facts about one number in a call.

Each is compared with all others.
"""
SENDER_MAX = 64
"""Characters of a sender or of a premium keyword."""
EVIDENCE_MAX = 2_000
"""Characters of each member of a fact's evidence, and of a message under review."""
OPT_OUTS_PER_PAGE_MAX = 1_000
"""Opt-outs, reviews or rechecked numbers in one response."""
AUDIENCE_GROUPS_MAX = 100
"""Groups that an audience names."""
AUDIENCE_DAYS = 90
"""How long a frozen audience is kept."""

# ---- imports and exports --------------------------------------------------------------------------------

FILE_BYTES_MAX = 1024 * 1024 * 1024
"""File of an import."""
HEADER_ROW_MAX = 200
"""The last row of a table that may hold the names of its columns."""
IMPORT_ROWS_MAX = 100_000_000
"""Rows of a file or stream."""
REJECTS_KEPT_MAX = 100_000
"""Rejected rows and warnings that an import keeps; more are only counted."""
IMPORTS_PER_PAGE_MAX = 100
"""Imports in one response of their list."""
IMPORT_ROWS_PER_PAGE_MAX = 1_000
"""Rows of an import in one response."""
GROUPS_PER_ROW_MAX = 1_000
"""Groups in a row.

A contact may be in many groups, and its opt-outs must not be lost for that.
"""
STREAM_ROWS_MAX = 100_000
"""Rows in a call that streams; the next call continues."""
CAMPAIGNS_PER_PAGE_MAX = 100
"""Campaigns of one page."""
TEST_NUMBERS_MAX = 5
"""Numbers that one test of a campaign is sent to."""
MESSAGES_PER_CALL_MAX = 1_000
"""Messages of one call."""
MESSAGE_KEY_MAX = 128
"""Characters of the key that a caller gives a message."""
EXPORTS_MAX = 20
"""Exports that a project keeps."""
EXPORT_HOURS = 24
"""How long an export is kept."""

# ---- search ---------------------------------------------------------------------------------------------

SEARCH_TEXT_MAX = 200
"""Characters of what is searched for."""
SEARCH_WORDS_MAX = 10
"""Words in what is searched for."""
FOUND_PER_PAGE_MAX = 1_000
"""Contacts in one response of a search."""
FOUND_PER_PAGE = 50
"""Contacts in one response of a search, if no `limit` is given."""
SEARCHABLE_MAX = 5
"""Attributes that the contacts of a project are searched by."""
KEYWORDS_MAX = 100
"""Keywords of one kind in the settings of a project."""
KEYWORD_MAX = 60
"""Characters of a keyword."""
SEARCHED_ANEW_MAX = 10_000
"""Contacts written after the search index that a search looks through."""

# ---- the feed -------------------------------------------------------------------------------------------

CHANGES_PER_PAGE_MAX = 1_000
"""Changes in one response of the feed; also the default."""
CHANGES_SEARCHED_MAX = 10_000
"""Changes that one call of the feed looks through for those of the types asked for."""
CHANGED_NUMBERS_MAX = 20_000
"""Numbers and ranges of ids in one response of the feed, unless a single change has more."""
FEED_WAIT_SECONDS_MAX = 30
"""How long a call of the feed waits for a change."""
FORMER_ADDRESS_HOURS = 24
"""How long the former address of a sender is accepted, unless the call says."""
FORMER_ADDRESS_HOURS_MAX = 168
FEED_DAYS = 90
"""How long the feed keeps a change, unless the project sets it."""
FEED_DAYS_MAX = 3_650
"""How long a project may have the feed keep a change."""

# ---- webhooks -------------------------------------------------------------------------------------------

WEBHOOKS_MAX = 50
"""Webhooks of a project."""
WEBHOOK_URL_MAX = 2_000
"""Characters of the URL of a webhook."""
WEBHOOK_GROUPS_MAX = 100
"""Groups that a webhook may be about."""
CHANGES_PER_DELIVERY_MAX = 100
"""Changes in one call to a webhook."""
DELIVERIES_PER_PAGE_MAX = 100
"""Deliveries in one response of a webhook's log."""
WEBHOOK_FAILING_DAYS = 5
"""A webhook that takes nothing for so long is disabled."""

# ---- inbound --------------------------------------------------------------------------------------------

INBOUND_BODY_BYTES_MAX = 1024 * 1024
"""Body of an inbound call."""
MESSAGE_READ_MAX = 5_000
"""Characters of a message that are looked at; no SMS or WhatsApp message is longer."""
QUARANTINE_MAX = 10_000
"""Refused inbound requests that a project keeps; for one more, the oldest of the commonest kind is dropped."""
USER_ID_MAX = 160
"""Characters of a WhatsApp person's id."""
MESSAGE_ID_MAX = 200
"""Characters of a provider's message id."""

# ---- messages -------------------------------------------------------------------------------------------

MESSAGE_TEXT_MAX = 2_000
"""Characters of the text of a message as it is written, with its fields."""
FIELD_VALUE_MAX = 50
"""Characters of what is filled in for a field; more are cut off, links excepted."""
PARTS_MAX = 10
"""Parts of an SMS, with what the provider appends."""
TEMPLATE_NAME_MAX = 512
"""Characters of the name of a WhatsApp template."""
PARAMS_MAX = 50
"""Params of a WhatsApp template."""
PARAM_TEXT_MAX = 1_024
"""Characters of a param as it is written, with its fields."""

# ---- senders --------------------------------------------------------------------------------------------

SENDERS_MAX = 200
"""Senders of a project."""
PARTS_PER_SECOND_MAX = 10_000
"""Speed of a sender, in parts of messages."""
MESSAGES_PER_DAY_MAX = 100_000_000
"""Daily maximum of a sender that can be set."""
IN_FLIGHT_MAX = 100
"""Calls that a sender may have under way."""
SUFFIX_MAX = 160
"""Characters that a provider appends to a text."""
ANSWERS_AS_MAX = 100
"""Names under which people answer a sender."""
ACCOUNT_FIELD_MAX = 4_000
"""Characters of a setting or credential of a sender."""

# ---- triggers and events --------------------------------------------------------------------------------

TRIGGERS_MAX = 200
"""Triggers of a project."""
WAIT_DAYS_MAX = 90
"""Days that a trigger may wait after its event."""
LATE_DAYS_MAX = 30
"""Days that the message of a trigger may be late."""
AGAIN_DAYS_MAX = 3_650
"""Days for which a trigger may send a number no second message; forever is possible too."""
UNLESS_MAX = 20
"""Conditions that stop the messages of a trigger."""
EVENTS_PER_CALL_MAX = 1_000
"""Events of one call."""
EVENT_NAME_MAX = 64
"""Characters of the name of an event."""
EVENT_KEY_MAX = 128
"""Characters of the key of an event."""
EVENT_FIELDS_MAX = 20
"""Fields of an event."""
EVENT_FIELD_NAME_MAX = 64
"""Characters of the name of a field of an event."""
EVENT_FIELD_TEXT_MAX = 500
"""Characters of the text of a field of an event."""
EVENT_DAYS = 1
"""How much longer than the longest wait an event is kept."""

# ---- internal -------------------------------------------------------------------------------------------

ID_MAX = 2**63 - 1
"""The largest id that the databases can hold."""
FIRST_ID_MAX = ID_MAX // 2
"""The largest first id of a project, and the largest id that an import keeps: half of all ids stay free."""
PART_BYTES = 256 * 1024
"""The size of a part of a stored file; the last one may be smaller."""
PARTS_PER_STEP = 32
"""Parts that are written, read or deleted at a time: 8 MiB."""

EXPECTED_SHARE_MAX = 0.05
"""How far the number of people or contacts may be from what the caller expects."""

# ---- undo -------------------------------------------------------------------------------------------

UNDO_DAYS = 90
"""How long what a user did can be undone."""
BULK_CONTACTS_MAX = 250_000
"""Contacts that one job of the console changes."""
BULKS_MAX = 20
"""Jobs of a project on many contacts that have not ended."""

# ---- connections ----------------------------------------------------------------------------------------

CONNECTIONS_MAX = 20
"""Connections of a project."""
CONNECTION_NAME_MAX = 100
"""Characters of the name of a connection."""
CONNECTION_FIELDS_MAX = 100
"""Fields of a record that a connection may use."""
CONNECTION_GROUPS_MAX = 100
"""Groups that one connection may keep."""
EXTERNAL_ID_MAX = 200
"""Characters of the id of a record in another system."""
RECORDS_PER_PAGE_MAX = 100
"""Records in one response of a connection's list."""
RETRIED_RECORDS_MAX = 1_000
"""Records that one call may have read again."""
SETTLED_ERASURES_MAX = 100
"""Records that were erased there and that one call may settle."""
WEBHOOK_EVENT_DAYS = 7
"""How long it is kept what a connected system announced."""
CART_GROUP_DAYS = 30
"""How long someone who left a cart is in the group of those who did, if nothing more is heard of it."""
REPLAYED_EVENTS_MAX = 100_000
"""Announced events that one call has read again."""
POLL_SECONDS_MIN = 5
POLL_SECONDS_MAX = 86_400
"""How seldom a connection may be read."""

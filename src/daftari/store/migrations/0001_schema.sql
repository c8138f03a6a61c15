-- One text for both engines, written for SQLite. For PostgreSQL the loader turns the types INTEGER, TEXT and BLOB
-- into bigint, text COLLATE "C" and bytea, and replaces STRICT and WITHOUT ROWID with what follows "-- postgres:".

-- ---- System tables: no project in their key ----

CREATE TABLE system (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    schema_version INTEGER NOT NULL,
    next_id INTEGER NOT NULL,
    erasure_key_fingerprint BLOB
) STRICT;

-- first_id: the id of its first contact.
CREATE TABLE project (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    folded TEXT UNIQUE,
    region TEXT NOT NULL,
    on_error TEXT NOT NULL CHECK (on_error IN ('refuse', 'skip')),
    first_id INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER,
    consent TEXT NOT NULL DEFAULT '{}',
    feed_days INTEGER NOT NULL DEFAULT 90,
    zone TEXT,
    searchable TEXT NOT NULL DEFAULT '[]'
) STRICT;

CREATE TABLE project_name (
    project_id INTEGER NOT NULL REFERENCES project (id),
    folded TEXT NOT NULL,
    PRIMARY KEY (project_id, folded)
) STRICT, WITHOUT ROWID;

CREATE TABLE key (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES project (id),
    label TEXT NOT NULL,
    start TEXT NOT NULL UNIQUE,
    hash BLOB NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('read', 'write', 'manage')),
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    last_used_at INTEGER
) STRICT;

-- signing_secret, verify_token: sealed. sender_id, connection_id: the sender or the connection of the project that has the
-- address; it may be gone.
CREATE TABLE inbound_token (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES project (id),
    provider TEXT NOT NULL,
    label TEXT NOT NULL,
    start TEXT NOT NULL UNIQUE,
    hash BLOB NOT NULL,
    signing_secret BLOB,
    verify_token BLOB,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER,
    sender_id INTEGER,
    connection_id INTEGER
) STRICT;

CREATE INDEX inbound_token_sender ON inbound_token (project_id, sender_id) WHERE sender_id IS NOT NULL;
CREATE INDEX inbound_token_connection ON inbound_token (project_id, connection_id) WHERE connection_id IS NOT NULL;

-- People who use the console. folded: the e-mail address by which one is found; null for a removed user, of whom the name
-- is kept. password: as argon2 writes it; null until one is set.
CREATE TABLE console_user (
    id INTEGER PRIMARY KEY,
    email TEXT NOT NULL,
    folded TEXT UNIQUE,
    name TEXT NOT NULL,
    language TEXT NOT NULL CHECK (language IN ('en', 'sw')),
    password TEXT,
    is_operator INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    removed_at INTEGER
) STRICT;

-- What a user may do in a project. id: a system id; sessions with a lower one were begun before the role was given.
-- given_by: the user who gave it; null for a command. last_used_at: the last use in this project.
CREATE TABLE user_role (
    project_id INTEGER NOT NULL REFERENCES project (id),
    user_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'editor', 'owner')),
    may_send INTEGER NOT NULL,
    may_erase INTEGER NOT NULL,
    given_at INTEGER NOT NULL,
    given_by INTEGER,
    last_used_at INTEGER,
    PRIMARY KEY (project_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX user_role_user ON user_role (user_id, project_id);

-- hash: of the token in the browser's cookie.
CREATE TABLE user_session (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES console_user (id),
    hash BLOB NOT NULL UNIQUE,
    address TEXT NOT NULL,
    browser TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL
) STRICT;

CREATE INDEX user_session_user ON user_session (user_id);
CREATE INDEX user_session_expires ON user_session (expires_at);

-- Links with which a password is set, once. user_id: null for the link that makes the first user. by_owner: an owner of a
-- project made it, no command.
CREATE TABLE user_link (
    id INTEGER PRIMARY KEY,
    user_id INTEGER REFERENCES console_user (id),
    hash BLOB NOT NULL UNIQUE,
    by_owner INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX user_link_user ON user_link (user_id);

-- Attempts to sign in. account: the keyed hash of what was typed as the e-mail address. succeeded: how many of the attempts.
CREATE TABLE sign_in_attempt (
    account TEXT NOT NULL,
    address TEXT NOT NULL,
    at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    succeeded INTEGER NOT NULL,
    PRIMARY KEY (account, address, at)
) STRICT, WITHOUT ROWID;

CREATE INDEX sign_in_attempt_address ON sign_in_attempt (address, at);
CREATE INDEX sign_in_attempt_at ON sign_in_attempt (at);

-- Work for the workers. subject: which of several jobs of a kind, empty where there is one. due_at: the job waits since
-- then; a delayed job is not taken before, any other at once, whatever the clocks of two machines say. next_due_at: set
-- when the job is requested again while a worker holds it; 0 is at once. attempts: how often the job was taken since a
-- worker last finished a step of it. lease_until is by the database's clock: on PostgreSQL the time in microseconds, on
-- SQLite how long the machine is up, since the start that lease_start names.
CREATE TABLE job (
    project_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    is_delayed INTEGER NOT NULL,
    next_due_at INTEGER,
    attempts INTEGER NOT NULL,
    lease_owner TEXT,
    lease_start TEXT,
    lease_until INTEGER,
    PRIMARY KEY (project_id, kind, subject)
) STRICT, WITHOUT ROWID;

CREATE INDEX job_due ON job (due_at);

-- ---- Project tables: the project comes first in every key ----

-- The counters of a project. A write to the project locks this row. join_triggers: the triggers that a join may fire.
-- write_backs: the connections that opt-outs are written back to.
CREATE TABLE book (
    project_id INTEGER PRIMARY KEY,
    next_id INTEGER NOT NULL,
    next_group_id INTEGER NOT NULL,
    next_seq INTEGER NOT NULL,
    next_fact INTEGER NOT NULL,
    next_item INTEGER NOT NULL,
    next_change INTEGER NOT NULL,
    join_triggers INTEGER NOT NULL,
    write_backs INTEGER NOT NULL,
    oldest_seq INTEGER NOT NULL,
    closed INTEGER NOT NULL
) STRICT; -- postgres: WITH (fillfactor = 50)

-- consent_status: 0 nothing is known of the number, 1 something is, 2 the number is suppressed.
CREATE TABLE contact (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    id INTEGER NOT NULL,
    mobile INTEGER NOT NULL,
    card TEXT NOT NULL,
    card_version INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    consent_status INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX contact_mobile ON contact (project_id, mobile);
CREATE INDEX contact_known ON contact (project_id, id) WHERE consent_status > 0;

-- purge_at: from when on the memberships of a deleted group are purged; until then an undo brings the group back.
CREATE TABLE contact_group (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    folded TEXT,
    created_at INTEGER NOT NULL,
    mirrored_by INTEGER NOT NULL DEFAULT 0,
    deleted_at INTEGER,
    purge_at INTEGER,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX contact_group_folded ON contact_group (project_id, folded);
CREATE INDEX contact_group_mirrored ON contact_group (project_id, mirrored_by) WHERE mirrored_by > 0;
CREATE INDEX contact_group_purged ON contact_group (project_id, purge_at) WHERE purge_at IS NOT NULL;

CREATE TABLE membership (
    project_id INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    contact_id INTEGER NOT NULL,
    PRIMARY KEY (project_id, group_id, contact_id),
    FOREIGN KEY (project_id, group_id) REFERENCES contact_group (project_id, id),
    FOREIGN KEY (project_id, contact_id) REFERENCES contact (project_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX membership_contact ON membership (project_id, contact_id, group_id);

-- Members of each block of 64, 4,096 and 262,144 ids (levels 1 to 3). List 0 is all contacts, -1 the contacts that are
-- not suppressed, any other list the group with that id.
CREATE TABLE directory (
    project_id INTEGER NOT NULL,
    list INTEGER NOT NULL,
    level INTEGER NOT NULL,
    block INTEGER NOT NULL,
    members INTEGER NOT NULL,
    PRIMARY KEY (project_id, list, level, block)
) STRICT, WITHOUT ROWID; -- postgres: WITH (fillfactor = 50)

-- How far the search index of a project is. seq: the last change of the feed that is in it. filled_to: while it is filled,
-- the id up to which contacts are in it; null when all are. searchable, version: the attributes and the way of folding
-- that it was filled with. revision: rises with each write to the index.
CREATE TABLE search_index (
    project_id INTEGER PRIMARY KEY REFERENCES book (project_id),
    seq INTEGER NOT NULL,
    filled_to INTEGER,
    searchable TEXT NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;

-- What the index holds of a contact: its number and its words, folded, with a space between.
CREATE TABLE search_entry (
    project_id INTEGER NOT NULL,
    contact_id INTEGER NOT NULL,
    mobile INTEGER NOT NULL,
    words TEXT NOT NULL,
    PRIMARY KEY (project_id, contact_id)
) STRICT, WITHOUT ROWID;

-- The contacts that have a token, among those of one block of 65,536 ids: as many 16-bit numbers, a set of bits, or runs.
CREATE TABLE search_posting (
    project_id INTEGER NOT NULL,
    block INTEGER NOT NULL,
    token TEXT NOT NULL,
    ids BLOB NOT NULL,
    PRIMARY KEY (project_id, block, token)
) STRICT, WITHOUT ROWID;

-- One row a write, without a gap. user_id: the user who wrote in the console. contacts: ranges of ids. first_fact to last_fact: the facts that the write recorded.
-- left_groups: the contacts that left groups by the write, as ranges of ids by group. detail: what else it was about, as
-- JSON.
CREATE TABLE journal (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    key_id INTEGER,
    user_id INTEGER,
    request_id TEXT NOT NULL,
    action TEXT NOT NULL,
    group_id INTEGER,
    contacts TEXT NOT NULL,
    first_fact INTEGER,
    last_fact INTEGER,
    left_groups TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (project_id, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX journal_user ON journal (project_id, user_id, seq) WHERE user_id IS NOT NULL;
-- Of the acts that are rare, so that the writes of programs cost nothing more.
CREATE INDEX journal_action ON journal (project_id, action, seq) WHERE action NOT IN (
    'create_contacts', 'update_contact', 'delete_contact', 'delete_contacts', 'move_contacts', 'join_group', 'leave_group',
    'start_bulk', 'opt_outs', 'opt_ins', 'inbound', 'settle_review', 'import_contacts', 'import_consent', 'sync_contacts',
    'create_messages', 'create_events'
);

-- The feed: one row a change, without a gap. journal_seq: the write that made it; where it is null, at and request_id say
-- when and by what. contacts: ranges of ids.
-- former_name: what a group that was renamed or deleted was called. first_fact to last_fact: the facts of a change of
-- consent. detail: further members of the change, as JSON.
CREATE TABLE change (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    seq INTEGER NOT NULL,
    journal_seq INTEGER,
    type TEXT NOT NULL,
    group_id INTEGER,
    former_name TEXT,
    contacts TEXT NOT NULL,
    first_fact INTEGER,
    last_fact INTEGER,
    detail TEXT NOT NULL,
    at INTEGER,
    request_id TEXT,
    PRIMARY KEY (project_id, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX change_fact ON change (project_id, first_fact, last_fact) WHERE first_fact IS NOT NULL;
CREATE INDEX change_name ON change (project_id, group_id, seq, former_name) WHERE former_name IS NOT NULL;

-- Deletes of contacts that are no opt-outs.
CREATE TABLE removal (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    seq INTEGER NOT NULL,
    mobile INTEGER NOT NULL,
    at INTEGER NOT NULL,
    reason TEXT,
    PRIMARY KEY (project_id, mobile, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX removal_seq ON removal (project_id, seq);

-- What an act of a user changed, for its undo. seq: the act's row in the journal. mobile: the contact's number before, or
-- after where there was no contact; new_mobile: another one that the act gave it. Contact 0 and mobile 0: what the act did to
-- groups; without that row there is no undo. before: JSON.
CREATE TABLE contact_before (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    seq INTEGER NOT NULL,
    contact_id INTEGER NOT NULL,
    mobile INTEGER NOT NULL,
    new_mobile INTEGER,
    expires_at INTEGER NOT NULL,
    before TEXT NOT NULL,
    PRIMARY KEY (project_id, seq, contact_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX contact_before_contact ON contact_before (project_id, contact_id, seq);
CREATE INDEX contact_before_mobile ON contact_before (project_id, mobile);
CREATE INDEX contact_before_new_mobile ON contact_before (project_id, new_mobile) WHERE new_mobile IS NOT NULL;
CREATE INDEX contact_before_expires ON contact_before (project_id, expires_at);

-- Jobs on all contacts that match, begun in the console. user_id: who asked for what is done now. settings, progress: JSON.
CREATE TABLE bulk (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'done', 'stopped', 'undoing', 'undone')),
    user_id INTEGER,
    settings TEXT NOT NULL,
    progress TEXT NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX bulk_open ON bulk (project_id, id, state) WHERE state IN ('running', 'undoing');
CREATE INDEX bulk_expires ON bulk (project_id, expires_at);

-- Contacts of a job, which are fixed at its start: up to 1,000 ids of 8 bytes, ascending; none once the part is done. seq: the
-- act that changed them, in the journal; 0 if nothing changed, null until the part is done.
CREATE TABLE bulk_part (
    project_id INTEGER NOT NULL,
    bulk_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    first_id INTEGER NOT NULL,
    last_id INTEGER NOT NULL,
    ids BLOB NOT NULL,
    seq INTEGER,
    PRIMARY KEY (project_id, bulk_id, number),
    FOREIGN KEY (project_id, bulk_id) REFERENCES bulk (project_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX bulk_part_open ON bulk_part (project_id, bulk_id, number) WHERE seq IS NULL;
CREATE INDEX bulk_part_ids ON bulk_part (project_id, last_id) WHERE seq IS NULL;

-- What is known about a number. A subject is the number, or minus its keyed hash once the number is erased. at: when the
-- fact counts from; given_at: the time that came with it. receipt: the place of its receipt in the order of the project's
-- receipts. single: it was given for this number alone.
CREATE TABLE fact (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    subject_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('opt_out', 'opt_in', 'left_group', 'activated', 'deactivated', 'retraction')),
    channel TEXT NOT NULL,
    sender TEXT NOT NULL,
    purpose TEXT NOT NULL,
    at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    source TEXT NOT NULL,
    keyword TEXT NOT NULL,
    group_id INTEGER,
    override INTEGER NOT NULL,
    retracts INTEGER,
    message_digest TEXT,
    key_id INTEGER,
    user_id INTEGER,
    evidence TEXT,
    given_at INTEGER,
    receipt INTEGER NOT NULL,
    single INTEGER NOT NULL,
    from_file INTEGER NOT NULL,
    PRIMARY KEY (project_id, subject_id, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX fact_id ON fact (project_id, id);
CREATE INDEX fact_left_group ON fact (project_id, keyword) WHERE kind = 'left_group';

-- The state of each subject, derived from its facts in the transaction that records them.
CREATE TABLE consent (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    subject_id INTEGER NOT NULL,
    suppressed INTEGER NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (project_id, subject_id)
) STRICT, WITHOUT ROWID;

-- How often a key or user, source or import tried to bring back a number that opted out. Key and user 0: a command;
-- import 0: none.
CREATE TABLE near_miss (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    key_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    source TEXT NOT NULL,
    import_id INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (project_id, key_id, user_id, source, import_id)
) STRICT, WITHOUT ROWID;

-- The same by number, until an erasure of it. import_id: the last one.
CREATE TABLE near_miss_number (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    subject_id INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    source TEXT NOT NULL,
    import_id INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (project_id, subject_id, key_id, user_id, source)
) STRICT, WITHOUT ROWID;

-- Inbound messages that a person must judge, and the judgement. A subject of 0: no number could be read. given_at: the
-- time that came with the message; receipt: as in fact.
CREATE TABLE review (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    subject_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    provider TEXT NOT NULL,
    channel TEXT NOT NULL,
    sender TEXT NOT NULL,
    reason TEXT NOT NULL,
    text TEXT NOT NULL,
    token_id INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    message_digest TEXT NOT NULL,
    settled_at INTEGER,
    settled_as TEXT,
    given_at INTEGER,
    received_at INTEGER NOT NULL,
    receipt INTEGER NOT NULL,
    PRIMARY KEY (project_id, subject_id, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX review_message ON review (project_id, message_digest);
CREATE UNIQUE INDEX review_id ON review (project_id, id);
CREATE INDEX review_open ON review (project_id, id) WHERE settled_at IS NULL;
CREATE INDEX review_user ON review (project_id, token_id, user_id) WHERE user_id <> '';

-- WhatsApp persons' ids, as an inbound address knows them, and the numbers that they stand for.
CREATE TABLE whatsapp_user (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    token_id INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    subject_id INTEGER NOT NULL,
    PRIMARY KEY (project_id, token_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX whatsapp_user_subject ON whatsapp_user (project_id, subject_id);

-- What WhatsApp persons whose numbers are not known said about consent, as JSON, until the numbers become known.
CREATE TABLE held_event (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    id INTEGER NOT NULL,
    token_id INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    receipt INTEGER NOT NULL,
    message_digest TEXT NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (project_id, token_id, user_id, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX held_event_message ON held_event (project_id, message_digest);
CREATE UNIQUE INDEX held_event_id ON held_event (project_id, id);

-- What the inbound addresses brought. test_from, test_until: when a person looks at what arrives there; arrived: what did
-- meanwhile, as JSON, without names, numbers and texts.
CREATE TABLE inbound_count (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    token_id INTEGER NOT NULL,
    received INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    last_received_at INTEGER,
    last_refused_at INTEGER,
    test_from INTEGER,
    test_until INTEGER,
    arrived TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (project_id, token_id)
) STRICT, WITHOUT ROWID;

-- Inbound requests whose proof was wrong, kept to be verified again with another signing secret; and those with a right
-- proof (is_proved) that could not be read. request, body: sealed, since some providers send their secret with each
-- request. receipt: as in fact.
CREATE TABLE quarantine (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    id INTEGER NOT NULL,
    token_id INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    is_proved INTEGER NOT NULL,
    reason TEXT NOT NULL,
    request BLOB NOT NULL,
    body BLOB NOT NULL,
    digest TEXT NOT NULL,
    receipt INTEGER NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX quarantine_digest ON quarantine (project_id, token_id, digest);
CREATE INDEX quarantine_kind ON quarantine (project_id, token_id, is_proved, reason, id);

CREATE TABLE audience (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    definition TEXT NOT NULL,
    count INTEGER NOT NULL,
    erased INTEGER NOT NULL,
    digest TEXT NOT NULL,
    excluded TEXT NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

-- The numbers of a frozen audience, ascending, 1,000 a part and 8 bytes each; 0 where a number was erased.
CREATE TABLE audience_part (
    project_id INTEGER NOT NULL,
    audience_id INTEGER NOT NULL,
    part INTEGER NOT NULL,
    first_mobile INTEGER NOT NULL,
    last_mobile INTEGER NOT NULL,
    mobiles BLOB NOT NULL,
    PRIMARY KEY (project_id, audience_id, part),
    FOREIGN KEY (project_id, audience_id) REFERENCES audience (project_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX audience_part_first ON audience_part (project_id, audience_id, first_mobile);

-- Erased numbers by their keyed hash. While contact_id is set, the journal from next_seq to last_seq, the feed from
-- next_change to last_change and the imports from next_chunk of next_import on may still name the contact.
CREATE TABLE erasure (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    id INTEGER NOT NULL,
    subject_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    contact_id INTEGER,
    next_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    next_change INTEGER NOT NULL,
    last_change INTEGER NOT NULL,
    removed TEXT NOT NULL,
    next_import INTEGER NOT NULL DEFAULT 0,
    next_chunk INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX erasure_open ON erasure (project_id, id) WHERE contact_id IS NOT NULL;

-- Responses to writes with an Idempotency-Key. A body of NULL named a number that was erased since.
CREATE TABLE idempotency (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    key_id INTEGER NOT NULL,
    name_digest TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    at INTEGER NOT NULL,
    status INTEGER NOT NULL,
    headers TEXT NOT NULL,
    body BLOB,
    names_numbers INTEGER NOT NULL,
    PRIMARY KEY (project_id, key_id, name_digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_at ON idempotency (project_id, at);
CREATE INDEX idempotency_names ON idempotency (project_id, key_id, name_digest) WHERE names_numbers = 1;

-- The bytes of import files and export files, in parts.
CREATE TABLE file_part (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    file_id INTEGER NOT NULL,
    part INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (project_id, file_id, part)
) STRICT;

-- connection_id: the connection whose records these are.
CREATE TABLE import (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('receiving', 'streaming', 'queued', 'running', 'paused', 'done', 'failed', 'cancelled')),
    phase TEXT NOT NULL CHECK (phase IN ('plan', 'apply', 'undo')),
    key_id INTEGER,
    user_id INTEGER,
    request_id TEXT NOT NULL,
    erasure_id INTEGER NOT NULL,
    clearing INTEGER NOT NULL,
    settings TEXT NOT NULL,
    progress TEXT NOT NULL,
    connection_id INTEGER,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX import_connection ON import (project_id, connection_id, id) WHERE connection_id IS NOT NULL;
CREATE INDEX import_open ON import (project_id, id) WHERE state IN ('queued', 'running');
CREATE INDEX import_clearing ON import (project_id, id) WHERE clearing = 1;
CREATE INDEX import_expiry ON import (project_id, expires_at);

-- Up to 1,000 records of an import: a byte of outcome and 8 bytes of contact id each; and 8 bytes of digest each of the
-- contact that a plan found.
CREATE TABLE import_chunk (
    project_id INTEGER NOT NULL,
    import_id INTEGER NOT NULL,
    chunk INTEGER NOT NULL,
    at INTEGER NOT NULL,
    phase TEXT NOT NULL,
    outcomes BLOB NOT NULL,
    ids BLOB NOT NULL,
    plan_digests BLOB NOT NULL,
    first_fact INTEGER NOT NULL,
    last_fact INTEGER NOT NULL,
    first_row INTEGER NOT NULL,
    PRIMARY KEY (project_id, import_id, chunk),
    FOREIGN KEY (project_id, import_id) REFERENCES import (project_id, id)
) STRICT;

CREATE INDEX import_chunk_rows ON import_chunk (project_id, import_id, first_row);

-- The contacts that joined a group by a chunk of an import, as ranges of ids.
CREATE TABLE import_join (
    project_id INTEGER NOT NULL,
    import_id INTEGER NOT NULL,
    chunk INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    contacts TEXT NOT NULL,
    PRIMARY KEY (project_id, import_id, chunk, group_id),
    FOREIGN KEY (project_id, import_id) REFERENCES import (project_id, id)
) STRICT, WITHOUT ROWID;

-- A contact's card before an import changed it, and when the import changed it last. A contact_id below 0 is minus a
-- number that the import leaves out.
CREATE TABLE import_change (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    contact_id INTEGER NOT NULL,
    import_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    card TEXT NOT NULL,
    PRIMARY KEY (project_id, contact_id, import_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX import_change_import ON import_change (project_id, import_id, contact_id);

-- Records that an import rejected, with the reason, or took with a warning (taken). cell: what the reason is about.
-- digits: all digits of the record, by which an erasure finds it.
CREATE TABLE import_reject (
    project_id INTEGER NOT NULL,
    import_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    reason TEXT NOT NULL,
    cell TEXT NOT NULL,
    record TEXT NOT NULL,
    digits TEXT NOT NULL,
    taken INTEGER NOT NULL,
    PRIMARY KEY (project_id, import_id, number),
    FOREIGN KEY (project_id, import_id) REFERENCES import (project_id, id)
) STRICT, WITHOUT ROWID;

-- tries: how often the file was begun. Parts of an earlier try are not parts of the file.
CREATE TABLE export (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'removed')),
    attempts INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    settings TEXT NOT NULL,
    progress TEXT NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

-- Under which name messages go out, and how. definition: JSON, nothing in it is secret. credentials: sealed, and
-- with them the token of the address for its reports and replies. paused: the reason, empty while it sends. fence: rises
-- when another worker takes the sender over; only the worker that raised it last may claim and record. meter: JSON of what
-- was sent lately.
CREATE TABLE sender (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    id INTEGER NOT NULL,
    channel TEXT NOT NULL,
    name TEXT NOT NULL,
    folded TEXT,
    definition TEXT NOT NULL,
    credentials BLOB NOT NULL,
    paused TEXT NOT NULL,
    fence INTEGER NOT NULL,
    meter TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX sender_folded ON sender (project_id, channel, folded);

-- progress: JSON of the counts by state and reason, and of what it waits for. next_place: the place in its audience
-- of the number that is claimed next.
CREATE TABLE campaign (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    id INTEGER NOT NULL,
    sender_id INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('draft', 'scheduled', 'running', 'paused', 'finished', 'cancelled')),
    reason TEXT NOT NULL,
    definition TEXT NOT NULL,
    audience_id INTEGER NOT NULL,
    next_place INTEGER NOT NULL,
    progress TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    key_id INTEGER,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

-- How many people of a campaign a message was delivered to, by the minute since 1970 in which we learned it. All of them are
-- as many as the campaign counts as delivered.
CREATE TABLE campaign_delivery (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    campaign_id INTEGER NOT NULL,
    minute INTEGER NOT NULL,
    people INTEGER NOT NULL,
    PRIMARY KEY (project_id, campaign_id, minute)
) STRICT, WITHOUT ROWID;

CREATE INDEX campaign_audience ON campaign (project_id, audience_id);
CREATE INDEX campaign_open ON campaign (project_id, id) WHERE state IN ('draft', 'scheduled', 'running', 'paused');
CREATE INDEX campaign_active ON campaign (project_id, sender_id, due_at, id) WHERE state IN ('scheduled', 'running');

-- What is sent after an event. group_id: the group that a number joins, 0 for an event that a program reports; event_name:
-- its name, folded. progress: JSON of the counts by state and reason, and of what an edit has still to change.
CREATE TABLE trigger (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    id INTEGER NOT NULL,
    sender_id INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('on', 'paused', 'deleted')),
    group_id INTEGER NOT NULL,
    event_name TEXT NOT NULL,
    definition TEXT NOT NULL,
    progress TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    key_id INTEGER,
    PRIMARY KEY (project_id, id)
) STRICT;

CREATE INDEX trigger_fired ON trigger (project_id, group_id, event_name, id) WHERE state <> 'deleted';

-- What happened to a number. name: what a program calls it, folded; empty for a group that the number joined, whose id
-- is the key. at: when it happened, at most its receipt; given_at: the time that came with it, 0 for none. fields: JSON of
-- what a text may use. is_contact: whether the number was a contact. expires_at: when it is looked at whether it is needed.
-- connection_id: the connection whose system said so; 0 for programs and joins.
CREATE TABLE event (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    id INTEGER NOT NULL,
    subject_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    at INTEGER NOT NULL,
    given_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    fields TEXT NOT NULL,
    is_contact INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    connection_id INTEGER NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT;

CREATE INDEX event_subject ON event (project_id, subject_id, name, key, at, given_at, id);
CREATE INDEX event_expiry ON event (project_id, expires_at, id);

-- One text to one number. origin_id: the campaign or trigger that it is of; 0 for a call's. subject_id: the number, or
-- minus the message's id once the number is erased. key: of a trigger, its event's with the round. text: as it is sent
-- once it was claimed, as it was given before; of a WhatsApp template JSON. due_at: 0 for at once. claim: the sender's
-- fence under which it was claimed last.
CREATE TABLE message (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    id INTEGER NOT NULL,
    sender_id INTEGER NOT NULL,
    origin_id INTEGER NOT NULL,
    subject_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN (
        'waiting', 'sending', 'unknown', 'accepted', 'delivered', 'failed', 'expired', 'skipped', 'cancelled')),
    reason TEXT NOT NULL,
    code TEXT NOT NULL,
    purpose TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    claim INTEGER NOT NULL,
    claimed_at INTEGER NOT NULL,
    settled_at INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    text TEXT NOT NULL,
    says TEXT NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT;

CREATE UNIQUE INDEX message_key ON message (project_id, origin_id, subject_id, key);
CREATE INDEX message_subject ON message (project_id, subject_id, id);
CREATE INDEX message_state ON message (project_id, origin_id, state, id) WHERE origin_id > 0;
CREATE INDEX message_reason ON message (project_id, origin_id, reason, id) WHERE origin_id > 0 AND reason <> '';
CREATE INDEX message_waiting ON message (project_id, sender_id, origin_id, due_at, id) WHERE state = 'waiting';
CREATE INDEX message_sending ON message (project_id, sender_id, claim) WHERE state = 'sending';
CREATE INDEX message_unknown ON message (project_id, sender_id, due_at, id) WHERE state = 'unknown' AND due_at > 0;
-- What triggers sent and did not send last. Messages of campaigns have no key, so that these cost them nothing.
CREATE INDEX message_went ON message (project_id, origin_id, claimed_at, id)
    WHERE origin_id > 0 AND key <> '' AND state IN ('sending', 'unknown', 'accepted', 'delivered');
CREATE INDEX message_stayed ON message (project_id, origin_id, settled_at, id)
    WHERE origin_id > 0 AND key <> '' AND state IN ('failed', 'expired', 'skipped', 'cancelled');

-- What a provider calls a message that it took, an attempt a row. part_states: the states of its parts so far, as JSON.
CREATE TABLE message_attempt (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    sender_id INTEGER NOT NULL,
    provider_id TEXT NOT NULL,
    message_id INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    state TEXT NOT NULL,
    part_states TEXT NOT NULL,
    PRIMARY KEY (project_id, sender_id, provider_id, message_id, attempt)
) STRICT;

CREATE INDEX message_attempt_message ON message_attempt (project_id, message_id);

-- Delivery reports that came before the provider's id of their message was stored, as JSON.
CREATE TABLE report (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    sender_id INTEGER NOT NULL,
    provider_id TEXT NOT NULL,
    id INTEGER NOT NULL,
    subject_id INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    report TEXT NOT NULL,
    PRIMARY KEY (project_id, sender_id, provider_id, id)
) STRICT;

CREATE INDEX report_expiry ON report (project_id, expires_at);
CREATE INDEX report_subject ON report (project_id, subject_id);

-- What people wrote back, each to the message that they were sent last, of that origin. opted_out: whether it was an opt-out.
CREATE TABLE reply (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    message_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    origin_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    message_digest TEXT NOT NULL,
    opted_out INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (project_id, message_id, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX reply_message ON reply (project_id, message_digest);
CREATE INDEX reply_opted_out ON reply (project_id, origin_id, message_id) WHERE opted_out = 1 AND origin_id > 0;

-- Where the feed is delivered to. definition: JSON, nothing in it is secret. secrets: sealed, those that sign. reason: why it
-- is paused or disabled. after_seq: the change that was delivered last, of the feed of that epoch. replay: how often it was
-- set back. batch: JSON of what is delivered next, from its first attempt on; empty before. problem: how the last attempt
-- failed. fence: rises with each attempt and replay; only the attempt that raised it last is recorded.
CREATE TABLE webhook (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    id INTEGER NOT NULL,
    definition TEXT NOT NULL,
    secrets BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('enabled', 'paused', 'disabled')),
    reason TEXT NOT NULL,
    epoch TEXT NOT NULL,
    after_seq INTEGER NOT NULL,
    replay INTEGER NOT NULL,
    batch TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    problem TEXT NOT NULL,
    failing_since INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX webhook_enabled ON webhook (project_id, after_seq) WHERE state = 'enabled';

-- What webhooks delivered or try to deliver, a batch a row. status: of the last answer; 0 when there was none.
CREATE TABLE webhook_delivery (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    id INTEGER NOT NULL,
    webhook_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    count INTEGER NOT NULL,
    replay INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('failing', 'delivered', 'replaced')),
    attempts INTEGER NOT NULL,
    status INTEGER NOT NULL,
    error TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    tried_at INTEGER NOT NULL,
    milliseconds INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT;

CREATE INDEX webhook_delivery_webhook ON webhook_delivery (project_id, webhook_id, id);
CREATE INDEX webhook_delivery_expiry ON webhook_delivery (project_id, expires_at);

-- An account of a CRM, or a table of a database, whose records become contacts. definition: JSON, nothing in it is secret.
-- credentials, address: sealed; the latter is the token of the address that its system calls, and what proves its calls,
-- empty where it calls none. account: the account that a check found. reason: why it is limited, paused or broken, or what it asks.
-- cursor: where the next reading begins, saved with the rows before it. complete_until: every change there before this
-- moment is here; 0 before the first reading ended. progress: JSON of counts and of what is under way. due_at: when it is
-- read next. fence: rises when another worker takes it over; only the worker that raised it last may write. write_back_from:
-- the moment from which opt-outs may be written back; 0 where none are.
CREATE TABLE connection (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    folded TEXT,
    kind TEXT NOT NULL,
    account TEXT NOT NULL,
    definition TEXT NOT NULL,
    credentials BLOB NOT NULL,
    address BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN (
        'new', 'checked', 'importing', 'live', 'behind', 'limited', 'paused', 'needs_confirmation', 'broken', 'removed')),
    reason TEXT NOT NULL,
    cursor TEXT NOT NULL,
    complete_until INTEGER NOT NULL,
    progress TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    write_back_from INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX connection_folded ON connection (project_id, folded);

-- A record of a connection, and the number that it has. mobile: 0 for none. version: the record's. values_digest: 8
-- bytes of what the record says, as far as that is used; 0 where it has to be applied again. link_state: its place in LINK_STATES. group_ids:
-- the groups that it put the number in, and below 0 those that the number was in before. seen_in: the comparison that saw it
-- last. flags: whether its names count for the number, the scopes that it opted out, and how often it changed to and fro
-- lately. problems: bits of what a person has to look at. why: what is wrong with it; of a merged record, the one that it was merged into.
CREATE TABLE external_link (
    project_id INTEGER NOT NULL,
    connection_id INTEGER NOT NULL,
    external_id TEXT NOT NULL,
    mobile INTEGER NOT NULL,
    version INTEGER NOT NULL,
    values_digest INTEGER NOT NULL,
    link_state INTEGER NOT NULL,
    group_ids TEXT NOT NULL,
    seen_in INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    problems INTEGER NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (project_id, connection_id, external_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX external_link_mobile ON external_link (project_id, mobile);
CREATE INDEX external_link_state ON external_link (project_id, connection_id, link_state, external_id) WHERE link_state > 0;
CREATE INDEX external_link_problem ON external_link (project_id, connection_id, external_id) WHERE problems > 0;

-- What a delivery of a connected system announced, and which is not read yet or was read lately. key: the same for every
-- delivery of one event. record_ids, merged: JSON of the records that changed, and of who was merged into whom. at: when
-- it happened there; 0 where the delivery does not say. tries: how often reading those records failed.
CREATE TABLE webhook_event (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    connection_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    topic TEXT NOT NULL,
    record_ids TEXT NOT NULL,
    merged TEXT NOT NULL,
    lists TEXT NOT NULL,
    record TEXT NOT NULL,
    at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'settled')),
    tries INTEGER NOT NULL,
    PRIMARY KEY (project_id, connection_id, key)
) STRICT;

CREATE INDEX webhook_event_received ON webhook_event (project_id, connection_id, received_at, key);
CREATE INDEX webhook_event_waiting ON webhook_event (project_id, connection_id, received_at, key) WHERE state = 'waiting';

-- The mark of a record there: what is written back of the consent of its number here, by channel. word: out or in, as it was wanted last. at: when
-- the person said so. state: the outcome of the last try; waiting where there was none since it was asked for. due_at:
-- when it is looked at next, whether it has to be written; 0 for never. why: what the other system said when it refused.
-- written, written_at: the word that was written last, and when. repeated_at: when it was written again last, because the record
-- said otherwise.
CREATE TABLE write_back (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    connection_id INTEGER NOT NULL,
    external_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    word TEXT NOT NULL CHECK (word IN ('out', 'in')),
    at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'written', 'refused', 'gone')),
    tries INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    why TEXT NOT NULL,
    written TEXT NOT NULL CHECK (written IN ('out', 'in', '')),
    written_at INTEGER NOT NULL,
    repeated_at INTEGER NOT NULL,
    PRIMARY KEY (project_id, connection_id, external_id, channel)
) STRICT, WITHOUT ROWID;

CREATE INDEX write_back_due ON write_back (project_id, connection_id, due_at, external_id) WHERE due_at > 0;

-- A cart of a connected shop as its last delivery said. key: its token, by which its order names it. cart_id, cart_token: what
-- else the shop calls it. subject_id: the number that was read, 0 for none. accepted: whether the buyer agreed to messages.
-- fields: JSON of what a text may use. began_at, at: of the shop, when it was begun and when it last changed. received_at:
-- when that came. idle_at: when it counts as abandoned unless it changes; 0 once it does, or when it is not open. group_id: the
-- group that it put its number in; 0 for none. counted: bits of the figures that it is in. answer, asked_at: what the shop
-- answered last, and when it was asked. ask_at: when it is to be asked; 0 for never. tries: questions since that failed. waits_from: when a message first waited for the shop.
-- message_id, sent_at: the message that was sent last for it, and when. expires_at: when it is looked at whether it is needed.
CREATE TABLE cart (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    connection_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    cart_id TEXT NOT NULL,
    cart_token TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'abandoned', 'bought', 'closed')),
    subject_id INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    email TEXT NOT NULL,
    fields TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    idle_at INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    counted INTEGER NOT NULL,
    answer TEXT NOT NULL CHECK (answer IN ('open', 'bought', 'unknown', 'unreachable', '')),
    asked_at INTEGER NOT NULL,
    ask_at INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    waits_from INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    sent_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (project_id, connection_id, key)
) STRICT;

CREATE INDEX cart_of_id ON cart (project_id, connection_id, cart_id) WHERE cart_id <> '';
CREATE INDEX cart_of_token ON cart (project_id, connection_id, cart_token) WHERE cart_token <> '';
CREATE INDEX cart_customer ON cart (project_id, connection_id, customer_id) WHERE customer_id <> '';
CREATE INDEX cart_email ON cart (project_id, connection_id, email) WHERE email <> '';
CREATE INDEX cart_subject ON cart (project_id, subject_id, connection_id, key) WHERE subject_id <> 0;
CREATE INDEX cart_received ON cart (project_id, connection_id, received_at, key);
CREATE INDEX cart_idle ON cart (project_id, connection_id, idle_at, key) WHERE idle_at > 0;
CREATE INDEX cart_asked ON cart (project_id, connection_id, ask_at, key) WHERE ask_at > 0;
CREATE INDEX cart_expiry ON cart (project_id, expires_at);

-- An order of a connected shop, a row for each name by which a cart is its: token:… and id:… of the cart, customer:…, email:…
-- and mobile:… of the person, of which the last has the end of the number. at: of the shop, when it was made. subject_id: the number that was read, 0 for none.
CREATE TABLE cart_order (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    connection_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    order_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    subject_id INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (project_id, connection_id, name, order_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX cart_order_subject ON cart_order (project_id, subject_id);
CREATE INDEX cart_order_received ON cart_order (project_id, connection_id, received_at);
CREATE INDEX cart_order_expiry ON cart_order (project_id, expires_at);

-- The outcomes of a connection's carts on a day, in days since 1970. abandoned: those that did not change for ten minutes.
-- bought_in_time: bought after that and before any message. asked: those that got a message. came_back: bought after it.
-- no_number, not_accepted: those that get none, and why.
CREATE TABLE cart_figure (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    connection_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    abandoned INTEGER NOT NULL,
    bought_in_time INTEGER NOT NULL,
    asked INTEGER NOT NULL,
    came_back INTEGER NOT NULL,
    no_number INTEGER NOT NULL,
    not_accepted INTEGER NOT NULL,
    PRIMARY KEY (project_id, connection_id, day)
) STRICT, WITHOUT ROWID;

-- How much there was of something on a day of the project's time zone, in days since 1970. what: contacts, at the day's end;
-- created and removed contacts; opt_out by channel; sent messages by channel; calls by key. counted is the state of the
-- count: its day is the first one that is counted, its key seq has the change of the feed up to which changes are
-- counted, and its key at when that was.
CREATE TABLE daily (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    day INTEGER NOT NULL,
    what TEXT NOT NULL,
    key TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (project_id, what, day, key)
) STRICT, WITHOUT ROWID;

INSERT INTO system (id, schema_version, next_id) VALUES (1, 1, 1);

-- What a write with an Idempotency-Key answered. A body of NULL: it named somebody who was erased.
CREATE TABLE idempotency (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    key_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    at INTEGER NOT NULL,
    status INTEGER NOT NULL,
    headers TEXT NOT NULL,
    body BLOB,
    names_numbers INTEGER NOT NULL,
    PRIMARY KEY (project_id, key_id, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_at ON idempotency (project_id, at);
CREATE INDEX idempotency_names ON idempotency (project_id, key_id, name) WHERE names_numbers = 1;

-- The bytes of files that wait to be read (imports) or fetched (exports), in parts.
CREATE TABLE file_part (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    file_id INTEGER NOT NULL,
    part INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (project_id, file_id, part)
) STRICT;

CREATE TABLE import (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('receiving', 'streaming', 'queued', 'running', 'paused', 'done', 'failed', 'cancelled')),
    phase TEXT NOT NULL CHECK (phase IN ('plan', 'apply', 'undo')),
    key_id INTEGER,
    request_id TEXT NOT NULL,
    erasure_id INTEGER NOT NULL,
    clearing INTEGER NOT NULL,
    settings TEXT NOT NULL,
    progress TEXT NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX import_open ON import (project_id, id) WHERE state IN ('queued', 'running');
CREATE INDEX import_clearing ON import (project_id, id) WHERE clearing = 1;
CREATE INDEX import_expiry ON import (project_id, expires_at);

-- A thousand records of an import, fewer of a stream: an outcome and a contact's id for each, and what a plan saw of each.
CREATE TABLE import_chunk (
    project_id INTEGER NOT NULL,
    import_id INTEGER NOT NULL,
    chunk INTEGER NOT NULL,
    at INTEGER NOT NULL,
    phase TEXT NOT NULL,
    outcomes BLOB NOT NULL,
    ids BLOB NOT NULL,
    seen BLOB NOT NULL,
    first_fact INTEGER NOT NULL,
    last_fact INTEGER NOT NULL,
    first_row INTEGER NOT NULL,
    PRIMARY KEY (project_id, import_id, chunk),
    FOREIGN KEY (project_id, import_id) REFERENCES import (project_id, id)
) STRICT;

CREATE INDEX import_chunk_rows ON import_chunk (project_id, import_id, first_row);

-- Who joined which group by a chunk of an import.
CREATE TABLE import_join (
    project_id INTEGER NOT NULL,
    import_id INTEGER NOT NULL,
    chunk INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    contacts TEXT NOT NULL,
    PRIMARY KEY (project_id, import_id, chunk, group_id),
    FOREIGN KEY (project_id, import_id) REFERENCES import (project_id, id)
) STRICT, WITHOUT ROWID;

-- A contact's card before an import changed it, and when the import changed it last. Under minus a number: one that the
-- import leaves alone.
CREATE TABLE import_change (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    contact_id INTEGER NOT NULL,
    import_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    card TEXT NOT NULL,
    PRIMARY KEY (project_id, contact_id, import_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX import_change_import ON import_change (project_id, import_id, contact_id);

-- Records that an import could not take, as they came, and why. Digits: all that they hold, by which an erasure finds one.
CREATE TABLE import_reject (
    project_id INTEGER NOT NULL,
    import_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    why TEXT NOT NULL,
    record TEXT NOT NULL,
    digits TEXT NOT NULL,
    PRIMARY KEY (project_id, import_id, number),
    FOREIGN KEY (project_id, import_id) REFERENCES import (project_id, id)
) STRICT, WITHOUT ROWID;

-- At most a few a project. A try is one begin of the work: parts that an earlier one wrote are not the file's.
CREATE TABLE export (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'removed')),
    tries INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    settings TEXT NOT NULL,
    progress TEXT NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

-- How far the imports are cleared of an erased contact's id.
ALTER TABLE erasure ADD COLUMN next_import INTEGER NOT NULL DEFAULT 0;
ALTER TABLE erasure ADD COLUMN next_chunk INTEGER NOT NULL DEFAULT 0;

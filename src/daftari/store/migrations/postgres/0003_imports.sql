-- What a write with an Idempotency-Key answered. A body of NULL: it named somebody who was erased.
CREATE TABLE idempotency (
    project_id bigint NOT NULL REFERENCES book (project_id),
    key_id bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    fingerprint text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    status bigint NOT NULL,
    headers text COLLATE "C" NOT NULL,
    body bytea,
    names_numbers bigint NOT NULL,
    PRIMARY KEY (project_id, key_id, name)
);

CREATE INDEX idempotency_at ON idempotency (project_id, at);
CREATE INDEX idempotency_names ON idempotency (project_id, key_id, name) WHERE names_numbers = 1;

-- The bytes of files that wait to be read (imports) or fetched (exports), in parts.
CREATE TABLE file_part (
    project_id bigint NOT NULL REFERENCES book (project_id),
    file_id bigint NOT NULL,
    part bigint NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (project_id, file_id, part)
);

CREATE TABLE import (
    project_id bigint NOT NULL REFERENCES book (project_id),
    id bigint NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    state text COLLATE "C" NOT NULL CHECK (state IN ('receiving', 'streaming', 'queued', 'running', 'paused', 'done', 'failed', 'cancelled')),
    phase text COLLATE "C" NOT NULL CHECK (phase IN ('plan', 'apply', 'undo')),
    key_id bigint,
    request_id text COLLATE "C" NOT NULL,
    erasure_id bigint NOT NULL,
    clearing bigint NOT NULL,
    settings text COLLATE "C" NOT NULL,
    progress text COLLATE "C" NOT NULL,
    PRIMARY KEY (project_id, id)
);

CREATE INDEX import_open ON import (project_id, id) WHERE state IN ('queued', 'running');
CREATE INDEX import_clearing ON import (project_id, id) WHERE clearing = 1;
CREATE INDEX import_expiry ON import (project_id, expires_at);

-- A thousand records of an import, fewer of a stream: an outcome and a contact's id for each, and what a plan saw of each.
CREATE TABLE import_chunk (
    project_id bigint NOT NULL,
    import_id bigint NOT NULL,
    chunk bigint NOT NULL,
    at bigint NOT NULL,
    phase text COLLATE "C" NOT NULL,
    outcomes bytea NOT NULL,
    ids bytea NOT NULL,
    seen bytea NOT NULL,
    first_fact bigint NOT NULL,
    last_fact bigint NOT NULL,
    first_row bigint NOT NULL,
    PRIMARY KEY (project_id, import_id, chunk),
    FOREIGN KEY (project_id, import_id) REFERENCES import (project_id, id)
);

CREATE INDEX import_chunk_rows ON import_chunk (project_id, import_id, first_row);

-- Who joined which group by a chunk of an import.
CREATE TABLE import_join (
    project_id bigint NOT NULL,
    import_id bigint NOT NULL,
    chunk bigint NOT NULL,
    group_id bigint NOT NULL,
    contacts text COLLATE "C" NOT NULL,
    PRIMARY KEY (project_id, import_id, chunk, group_id),
    FOREIGN KEY (project_id, import_id) REFERENCES import (project_id, id)
);

-- A contact's card before an import changed it, and when the import changed it last. Under minus a number: one that the
-- import leaves alone.
CREATE TABLE import_change (
    project_id bigint NOT NULL REFERENCES book (project_id),
    contact_id bigint NOT NULL,
    import_id bigint NOT NULL,
    at bigint NOT NULL,
    card text COLLATE "C" NOT NULL,
    PRIMARY KEY (project_id, contact_id, import_id)
);

CREATE INDEX import_change_import ON import_change (project_id, import_id, contact_id);

-- Records that an import could not take, as they came, and why. Digits: all that they hold, by which an erasure finds one.
CREATE TABLE import_reject (
    project_id bigint NOT NULL,
    import_id bigint NOT NULL,
    number bigint NOT NULL,
    why text COLLATE "C" NOT NULL,
    record text COLLATE "C" NOT NULL,
    digits text COLLATE "C" NOT NULL,
    PRIMARY KEY (project_id, import_id, number),
    FOREIGN KEY (project_id, import_id) REFERENCES import (project_id, id)
);

-- At most a few a project. A try is one begin of the work: parts that an earlier one wrote are not the file's.
CREATE TABLE export (
    project_id bigint NOT NULL REFERENCES book (project_id),
    id bigint NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    state text COLLATE "C" NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'removed')),
    tries bigint NOT NULL,
    parts bigint NOT NULL,
    settings text COLLATE "C" NOT NULL,
    progress text COLLATE "C" NOT NULL,
    PRIMARY KEY (project_id, id)
);

-- How far the imports are cleared of an erased contact's id.
ALTER TABLE erasure ADD COLUMN next_import bigint NOT NULL DEFAULT 0;
ALTER TABLE erasure ADD COLUMN next_chunk bigint NOT NULL DEFAULT 0;

-- House tables: no project in their key.

CREATE TABLE house (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    schema_version INTEGER NOT NULL,
    next_id INTEGER NOT NULL
) STRICT;

CREATE TABLE project (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    folded TEXT UNIQUE,
    region TEXT NOT NULL,
    on_error TEXT NOT NULL CHECK (on_error IN ('refuse', 'skip')),
    created_at INTEGER NOT NULL,
    deleted_at INTEGER
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
    read_only INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    last_used_at INTEGER
) STRICT;

CREATE TABLE job (
    project_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    lease_owner TEXT,
    lease_until INTEGER,
    PRIMARY KEY (project_id, kind)
) STRICT, WITHOUT ROWID;

-- Project tables: the project comes first in every key.

CREATE TABLE book (
    project_id INTEGER PRIMARY KEY,
    next_id INTEGER NOT NULL,
    next_group_id INTEGER NOT NULL,
    next_seq INTEGER NOT NULL,
    oldest_seq INTEGER NOT NULL,
    closed INTEGER NOT NULL
) STRICT;

CREATE TABLE contact (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    id INTEGER NOT NULL,
    mobile INTEGER NOT NULL,
    card TEXT NOT NULL,
    card_version INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX contact_mobile ON contact (project_id, mobile);

CREATE TABLE contact_group (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    folded TEXT,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX contact_group_folded ON contact_group (project_id, folded);
CREATE INDEX contact_group_deleted ON contact_group (project_id, id) WHERE deleted_at IS NOT NULL;

CREATE TABLE membership (
    project_id INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    contact_id INTEGER NOT NULL,
    PRIMARY KEY (project_id, group_id, contact_id),
    FOREIGN KEY (project_id, group_id) REFERENCES contact_group (project_id, id),
    FOREIGN KEY (project_id, contact_id) REFERENCES contact (project_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX membership_contact ON membership (project_id, contact_id, group_id);

CREATE TABLE directory (
    project_id INTEGER NOT NULL,
    list INTEGER NOT NULL,
    level INTEGER NOT NULL,
    block INTEGER NOT NULL,
    members INTEGER NOT NULL,
    PRIMARY KEY (project_id, list, level, block)
) STRICT, WITHOUT ROWID;

CREATE TABLE journal (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    key_id INTEGER,
    request_id TEXT NOT NULL,
    action TEXT NOT NULL,
    group_id INTEGER,
    contacts TEXT NOT NULL,
    PRIMARY KEY (project_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE deletion (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    seq INTEGER NOT NULL,
    mobile INTEGER NOT NULL,
    at INTEGER NOT NULL,
    reason TEXT,
    purpose TEXT,
    PRIMARY KEY (project_id, seq)
) STRICT, WITHOUT ROWID;

INSERT INTO house (id, schema_version, next_id) VALUES (1, 1, 1);

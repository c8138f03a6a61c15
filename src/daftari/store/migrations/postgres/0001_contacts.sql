-- House tables: no project in their key.

CREATE TABLE house (
    id bigint PRIMARY KEY CHECK (id = 1),
    schema_version bigint NOT NULL,
    next_id bigint NOT NULL
);

CREATE TABLE project (
    id bigint PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    folded text COLLATE "C" UNIQUE,
    region text COLLATE "C" NOT NULL,
    on_error text COLLATE "C" NOT NULL CHECK (on_error IN ('refuse', 'skip')),
    created_at bigint NOT NULL,
    deleted_at bigint
);

CREATE TABLE project_name (
    project_id bigint NOT NULL REFERENCES project (id),
    folded text COLLATE "C" NOT NULL,
    PRIMARY KEY (project_id, folded)
);

CREATE TABLE key (
    id bigint PRIMARY KEY,
    project_id bigint NOT NULL REFERENCES project (id),
    label text COLLATE "C" NOT NULL,
    start text COLLATE "C" NOT NULL UNIQUE,
    hash bytea NOT NULL,
    read_only bigint NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint,
    revoked_at bigint,
    last_used_at bigint
);

CREATE TABLE job (
    project_id bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    lease_owner text COLLATE "C",
    lease_until bigint,
    PRIMARY KEY (project_id, kind)
);

-- Project tables: the project comes first in every key.

CREATE TABLE book (
    project_id bigint PRIMARY KEY,
    next_id bigint NOT NULL,
    next_group_id bigint NOT NULL,
    next_seq bigint NOT NULL,
    oldest_seq bigint NOT NULL,
    closed bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE contact (
    project_id bigint NOT NULL REFERENCES book (project_id),
    id bigint NOT NULL,
    mobile bigint NOT NULL,
    card text COLLATE "C" NOT NULL,
    card_version bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (project_id, id)
);

CREATE UNIQUE INDEX contact_mobile ON contact (project_id, mobile);

CREATE TABLE contact_group (
    project_id bigint NOT NULL REFERENCES book (project_id),
    id bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    folded text COLLATE "C",
    created_at bigint NOT NULL,
    deleted_at bigint,
    PRIMARY KEY (project_id, id)
);

CREATE UNIQUE INDEX contact_group_folded ON contact_group (project_id, folded);
CREATE INDEX contact_group_deleted ON contact_group (project_id, id) WHERE deleted_at IS NOT NULL;

CREATE TABLE membership (
    project_id bigint NOT NULL,
    group_id bigint NOT NULL,
    contact_id bigint NOT NULL,
    PRIMARY KEY (project_id, group_id, contact_id),
    FOREIGN KEY (project_id, group_id) REFERENCES contact_group (project_id, id),
    FOREIGN KEY (project_id, contact_id) REFERENCES contact (project_id, id)
);

CREATE INDEX membership_contact ON membership (project_id, contact_id, group_id);

CREATE TABLE directory (
    project_id bigint NOT NULL,
    list bigint NOT NULL,
    level bigint NOT NULL,
    block bigint NOT NULL,
    members bigint NOT NULL,
    PRIMARY KEY (project_id, list, level, block)
) WITH (fillfactor = 50);

CREATE TABLE journal (
    project_id bigint NOT NULL REFERENCES book (project_id),
    seq bigint NOT NULL,
    at bigint NOT NULL,
    key_id bigint,
    request_id text COLLATE "C" NOT NULL,
    action text COLLATE "C" NOT NULL,
    group_id bigint,
    contacts text COLLATE "C" NOT NULL,
    PRIMARY KEY (project_id, seq)
);

CREATE TABLE deletion (
    project_id bigint NOT NULL REFERENCES book (project_id),
    seq bigint NOT NULL,
    mobile bigint NOT NULL,
    at bigint NOT NULL,
    reason text COLLATE "C",
    purpose text COLLATE "C",
    PRIMARY KEY (project_id, seq)
);

INSERT INTO house (id, schema_version, next_id) VALUES (1, 1, 1);

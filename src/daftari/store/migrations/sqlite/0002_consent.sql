-- House tables: the fingerprint of the secret, how a project reads what people say, and where providers knock.

ALTER TABLE house ADD COLUMN secret_fingerprint BLOB;

ALTER TABLE project ADD COLUMN consent TEXT NOT NULL DEFAULT '{}';

CREATE TABLE inbound_token (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES project (id),
    provider TEXT NOT NULL,
    label TEXT NOT NULL,
    start TEXT NOT NULL UNIQUE,
    hash BLOB NOT NULL,
    secret TEXT,
    verify_token TEXT,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;

-- Project tables.

ALTER TABLE book ADD COLUMN next_fact INTEGER NOT NULL DEFAULT 1;
ALTER TABLE book ADD COLUMN next_item INTEGER NOT NULL DEFAULT 1;

-- 0: nothing is known of the number; 1: something is; 2: it is suppressed.
ALTER TABLE contact ADD COLUMN standing INTEGER NOT NULL DEFAULT 0;

-- What is known about a number. A subject is the number, or minus its keyed hash once it was erased.
CREATE TABLE fact (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    subject INTEGER NOT NULL,
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
    message TEXT,
    key_id INTEGER,
    evidence TEXT,
    PRIMARY KEY (project_id, subject, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX fact_id ON fact (project_id, id);
CREATE INDEX fact_left_group ON fact (project_id, keyword) WHERE kind = 'left_group';

-- What follows from a subject's facts, derived in the transaction that records them.
CREATE TABLE consent (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    subject INTEGER NOT NULL,
    suppressed INTEGER NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (project_id, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE near_miss (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    key_id INTEGER NOT NULL,
    source TEXT NOT NULL,
    import_id INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (project_id, key_id, source, import_id)
) STRICT, WITHOUT ROWID;

-- What waits for a person's eye, and what they said of it. A subject of 0: no number could be read.
CREATE TABLE review (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    subject INTEGER NOT NULL,
    id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    provider TEXT NOT NULL,
    channel TEXT NOT NULL,
    sender TEXT NOT NULL,
    why TEXT NOT NULL,
    said TEXT NOT NULL,
    message TEXT NOT NULL,
    settled_at INTEGER,
    settled_as TEXT,
    PRIMARY KEY (project_id, subject, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX review_message ON review (project_id, message);
CREATE UNIQUE INDEX review_id ON review (project_id, id);
CREATE INDEX review_open ON review (project_id, id) WHERE settled_at IS NULL;

CREATE TABLE inbound_count (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    token_id INTEGER NOT NULL,
    received INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    last_received_at INTEGER,
    last_refused_at INTEGER,
    PRIMARY KEY (project_id, token_id)
) STRICT, WITHOUT ROWID;

-- What a provider sent and was refused, to be read again when its secret is mended.
CREATE TABLE quarantine (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    id INTEGER NOT NULL,
    token_id INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    request TEXT NOT NULL,
    body BLOB NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX quarantine_digest ON quarantine (project_id, token_id, digest);

CREATE TABLE audience (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    question TEXT NOT NULL,
    count INTEGER NOT NULL,
    erased INTEGER NOT NULL,
    digest TEXT NOT NULL,
    excluded TEXT NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

-- A frozen audience's numbers, ascending, 1,000 a part and 8 bytes each; 0 where one was erased.
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

-- Who was erased, by keyed hash, and how far the journal is cleared of the contact's id.
CREATE TABLE erasure (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    id INTEGER NOT NULL,
    subject INTEGER NOT NULL,
    at INTEGER NOT NULL,
    contact_id INTEGER,
    next_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    removed TEXT NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX erasure_open ON erasure (project_id, id) WHERE contact_id IS NOT NULL;

-- The deletes of before: opt-outs, all but removals.

INSERT INTO fact (project_id, subject, id, kind, channel, sender, purpose, at, recorded_at, source, keyword, override,
    key_id, evidence)
SELECT d.project_id, d.mobile, ROW_NUMBER() OVER (PARTITION BY d.project_id ORDER BY d.seq), 'opt_out', '*', '*',
    CASE WHEN d.purpose IN ('marketing', 'promotional') THEN 'marketing'
        WHEN d.purpose = 'transactional' THEN 'transactional' ELSE '*' END,
    d.at, j.at, 'delete', '', 0, j.key_id,
    CASE WHEN d.reason IS NOT NULL THEN json_object('note', d.reason) END
FROM deletion AS d JOIN journal AS j ON j.project_id = d.project_id AND j.seq = d.seq
WHERE d.reason IS DISTINCT FROM 'removal';

-- The others said by whom and when, and are no opt-outs.
CREATE TABLE removal (
    project_id INTEGER NOT NULL REFERENCES book (project_id),
    seq INTEGER NOT NULL,
    mobile INTEGER NOT NULL,
    at INTEGER NOT NULL,
    reason TEXT,
    PRIMARY KEY (project_id, mobile, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX removal_seq ON removal (project_id, seq);

INSERT INTO removal (project_id, seq, mobile, at, reason)
SELECT project_id, seq, mobile, at, reason FROM deletion WHERE reason = 'removal';

DROP TABLE deletion;

UPDATE book SET next_fact = 1 + (SELECT COUNT(*) FROM fact AS f WHERE f.project_id = book.project_id);

INSERT INTO consent (project_id, subject, suppressed, state)
SELECT project_id, subject, blocked = 63, '{"cells":{"*":[' || blocked || ',0]}}'
FROM (
    SELECT project_id, subject, CASE
        WHEN MAX(purpose = '*') = 1 OR COUNT(DISTINCT purpose) > 1 THEN 63
        WHEN MAX(purpose = 'marketing') = 1 THEN 21 ELSE 42 END AS blocked
    FROM fact GROUP BY project_id, subject
);

UPDATE contact SET standing = 1 + (
    SELECT s.suppressed FROM consent AS s WHERE s.project_id = contact.project_id AND s.subject = contact.mobile
)
WHERE EXISTS (SELECT 1 FROM consent AS s WHERE s.project_id = contact.project_id AND s.subject = contact.mobile);

DELETE FROM membership WHERE EXISTS (
    SELECT 1 FROM contact AS c
    WHERE c.project_id = membership.project_id AND c.id = membership.contact_id AND c.standing = 2
);

-- The lists as they are now: 0 is everybody, -1 everybody who is not suppressed, others are groups.

DELETE FROM directory;

INSERT INTO directory (project_id, list, level, block, members)
SELECT l.project_id, l.list, level.value, l.id >> (level.value * 6), COUNT(*)
FROM (
    SELECT project_id, 0 AS list, id FROM contact
    UNION ALL SELECT project_id, -1, id FROM contact WHERE standing < 2
    UNION ALL SELECT project_id, group_id, contact_id FROM membership
) AS l CROSS JOIN json_each('[1,2,3]') AS level
GROUP BY l.project_id, l.list, level.value, l.id >> (level.value * 6);

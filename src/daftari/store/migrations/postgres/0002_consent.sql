-- House tables: the fingerprint of the secret, how a project reads what people say, and where providers knock.

ALTER TABLE house ADD COLUMN secret_fingerprint bytea;

ALTER TABLE project ADD COLUMN consent text COLLATE "C" NOT NULL DEFAULT '{}';

CREATE TABLE inbound_token (
    id bigint PRIMARY KEY,
    project_id bigint NOT NULL REFERENCES project (id),
    provider text COLLATE "C" NOT NULL,
    label text COLLATE "C" NOT NULL,
    start text COLLATE "C" NOT NULL UNIQUE,
    hash bytea NOT NULL,
    secret text COLLATE "C",
    verify_token text COLLATE "C",
    created_at bigint NOT NULL,
    revoked_at bigint
);

-- Project tables.

ALTER TABLE book ADD COLUMN next_fact bigint NOT NULL DEFAULT 1;
ALTER TABLE book ADD COLUMN next_item bigint NOT NULL DEFAULT 1;

-- 0: nothing is known of the number; 1: something is; 2: it is suppressed.
ALTER TABLE contact ADD COLUMN standing bigint NOT NULL DEFAULT 0;

-- What is known about a number. A subject is the number, or minus its keyed hash once it was erased.
CREATE TABLE fact (
    project_id bigint NOT NULL REFERENCES book (project_id),
    subject bigint NOT NULL,
    id bigint NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('opt_out', 'opt_in', 'left_group', 'activated', 'deactivated', 'retraction')),
    channel text COLLATE "C" NOT NULL,
    sender text COLLATE "C" NOT NULL,
    purpose text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    recorded_at bigint NOT NULL,
    source text COLLATE "C" NOT NULL,
    keyword text COLLATE "C" NOT NULL,
    group_id bigint,
    override bigint NOT NULL,
    retracts bigint,
    message text COLLATE "C",
    key_id bigint,
    evidence text COLLATE "C",
    PRIMARY KEY (project_id, subject, id)
);

CREATE UNIQUE INDEX fact_id ON fact (project_id, id);
CREATE INDEX fact_left_group ON fact (project_id, keyword) WHERE kind = 'left_group';

-- What follows from a subject's facts, derived in the transaction that records them.
CREATE TABLE consent (
    project_id bigint NOT NULL REFERENCES book (project_id),
    subject bigint NOT NULL,
    suppressed bigint NOT NULL,
    state text COLLATE "C" NOT NULL,
    PRIMARY KEY (project_id, subject)
);

CREATE TABLE near_miss (
    project_id bigint NOT NULL REFERENCES book (project_id),
    key_id bigint NOT NULL,
    source text COLLATE "C" NOT NULL,
    import_id bigint NOT NULL,
    tries bigint NOT NULL,
    first_at bigint NOT NULL,
    last_at bigint NOT NULL,
    PRIMARY KEY (project_id, key_id, source, import_id)
);

-- What waits for a person's eye, and what they said of it. A subject of 0: no number could be read.
CREATE TABLE review (
    project_id bigint NOT NULL REFERENCES book (project_id),
    subject bigint NOT NULL,
    id bigint NOT NULL,
    at bigint NOT NULL,
    provider text COLLATE "C" NOT NULL,
    channel text COLLATE "C" NOT NULL,
    sender text COLLATE "C" NOT NULL,
    why text COLLATE "C" NOT NULL,
    said text COLLATE "C" NOT NULL,
    message text COLLATE "C" NOT NULL,
    settled_at bigint,
    settled_as text COLLATE "C",
    PRIMARY KEY (project_id, subject, id)
);

CREATE UNIQUE INDEX review_message ON review (project_id, message);
CREATE UNIQUE INDEX review_id ON review (project_id, id);
CREATE INDEX review_open ON review (project_id, id) WHERE settled_at IS NULL;

CREATE TABLE inbound_count (
    project_id bigint NOT NULL REFERENCES book (project_id),
    token_id bigint NOT NULL,
    received bigint NOT NULL,
    refused bigint NOT NULL,
    last_received_at bigint,
    last_refused_at bigint,
    PRIMARY KEY (project_id, token_id)
);

-- What a provider sent and was refused, to be read again when its secret is mended.
CREATE TABLE quarantine (
    project_id bigint NOT NULL REFERENCES book (project_id),
    id bigint NOT NULL,
    token_id bigint NOT NULL,
    received_at bigint NOT NULL,
    reason text COLLATE "C" NOT NULL,
    request text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    digest text COLLATE "C" NOT NULL,
    PRIMARY KEY (project_id, id)
);

CREATE UNIQUE INDEX quarantine_digest ON quarantine (project_id, token_id, digest);

CREATE TABLE audience (
    project_id bigint NOT NULL REFERENCES book (project_id),
    id bigint NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    question text COLLATE "C" NOT NULL,
    count bigint NOT NULL,
    erased bigint NOT NULL,
    digest text COLLATE "C" NOT NULL,
    excluded text COLLATE "C" NOT NULL,
    PRIMARY KEY (project_id, id)
);

-- A frozen audience's numbers, ascending, 1,000 a part and 8 bytes each; 0 where one was erased.
CREATE TABLE audience_part (
    project_id bigint NOT NULL,
    audience_id bigint NOT NULL,
    part bigint NOT NULL,
    first_mobile bigint NOT NULL,
    last_mobile bigint NOT NULL,
    mobiles bytea NOT NULL,
    PRIMARY KEY (project_id, audience_id, part),
    FOREIGN KEY (project_id, audience_id) REFERENCES audience (project_id, id)
);

CREATE INDEX audience_part_first ON audience_part (project_id, audience_id, first_mobile);

-- Who was erased, by keyed hash, and how far the journal is cleared of the contact's id.
CREATE TABLE erasure (
    project_id bigint NOT NULL REFERENCES book (project_id),
    id bigint NOT NULL,
    subject bigint NOT NULL,
    at bigint NOT NULL,
    contact_id bigint,
    next_seq bigint NOT NULL,
    last_seq bigint NOT NULL,
    removed text COLLATE "C" NOT NULL,
    PRIMARY KEY (project_id, id)
);

CREATE INDEX erasure_open ON erasure (project_id, id) WHERE contact_id IS NOT NULL;

-- The deletes of before: opt-outs, all but removals.

INSERT INTO fact (project_id, subject, id, kind, channel, sender, purpose, at, recorded_at, source, keyword, override,
    key_id, evidence)
SELECT d.project_id, d.mobile, ROW_NUMBER() OVER (PARTITION BY d.project_id ORDER BY d.seq), 'opt_out', '*', '*',
    CASE WHEN d.purpose IN ('marketing', 'promotional') THEN 'marketing'
        WHEN d.purpose = 'transactional' THEN 'transactional' ELSE '*' END,
    d.at, j.at, 'delete', '', 0, j.key_id,
    CASE WHEN d.reason IS NOT NULL THEN json_build_object('note', d.reason)::text END
FROM deletion AS d JOIN journal AS j ON j.project_id = d.project_id AND j.seq = d.seq
WHERE d.reason IS DISTINCT FROM 'removal';

-- The others said by whom and when, and are no opt-outs.
CREATE TABLE removal (
    project_id bigint NOT NULL REFERENCES book (project_id),
    seq bigint NOT NULL,
    mobile bigint NOT NULL,
    at bigint NOT NULL,
    reason text COLLATE "C",
    PRIMARY KEY (project_id, mobile, seq)
);

CREATE INDEX removal_seq ON removal (project_id, seq);

INSERT INTO removal (project_id, seq, mobile, at, reason)
SELECT project_id, seq, mobile, at, reason FROM deletion WHERE reason = 'removal';

DROP TABLE deletion;

UPDATE book SET next_fact = 1 + (SELECT COUNT(*) FROM fact AS f WHERE f.project_id = book.project_id);

INSERT INTO consent (project_id, subject, suppressed, state)
SELECT project_id, subject, CASE WHEN blocked = 63 THEN 1 ELSE 0 END, '{"cells":{"*":[' || blocked || ',0]}}'
FROM (
    SELECT project_id, subject, CASE
        WHEN bool_or(purpose = '*') OR COUNT(DISTINCT purpose) > 1 THEN 63
        WHEN bool_or(purpose = 'marketing') THEN 21 ELSE 42 END AS blocked
    FROM fact GROUP BY project_id, subject
) AS found;

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
) AS l CROSS JOIN (VALUES (1), (2), (3)) AS level (value)
GROUP BY l.project_id, l.list, level.value, l.id >> (level.value * 6);

-- name: insert_review
-- Something for a person's eye; once for each message.
INSERT INTO review (project_id, id, subject_id, at, provider, channel, sender, reason, text, message_digest)
VALUES (CAST(:project AS bigint), :id, :subject_id, :at, :provider, :channel, :sender, :reason, :text, :message_digest)
ON CONFLICT (project_id, message_digest) DO NOTHING;

-- name: list_reviews
-- What waits for a person's eye, in the order of arrival.
SELECT r.id, r.subject_id, r.at, r.provider, r.channel, r.sender, r.reason, r.text,
    r.settled_at, r.settled_as, r.message_digest
FROM review AS r
WHERE r.project_id = :project AND r.id > :after AND r.settled_at IS NULL
ORDER BY r.id LIMIT :limit;

-- name: get_review
-- One thing for a person's eye.
SELECT r.id, r.subject_id, r.at, r.provider, r.channel, r.sender, r.reason, r.text,
    r.settled_at, r.settled_as, r.message_digest
FROM review AS r
WHERE r.project_id = :project AND r.id = :id;

-- name: list_subject_reviews
-- What was kept for review of one number.
SELECT r.id, r.subject_id, r.at, r.provider, r.channel, r.sender, r.reason, r.text,
    r.settled_at, r.settled_as, r.message_digest
FROM review AS r
WHERE r.project_id = :project AND r.subject_id = :subject_id ORDER BY r.id;

-- name: settle_review
-- A person has looked.
UPDATE review SET settled_at = :now, settled_as = :settled_as WHERE project_id = :project AND id = :id;

-- name: delete_review
-- One thing that was kept for review and names a number that is erased.
DELETE FROM review WHERE project_id = :project AND id = :id;

-- name: delete_subject_reviews
-- What was kept for review of a number that is erased.
DELETE FROM review WHERE project_id = :project AND subject_id = :subject_id;

-- name: count_inbound
-- Requests that a token brought: received, refused, and when.
INSERT INTO inbound_count AS n (project_id, token_id, received, refused, last_received_at, last_refused_at)
VALUES (CAST(:project AS bigint), :token, :received, :refused, :received_at, :refused_at)
ON CONFLICT (project_id, token_id) DO UPDATE SET
    received = n.received + excluded.received,
    refused = n.refused + excluded.refused,
    last_received_at = COALESCE(excluded.last_received_at, n.last_received_at),
    last_refused_at = COALESCE(excluded.last_refused_at, n.last_refused_at);

-- name: list_inbound_counts
-- What each token brought.
SELECT n.token_id, n.received, n.refused, n.last_received_at, n.last_refused_at FROM inbound_count AS n
WHERE n.project_id = :project ORDER BY n.token_id;

-- name: count_quarantine
-- How many refused requests are kept.
SELECT COUNT(*) FROM quarantine AS q WHERE q.project_id = :project;

-- name: insert_quarantine
-- A refused request, to be read again; one that a provider sends once more is kept once.
INSERT INTO quarantine (project_id, id, token_id, received_at, reason, request, body, digest)
VALUES (CAST(:project AS bigint), :id, :token, :now, :reason, :request, :body, :digest)
ON CONFLICT (project_id, token_id, digest) DO NOTHING;

-- name: list_quarantine
-- Refused requests in the order of arrival.
SELECT q.id, q.token_id, q.received_at, q.reason, q.request, q.body FROM quarantine AS q
WHERE q.project_id = :project AND q.id > :after ORDER BY q.id LIMIT :limit;

-- name: delete_quarantine
-- A refused request that was read after all, or of somebody who is erased.
DELETE FROM quarantine WHERE project_id = :project AND id = :id;

-- name: insert_review
-- Inserts a message for review, once for each message digest.
INSERT INTO review (project_id, id, subject_id, at, provider, channel, sender, reason, text, token_id, user_id,
    message_digest, given_at, received_at, receipt)
VALUES (CAST(:project AS bigint), :id, :subject_id, :at, :provider, :channel, :sender, :reason, :text, :token, :user_id,
    :message_digest, :given_at, :received_at, :receipt)
ON CONFLICT (project_id, message_digest) DO NOTHING;

-- name: list_reviews
-- Reviews after an id that are not settled, in the order of arrival.
SELECT r.id, r.subject_id, r.at, r.provider, r.channel, r.sender, r.reason, r.text,
    r.token_id, r.user_id, r.settled_at, r.settled_as, r.message_digest, r.given_at, r.received_at, r.receipt
FROM review AS r
WHERE r.project_id = :project AND r.id > :after AND r.settled_at IS NULL
ORDER BY r.id LIMIT :limit;

-- name: get_review
-- One review.
SELECT r.id, r.subject_id, r.at, r.provider, r.channel, r.sender, r.reason, r.text,
    r.token_id, r.user_id, r.settled_at, r.settled_as, r.message_digest, r.given_at, r.received_at, r.receipt
FROM review AS r
WHERE r.project_id = :project AND r.id = :id;

-- name: list_subject_reviews
-- All reviews of one subject.
SELECT r.id, r.subject_id, r.at, r.provider, r.channel, r.sender, r.reason, r.text,
    r.token_id, r.user_id, r.settled_at, r.settled_as, r.message_digest, r.given_at, r.received_at, r.receipt
FROM review AS r
WHERE r.project_id = :project AND r.subject_id = :subject_id ORDER BY r.id;

-- name: settle_review
-- Settles a review, and notes its subject.
UPDATE review SET settled_at = :now, settled_as = :settled_as, subject_id = :subject_id
WHERE project_id = :project AND id = :id;

-- name: delete_review
-- Deletes one review.
DELETE FROM review WHERE project_id = :project AND id = :id;

-- name: delete_subject_reviews
-- Deletes all reviews of one subject.
DELETE FROM review WHERE project_id = :project AND subject_id = :subject_id;

-- name: count_inbound
-- Counts requests that a token brought, and when the last was received or refused. Returns until when it is tested.
INSERT INTO inbound_count AS n (project_id, token_id, received, refused, last_received_at, last_refused_at)
VALUES (CAST(:project AS bigint), :token, :received, :refused, :received_at, :refused_at)
ON CONFLICT (project_id, token_id) DO UPDATE SET
    received = n.received + excluded.received,
    refused = n.refused + excluded.refused,
    last_received_at = COALESCE(excluded.last_received_at, n.last_received_at),
    last_refused_at = COALESCE(excluded.last_refused_at, n.last_refused_at)
RETURNING test_until;

-- name: start_inbound_test
-- Begins the test of a token, without what arrived in an earlier one.
INSERT INTO inbound_count AS n (project_id, token_id, received, refused, test_from, test_until, arrived)
VALUES (CAST(:project AS bigint), :token, 0, 0, :test_from, :test_until, '')
ON CONFLICT (project_id, token_id) DO UPDATE SET
    test_from = excluded.test_from, test_until = excluded.test_until, arrived = '';

-- name: get_inbound_test
-- The last test of a token.
SELECT n.test_from, n.test_until, n.arrived FROM inbound_count AS n
WHERE n.project_id = :project AND n.token_id = :token AND n.test_from IS NOT NULL;

-- name: save_arrived
-- Saves what arrived while a token is tested.
UPDATE inbound_count SET arrived = :arrived WHERE project_id = :project AND token_id = :token;

-- name: has_expired_test
-- Whether the test of a token ended before a time.
SELECT n.token_id FROM inbound_count AS n WHERE n.project_id = :project AND n.test_until < :before LIMIT 1;

-- name: clear_expired_tests
-- Clears what is kept of tests that ended before a time.
UPDATE inbound_count SET test_from = NULL, test_until = NULL, arrived = ''
WHERE project_id = :project AND test_until < :before;

-- name: list_refusals
-- When and why requests of a token were refused, from a time on, the newest first.
SELECT q.received_at, q.reason FROM quarantine AS q
WHERE q.project_id = :project AND q.token_id = :token AND q.received_at >= :since
ORDER BY q.id DESC LIMIT :limit;

-- name: count_refusals
-- How many refused requests of a token are kept.
SELECT COUNT(*) FROM quarantine AS q WHERE q.project_id = :project AND q.token_id = :token;

-- name: list_inbound_counts
-- The counts of all tokens.
SELECT n.token_id, n.received, n.refused, n.last_received_at, n.last_refused_at FROM inbound_count AS n
WHERE n.project_id = :project ORDER BY n.token_id;

-- name: count_quarantine
-- The number of quarantined requests.
SELECT COUNT(*) FROM quarantine AS q WHERE q.project_id = :project;

-- name: find_commonest_quarantined
-- The oldest quarantined request of the commonest address, proof and reason.
SELECT MIN(q.id) FROM quarantine AS q WHERE q.project_id = :project
GROUP BY q.token_id, q.is_proved, q.reason
ORDER BY COUNT(*) DESC, q.is_proved, MIN(q.id) LIMIT 1;

-- name: insert_quarantine
-- Quarantines a request. One that the provider repeats is kept once.
INSERT INTO quarantine (project_id, id, token_id, received_at, is_proved, reason, request, body, digest, receipt)
VALUES (CAST(:project AS bigint), :id, :token, :now, :is_proved, :reason, :request, :body, :digest, :receipt)
ON CONFLICT (project_id, token_id, digest) DO NOTHING;

-- name: list_quarantine
-- Quarantined requests after an id, in the order of arrival.
SELECT q.id, q.token_id, q.received_at, q.reason, q.request, q.body, q.receipt FROM quarantine AS q
WHERE q.project_id = :project AND q.id > :after ORDER BY q.id LIMIT :limit;

-- name: list_token_quarantine
-- Quarantined requests of one token after an id, in the order of arrival.
SELECT q.id, q.token_id, q.received_at, q.reason, q.request, q.body, q.receipt FROM quarantine AS q
WHERE q.project_id = :project AND q.token_id = :token AND q.id > :after ORDER BY q.id LIMIT :limit;

-- name: find_quarantined_receipt
-- When a request was quarantined, by its digest.
SELECT q.receipt, q.received_at FROM quarantine AS q
WHERE q.project_id = :project AND q.token_id = :token AND q.digest = :digest;

-- name: delete_quarantine
-- Deletes a quarantined request.
DELETE FROM quarantine WHERE project_id = :project AND id = :id;

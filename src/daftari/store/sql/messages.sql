-- name: find_message_keys
-- Which of some keys of an origin are taken.
SELECT m.subject_id, m.key
FROM rows(:items AS wanted, subject_id bigint, key text) CROSS JOIN message AS m
WHERE m.project_id = :project AND m.origin_id = :origin_id AND m.subject_id = wanted.subject_id AND m.key = wanted.key;

-- name: find_waiting_origin
-- The first origin after one of which messages wait at a sender: a campaign or trigger, and 0 for calls.
SELECT m.origin_id FROM message AS m
WHERE m.project_id = :project AND m.sender_id = :sender_id AND m.origin_id > :after AND m.state = 'waiting'
ORDER BY m.origin_id LIMIT 1;

-- name: find_open_message
-- A message of a sender that waits, or is being sent.
SELECT m.id FROM message AS m
WHERE m.project_id = :project AND m.sender_id = :sender_id AND m.state = 'waiting'
UNION ALL
SELECT m.id FROM message AS m
WHERE m.project_id = :project AND m.sender_id = :sender_id AND m.state = 'sending'
LIMIT 1;

-- name: find_sending_message
-- A message of a sender that is being sent.
SELECT m.id FROM message AS m
WHERE m.project_id = :project AND m.sender_id = :sender_id AND m.state = 'sending'
LIMIT 1;

-- name: list_due_messages
-- Messages of an origin that wait and are due, the longest first.
SELECT m.id, m.sender_id, m.origin_id, m.subject_id, m.key, m.state, m.reason, m.code, m.purpose, m.attempt, m.due_at, m.until,
    m.claim, m.claimed_at, m.settled_at, m.parts, m.text, m.says
FROM message AS m
WHERE m.project_id = :project AND m.sender_id = :sender_id AND m.origin_id = :origin_id AND m.state = 'waiting' AND m.due_at <= :now
ORDER BY m.due_at, m.id LIMIT :limit;

-- name: list_ids_in_state
-- The ids of messages of a campaign or trigger in a state after one, in order.
SELECT m.id FROM message AS m
WHERE m.project_id = :project AND m.origin_id = :origin_id AND m.origin_id > 0 AND m.state = :state AND m.id > :after
ORDER BY m.id LIMIT :limit;

-- name: list_messages_with_reason
-- Messages of a campaign or trigger with a reason, in a state or in any.
SELECT m.id, m.sender_id, m.origin_id, m.subject_id, m.key, m.state, m.reason, m.code, m.purpose, m.attempt, m.due_at, m.until,
    m.claim, m.claimed_at, m.settled_at, m.parts, m.text, m.says
FROM message AS m
WHERE m.project_id = :project AND m.origin_id = :origin_id AND m.origin_id > 0 AND m.reason = :reason AND m.reason <> ''
    AND m.id > :after AND (CAST(:state AS text) = '' OR m.state = CAST(:state AS text))
ORDER BY m.id LIMIT :limit;

-- name: list_last_went
-- The last messages of a trigger that were sent, or perhaps were.
SELECT m.id, m.sender_id, m.origin_id, m.subject_id, m.key, m.state, m.reason, m.code, m.purpose, m.attempt, m.due_at, m.until,
    m.claim, m.claimed_at, m.settled_at, m.parts, m.text, m.says
FROM message AS m
WHERE m.project_id = :project AND m.origin_id = :origin_id AND m.origin_id > 0 AND m.key <> ''
    AND m.state IN ('sending', 'unknown', 'accepted', 'delivered')
ORDER BY m.claimed_at DESC, m.id DESC LIMIT :limit;

-- name: list_last_stayed
-- The last messages of a trigger that ended without reaching anyone.
SELECT m.id, m.sender_id, m.origin_id, m.subject_id, m.key, m.state, m.reason, m.code, m.purpose, m.attempt, m.due_at, m.until,
    m.claim, m.claimed_at, m.settled_at, m.parts, m.text, m.says
FROM message AS m
WHERE m.project_id = :project AND m.origin_id = :origin_id AND m.origin_id > 0 AND m.key <> ''
    AND m.state IN ('failed', 'expired', 'skipped', 'cancelled')
ORDER BY m.settled_at DESC, m.id DESC LIMIT :limit;

-- name: list_newest_in_state
-- Messages of a trigger in a state before an id, the newest first.
SELECT m.id, m.sender_id, m.origin_id, m.subject_id, m.key, m.state, m.reason, m.code, m.purpose, m.attempt, m.due_at, m.until,
    m.claim, m.claimed_at, m.settled_at, m.parts, m.text, m.says
FROM message AS m
WHERE m.project_id = :project AND m.origin_id = :origin_id AND m.origin_id > 0 AND m.state = :state AND m.id < :before
ORDER BY m.id DESC LIMIT :limit;

-- name: list_newest_with_reason
-- Messages of a trigger in a state with a reason before an id, the newest first.
SELECT m.id, m.sender_id, m.origin_id, m.subject_id, m.key, m.state, m.reason, m.code, m.purpose, m.attempt, m.due_at, m.until,
    m.claim, m.claimed_at, m.settled_at, m.parts, m.text, m.says
FROM message AS m
WHERE m.project_id = :project AND m.origin_id = :origin_id AND m.origin_id > 0 AND m.reason = :reason AND m.reason <> ''
    AND m.state = :state AND m.id < :before
ORDER BY m.id DESC LIMIT :limit;

-- name: find_next_due
-- When the next message of an origin is due at a sender.
SELECT m.due_at FROM message AS m
WHERE m.project_id = :project AND m.sender_id = :sender_id AND m.origin_id = :origin_id AND m.state = 'waiting'
ORDER BY m.due_at, m.id LIMIT 1;

-- name: list_sending_messages
-- Messages that were claimed under an earlier fence and whose end is not known.
SELECT m.id, m.sender_id, m.origin_id, m.subject_id, m.key, m.state, m.reason, m.code, m.purpose, m.attempt, m.due_at, m.until,
    m.claim, m.claimed_at, m.settled_at, m.parts, m.text, m.says
FROM message AS m
WHERE m.project_id = :project AND m.sender_id = :sender_id AND m.state = 'sending' AND m.claim < :fence
ORDER BY m.claim, m.id LIMIT :limit;

-- name: list_due_lookups
-- Messages whose end is unknown and that are to be looked for at the provider.
SELECT m.id, m.sender_id, m.origin_id, m.subject_id, m.key, m.state, m.reason, m.code, m.purpose, m.attempt, m.due_at, m.until,
    m.claim, m.claimed_at, m.settled_at, m.parts, m.text, m.says
FROM message AS m
WHERE m.project_id = :project AND m.sender_id = :sender_id AND m.state = 'unknown' AND m.due_at > 0 AND m.due_at <= :now
ORDER BY m.due_at, m.id LIMIT :limit;

-- name: find_messages
-- Some messages by their ids.
SELECT m.id, m.sender_id, m.origin_id, m.subject_id, m.key, m.state, m.reason, m.code, m.purpose, m.attempt, m.due_at, m.until,
    m.claim, m.claimed_at, m.settled_at, m.parts, m.text, m.says
FROM rows(:ids AS wanted, id bigint) CROSS JOIN message AS m
WHERE m.project_id = :project AND m.id = wanted.id;

-- name: save_messages
-- Saves some messages. An upsert, because SQLite may turn UPDATE … FROM into a scan of the project.
INSERT INTO message AS m (project_id, id, sender_id, origin_id, subject_id, key, state, reason, code, purpose, attempt,
    due_at, until, claim, claimed_at, settled_at, parts, text, says)
SELECT CAST(:project AS bigint), changed.id, changed.sender_id, changed.origin_id, changed.subject_id, changed.key,
    changed.state, changed.reason, changed.code, changed.purpose, changed.attempt, changed.due_at, changed.until, changed.claim,
    changed.claimed_at, changed.settled_at, changed.parts, changed.text, changed.says
FROM rows(:items AS changed, id bigint, sender_id bigint, origin_id bigint, subject_id bigint, key text, state text, reason text, code text, purpose text, attempt bigint, due_at bigint, until bigint, claim bigint, claimed_at bigint, settled_at bigint, parts bigint, text text, says text)
WHERE true
ON CONFLICT (project_id, id) DO UPDATE SET
    sender_id = excluded.sender_id, subject_id = excluded.subject_id, key = excluded.key, state = excluded.state,
    reason = excluded.reason, code = excluded.code, purpose = excluded.purpose, attempt = excluded.attempt, due_at = excluded.due_at, until = excluded.until,
    claim = excluded.claim, claimed_at = excluded.claimed_at, settled_at = excluded.settled_at, parts = excluded.parts,
    text = excluded.text, says = excluded.says;

-- name: find_last_round_ids
-- The messages of the last rounds of some keys of triggers. A round is seven characters at the end of the key.
SELECT (
    SELECT m.id FROM message AS m
    WHERE m.project_id = :project AND m.origin_id = wanted.origin_id AND m.subject_id = wanted.subject_id
        AND m.key >= wanted.first_key AND m.key <= wanted.last_key AND length(m.key) = wanted.size
    ORDER BY m.key DESC LIMIT 1
)
FROM rows(:items AS wanted, origin_id bigint, subject_id bigint, first_key text, last_key text, size bigint);

-- name: find_last_sent_by
-- When each of some numbers was sent a message of a trigger last, or perhaps was.
SELECT m.subject_id, max(m.claimed_at)
FROM rows(:subject_ids AS wanted, subject_id bigint) CROSS JOIN message AS m
WHERE m.project_id = :project AND m.origin_id = :origin_id AND m.subject_id = wanted.subject_id
    AND m.claimed_at > 0 AND m.state IN ('sending', 'unknown', 'accepted', 'delivered')
GROUP BY m.subject_id;

-- name: find_attempts
-- What a sender's provider calls some messages.
SELECT a.sender_id, a.provider_id, a.message_id, a.attempt, a.state, a.part_states
FROM rows(:provider_ids AS wanted, provider_id text) CROSS JOIN message_attempt AS a
WHERE a.project_id = :project AND a.sender_id = :sender_id AND a.provider_id = wanted.provider_id;

-- name: list_attempts
-- The attempts of some messages, in order.
SELECT a.sender_id, a.provider_id, a.message_id, a.attempt, a.state, a.part_states
FROM rows(:ids AS wanted, id bigint) CROSS JOIN message_attempt AS a
WHERE a.project_id = :project AND a.message_id = wanted.id
ORDER BY a.message_id, a.attempt;

-- name: list_provider_ids
-- What a sender's provider calls the messages to a number that were sent since a time.
SELECT a.provider_id FROM message AS m CROSS JOIN message_attempt AS a
WHERE m.project_id = :project AND m.subject_id = :subject_id AND m.claimed_at >= :since
    AND a.project_id = :project AND a.message_id = m.id AND a.sender_id = :sender_id;

-- name: save_attempts
-- Saves what the parts of some attempts came to.
INSERT INTO message_attempt AS a (project_id, sender_id, provider_id, message_id, attempt, state, part_states)
SELECT CAST(:project AS bigint), changed.sender_id, changed.provider_id, changed.message_id, changed.attempt, changed.state,
    changed.part_states
FROM rows(:items AS changed, sender_id bigint, provider_id text, message_id bigint, attempt bigint, state text, part_states text)
WHERE true
ON CONFLICT (project_id, sender_id, provider_id, message_id, attempt) DO UPDATE SET
    state = excluded.state, part_states = excluded.part_states;

-- name: find_reports
-- Reports that came before the provider's ids of their messages, in the order in which they came.
SELECT r.sender_id, r.provider_id, r.id, r.subject_id, r.expires_at, r.report
FROM rows(:provider_ids AS wanted, provider_id text) CROSS JOIN report AS r
WHERE r.project_id = :project AND r.sender_id = :sender_id AND r.provider_id = wanted.provider_id
ORDER BY r.id;

-- name: delete_reports
-- Deletes reports of some messages.
DELETE FROM report
WHERE project_id = :project AND sender_id = :sender_id
    AND provider_id IN (SELECT gone.provider_id FROM rows(:provider_ids AS gone, provider_id text));

-- name: has_expired_report
-- Whether a report waited for too long.
SELECT r.id FROM report AS r WHERE r.project_id = :project AND r.expires_at <= :now LIMIT 1;

-- name: delete_expired_reports
-- Deletes some reports that waited for too long.
DELETE FROM report WHERE project_id = :project AND (sender_id, provider_id, id) IN (
    SELECT r.sender_id, r.provider_id, r.id FROM report AS r
    WHERE r.project_id = :project AND r.expires_at <= :now ORDER BY r.expires_at LIMIT :limit
);

-- name: delete_subject_reports
-- Deletes the reports about a number that wait for their messages.
DELETE FROM report WHERE project_id = :project AND subject_id = :subject_id;

-- name: delete_attempts
-- Deletes what providers call some messages.
DELETE FROM message_attempt
WHERE project_id = :project AND message_id IN (SELECT gone.id FROM rows(:ids AS gone, id bigint));

-- name: insert_reply
-- Inserts what a person wrote back, once.
INSERT INTO reply (project_id, message_id, id, origin_id, at, message_digest, opted_out, text)
VALUES (CAST(:project AS bigint), :message_id, :id, :origin_id, :at, :digest, 0, :text)
ON CONFLICT DO NOTHING;

-- name: mark_reply
-- Notes whether an inbound message, if it is a reply, was an opt-out.
UPDATE reply SET opted_out = :opted_out WHERE project_id = :project AND message_digest = :digest;

-- name: count_opted_out
-- How many people answered a message of a campaign with an opt-out.
SELECT count(DISTINCT r.message_id) FROM reply AS r
WHERE r.project_id = :project AND r.origin_id = :origin_id AND r.origin_id > 0 AND r.opted_out = 1;

-- name: list_opted_out
-- The messages of a campaign after one that were answered with an opt-out, in order.
SELECT DISTINCT r.message_id FROM reply AS r
WHERE r.project_id = :project AND r.origin_id = :origin_id AND r.origin_id > 0 AND r.opted_out = 1 AND r.message_id > :after
ORDER BY r.message_id LIMIT :limit;

-- name: list_replies
-- What people wrote back to some messages, in order.
SELECT r.message_id, r.at, r.text
FROM rows(:ids AS wanted, id bigint) CROSS JOIN reply AS r
WHERE r.project_id = :project AND r.message_id = wanted.id
ORDER BY r.message_id, r.id;

-- name: delete_replies
-- Deletes what people wrote back to some messages.
DELETE FROM reply
WHERE project_id = :project AND message_id IN (SELECT gone.id FROM rows(:ids AS gone, id bigint));

-- name: find_last_sent
-- The last message to a number that was sent, or perhaps was.
SELECT m.id, m.origin_id FROM message AS m
WHERE m.project_id = :project AND m.subject_id = :subject_id AND m.claimed_at > 0
ORDER BY m.id DESC LIMIT 1;

-- name: count_recent_messages
-- How many messages each of some numbers was sent since a time.
SELECT m.subject_id, count(*)
FROM rows(:subject_ids AS wanted, subject_id bigint) CROSS JOIN message AS m
WHERE m.project_id = :project AND m.subject_id = wanted.subject_id AND m.claimed_at >= :since AND m.purpose = :purpose
    AND m.state IN ('sending', 'unknown', 'accepted', 'delivered')
GROUP BY m.subject_id;

-- name: list_messages_of
-- Messages to a number, in order of id.
SELECT m.id, m.sender_id, m.origin_id, m.subject_id, m.key, m.state, m.reason, m.code, m.purpose, m.attempt, m.due_at, m.until,
    m.claim, m.claimed_at, m.settled_at, m.parts, m.text, m.says
FROM message AS m
WHERE m.project_id = :project AND m.subject_id = :subject_id AND m.id > :after
ORDER BY m.id LIMIT :limit;

-- name: list_newest_messages_of
-- Messages to a number before an id, the newest first.
SELECT m.id, m.sender_id, m.origin_id, m.subject_id, m.key, m.state, m.reason, m.code, m.purpose, m.attempt, m.due_at, m.until,
    m.claim, m.claimed_at, m.settled_at, m.parts, m.text, m.says
FROM message AS m
WHERE m.project_id = :project AND m.subject_id = :subject_id AND m.id < :before
ORDER BY m.id DESC LIMIT :limit;

-- name: list_messages
-- Messages in order of id.
SELECT m.id, m.sender_id, m.origin_id, m.subject_id, m.key, m.state, m.reason, m.code, m.purpose, m.attempt, m.due_at, m.until,
    m.claim, m.claimed_at, m.settled_at, m.parts, m.text, m.says
FROM message AS m
WHERE m.project_id = :project AND m.id > :after
ORDER BY m.id LIMIT :limit;

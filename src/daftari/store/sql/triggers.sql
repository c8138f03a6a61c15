-- name: insert_trigger
-- Inserts a trigger.
INSERT INTO trigger (project_id, id, sender_id, state, group_id, event_name, definition, progress, created_at, key_id)
VALUES (CAST(:project AS bigint), :id, :sender_id, :state, :group_id, :event_name, :definition, :progress, :now, CAST(:key_id AS bigint));

-- name: find_triggers
-- Some triggers by their ids, deleted ones too.
SELECT t.id, t.sender_id, t.state, t.group_id, t.event_name, t.definition, t.progress, t.created_at, t.key_id
FROM rows(:ids AS wanted, id bigint) CROSS JOIN trigger AS t
WHERE t.project_id = :project AND t.id = wanted.id;

-- name: list_triggers
-- The triggers that are not deleted, in order of creation.
SELECT t.id, t.sender_id, t.state, t.group_id, t.event_name, t.definition, t.progress, t.created_at, t.key_id
FROM trigger AS t WHERE t.project_id = :project AND t.state <> 'deleted' ORDER BY t.id;

-- name: find_fired_triggers
-- The triggers that are on what happened: a join of a group, or an event of a name.
SELECT t.id, t.sender_id, t.state, t.group_id, t.event_name, t.definition, t.progress, t.created_at, t.key_id
FROM rows(:items AS happened, group_id bigint, event_name text) CROSS JOIN trigger AS t
WHERE t.project_id = :project AND t.group_id = happened.group_id AND t.event_name = happened.event_name AND t.state <> 'deleted'
ORDER BY t.id;

-- name: save_trigger
-- Saves a trigger.
UPDATE trigger SET sender_id = :sender_id, state = :state, definition = :definition, progress = :progress
WHERE project_id = :project AND id = :id;

-- name: find_known_events
-- What is known of events: when the latest of the number, name and key was, and one that is the same.
SELECT wanted.place,
    (SELECT e.at FROM event AS e
     WHERE e.project_id = :project AND e.subject_id = wanted.subject_id AND e.name = wanted.name AND e.key = wanted.key
     ORDER BY e.at DESC LIMIT 1),
    (SELECT e.id FROM event AS e
     WHERE e.project_id = :project AND e.subject_id = wanted.subject_id AND e.name = wanted.name AND e.key = wanted.key
        AND e.given_at = wanted.given_at AND (wanted.given_at <> 0 OR (wanted.key <> '' AND e.received_at > :since))
     LIMIT 1)
FROM rows(:items AS wanted, place bigint, subject_id bigint, name text, key text, given_at bigint);

-- name: find_latest_event_ids
-- The latest events of some numbers, names and keys.
SELECT wanted.place,
    (SELECT e.id FROM event AS e
     WHERE e.project_id = :project AND e.subject_id = wanted.subject_id AND e.name = wanted.name AND e.key = wanted.key
     ORDER BY e.at DESC, e.given_at DESC, e.id DESC LIMIT 1)
FROM rows(:items AS wanted, place bigint, subject_id bigint, name text, key text);

-- name: find_events
-- Some events by their ids.
SELECT e.id, e.subject_id, e.name, e.key, e.at, e.given_at, e.received_at, e.fields, e.is_contact, e.expires_at,
    e.connection_id
FROM rows(:ids AS wanted, id bigint) CROSS JOIN event AS e
WHERE e.project_id = :project AND e.id = wanted.id;

-- name: find_stopping_events
-- Which numbers an event happened to: with the same key whenever it was, else from a time on. An event's own time is
-- never after its receipt.
SELECT wanted.place
FROM rows(:items AS wanted, place bigint, subject_id bigint, name text, key text, since bigint)
WHERE EXISTS (
    SELECT 1 FROM event AS e
    WHERE e.project_id = :project AND e.subject_id = wanted.subject_id AND e.name = wanted.name
        AND ((e.key = wanted.key AND e.key <> '') OR ((e.key = '' OR wanted.key = '') AND e.received_at >= wanted.since))
);

-- name: list_events_of
-- The events of a number after an id, in order.
SELECT e.id, e.subject_id, e.name, e.key, e.at, e.given_at, e.received_at, e.fields, e.is_contact, e.expires_at,
    e.connection_id
FROM event AS e WHERE e.project_id = :project AND e.subject_id = :subject_id AND e.id > :after
ORDER BY e.id LIMIT :limit;

-- name: delete_events_of
-- Deletes the events of a number.
DELETE FROM event WHERE project_id = :project AND subject_id = :subject_id;

-- name: has_expired_event
-- Whether an event is to be looked at.
SELECT e.id FROM event AS e WHERE e.project_id = :project AND e.expires_at <= :now LIMIT 1;

-- name: list_expired_events
-- Events that are to be looked at, the longest first.
SELECT e.id, e.subject_id, e.name, e.key, e.at, e.given_at, e.received_at, e.fields, e.is_contact, e.expires_at,
    e.connection_id
FROM event AS e WHERE e.project_id = :project AND e.expires_at <= :now
ORDER BY e.expires_at, e.id LIMIT :limit;

-- name: find_awaited_numbers
-- The numbers to which a message of a trigger waits or is being sent.
SELECT wanted.subject_id FROM rows(:subject_ids AS wanted, subject_id bigint)
WHERE EXISTS (
    SELECT 1 FROM message AS m
    WHERE m.project_id = :project AND m.subject_id = wanted.subject_id AND m.state IN ('waiting', 'sending')
        AND EXISTS (SELECT 1 FROM trigger AS t WHERE t.project_id = :project AND t.id = m.origin_id)
);

-- name: delete_events
-- Deletes some events.
DELETE FROM event WHERE project_id = :project AND id IN (SELECT gone.id FROM rows(:ids AS gone, id bigint));

-- name: keep_events
-- Looks at some events again later.
UPDATE event SET expires_at = :expires_at
WHERE project_id = :project AND id IN (SELECT kept.id FROM rows(:ids AS kept, id bigint));

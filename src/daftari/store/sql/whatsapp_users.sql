-- name: get_whatsapp_user
-- The number that a WhatsApp person's id stands for.
SELECT u.subject_id FROM whatsapp_user AS u
WHERE u.project_id = :project AND u.token_id = :token AND u.user_id = :user_id;

-- name: list_whatsapp_users
-- The WhatsApp ids that stand for a number, with their tokens.
SELECT u.token_id, u.user_id FROM whatsapp_user AS u
WHERE u.project_id = :project AND u.subject_id = :subject_id ORDER BY u.token_id, u.user_id;

-- name: save_whatsapp_user
-- Inserts or replaces the number that a WhatsApp person's id stands for.
INSERT INTO whatsapp_user (project_id, token_id, user_id, subject_id)
VALUES (CAST(:project AS bigint), :token, :user_id, :subject_id)
ON CONFLICT (project_id, token_id, user_id) DO UPDATE SET subject_id = excluded.subject_id;

-- name: delete_whatsapp_users
-- Deletes the WhatsApp ids of a number.
DELETE FROM whatsapp_user WHERE project_id = :project AND subject_id = :subject_id;

-- name: insert_held_event
-- Holds what a WhatsApp person without a known number said, once for each message digest.
INSERT INTO held_event (project_id, id, token_id, user_id, received_at, receipt, message_digest, event)
VALUES (CAST(:project AS bigint), :id, :token, :user_id, :received_at, :receipt, :message_digest, :event)
ON CONFLICT (project_id, message_digest) DO NOTHING;

-- name: find_held_events
-- What a WhatsApp person said, in the order of arrival.
SELECT h.id, h.received_at, h.receipt, h.message_digest, h.event FROM held_event AS h
WHERE h.project_id = :project AND h.token_id = :token AND h.user_id = :user_id ORDER BY h.id;

-- name: list_held_events
-- Held events after an id, in the order of arrival.
SELECT h.id, h.received_at, h.receipt, h.message_digest, h.event FROM held_event AS h
WHERE h.project_id = :project AND h.id > :after ORDER BY h.id LIMIT :limit;

-- name: update_held_event
-- Replaces what was said.
UPDATE held_event SET event = :event WHERE project_id = :project AND id = :id;

-- name: delete_held_event
-- Deletes a held event by its message digest.
DELETE FROM held_event WHERE project_id = :project AND message_digest = :message_digest;

-- name: name_user_reviews
-- Notes whose the reviews of a WhatsApp person are.
UPDATE review SET subject_id = :subject_id
WHERE project_id = :project AND token_id = :token AND user_id = :user_id AND user_id <> '' AND subject_id = 0;

-- name: settle_held_review
-- Settles the open review of a message whose sender became known.
UPDATE review SET settled_at = :now, settled_as = :settled_as
WHERE project_id = :project AND message_digest = :message_digest AND settled_at IS NULL;

-- name: insert_erasure
-- Inserts an erasure, after which journal and feed up to now may still name the contact.
INSERT INTO erasure (project_id, id, subject_id, at, contact_id, next_seq, last_seq, next_change, last_change, removed)
VALUES (CAST(:project AS bigint), :id, :subject_id, :now, :contact, 1, :last_seq, 1, :last_change, :removed);

-- name: get_last_erasure
-- The id of the last erasure.
SELECT e.id FROM erasure AS e WHERE e.project_id = :project ORDER BY e.id DESC LIMIT 1;

-- name: list_erased_subjects
-- The subjects that were erased after an erasure.
SELECT e.subject_id FROM erasure AS e WHERE e.project_id = :project AND e.id > :after ORDER BY e.id;

-- name: find_open_erasure
-- An erasure after which journal, feed or imports may still name the contact.
SELECT e.id, e.contact_id, e.next_seq, e.last_seq, e.next_change, e.last_change, e.next_import, e.next_chunk
FROM erasure AS e
WHERE e.project_id = :project AND e.contact_id IS NOT NULL
ORDER BY e.id LIMIT 1;

-- name: advance_erasure
-- Saves how far journal, feed and imports are cleared.
UPDATE erasure SET next_seq = :next_seq, next_change = :next_change, next_import = :import_id, next_chunk = :chunk
WHERE project_id = :project AND id = :id;

-- name: close_erasure
-- Ends an erasure: nothing names the contact, and its id goes too.
UPDATE erasure SET next_seq = last_seq + 1, contact_id = NULL WHERE project_id = :project AND id = :id;

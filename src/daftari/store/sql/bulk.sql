-- name: insert_bulk
-- Inserts a job on many contacts.
INSERT INTO bulk (project_id, id, created_at, expires_at, state, user_id, settings, progress)
VALUES (:project, :id, :now, :until, :state, :user, :settings, :progress);

-- name: get_bulk
-- One job.
SELECT b.id, b.created_at, b.expires_at, b.state, b.user_id, b.settings, b.progress FROM bulk AS b
WHERE b.project_id = :project AND b.id = :id;

-- name: list_bulks
-- The newest jobs before an id.
SELECT b.id, b.created_at, b.expires_at, b.state, b.user_id, b.settings, b.progress FROM bulk AS b
WHERE b.project_id = :project AND b.id < :before
ORDER BY b.id DESC LIMIT :limit;

-- name: list_open_bulks
-- The jobs that have work, the oldest first.
SELECT b.id FROM bulk AS b
WHERE b.project_id = :project AND b.state IN ('running', 'undoing')
ORDER BY b.id LIMIT :limit;

-- name: save_bulk
-- Saves a job.
UPDATE bulk SET state = :state, user_id = :user, expires_at = :until, settings = :settings, progress = :progress
WHERE project_id = :project AND id = :id;

-- name: get_next_bulk_part
-- The first part that is not done yet.
SELECT p.number, p.ids, p.seq FROM bulk_part AS p
WHERE p.project_id = :project AND p.bulk_id = :id AND p.seq IS NULL
ORDER BY p.number LIMIT 1;

-- name: get_last_bulk_part
-- The last part that is done, before one.
SELECT p.number, p.ids, p.seq FROM bulk_part AS p
WHERE p.project_id = :project AND p.bulk_id = :id AND p.number < :before AND p.seq IS NOT NULL
ORDER BY p.number DESC LIMIT 1;

-- name: list_bulk_parts_with
-- Parts that are not done yet and may hold a contact.
SELECT p.bulk_id, p.number, p.ids FROM bulk_part AS p
WHERE p.project_id = :project AND p.seq IS NULL AND p.first_id <= :contact AND p.last_id >= :contact;

-- name: save_bulk_part
-- Saves the ids of a part, and the act that changed them.
UPDATE bulk_part SET ids = :ids, seq = :seq WHERE project_id = :project AND bulk_id = :id AND number = :number;

-- name: find_expired_bulk
-- A job that has expired.
SELECT b.id FROM bulk AS b WHERE b.project_id = :project AND b.expires_at <= :now
ORDER BY b.expires_at LIMIT 1;

-- name: delete_bulk_parts
-- Deletes the parts of a job.
DELETE FROM bulk_part WHERE project_id = :project AND bulk_id = :id;

-- name: delete_bulk
-- Deletes a job that has no parts.
DELETE FROM bulk WHERE project_id = :project AND id = :id;

-- name: list_book_ids
-- The first contacts, in order of id.
SELECT c.id FROM contact AS c WHERE c.project_id = :project ORDER BY c.id LIMIT :limit;

-- name: insert_import
-- Inserts an import whose file is still arriving.
INSERT INTO import (project_id, id, created_at, expires_at, state, phase, key_id, user_id, request_id, erasure_id, clearing, settings,
    progress, connection_id)
VALUES (CAST(:project AS bigint), :id, :now, :until, :state, :phase, :key, :user, :request, :erasure, 0, :settings, :progress,
    :connection);

-- name: get_import
-- One import.
SELECT i.id, i.created_at, i.expires_at, i.state, i.phase, i.key_id, i.user_id, i.erasure_id, i.clearing, i.settings, i.progress
FROM import AS i WHERE i.project_id = :project AND i.id = :id;

-- name: list_imports
-- Imports before an id, the newest first, without those whose file is still arriving.
SELECT i.id, i.created_at, i.expires_at, i.state, i.phase, i.key_id, i.user_id, i.erasure_id, i.clearing, i.settings, i.progress
FROM import AS i WHERE i.project_id = :project AND i.id < :before AND i.state <> 'receiving'
ORDER BY i.id DESC LIMIT :limit;

-- name: list_connection_imports
-- Imports of a connection before an id, the newest first.
SELECT i.id, i.created_at, i.expires_at, i.state, i.phase, i.key_id, i.user_id, i.erasure_id, i.clearing, i.settings, i.progress
FROM import AS i WHERE i.project_id = :project AND i.connection_id = :connection AND i.id < :before
ORDER BY i.id DESC LIMIT :limit;

-- name: find_open_import
-- The first import that a worker has to run.
SELECT i.id FROM import AS i
WHERE i.project_id = :project AND i.state IN ('queued', 'running') ORDER BY i.id LIMIT 1;

-- name: find_import_after
-- The first import after an id.
SELECT i.id FROM import AS i WHERE i.project_id = :project AND i.id > :id ORDER BY i.id LIMIT 1;

-- name: list_waiting_imports
-- Paused imports, and plans that are done: their files wait for a decision.
SELECT i.id FROM import AS i
WHERE i.project_id = :project AND ((i.state = 'paused' AND i.phase <> 'undo') OR (i.state = 'done' AND i.phase = 'plan')) ORDER BY i.id;

-- name: count_imports_with_files
-- The number of imports that hold a file, up to a limit.
SELECT COUNT(*) FROM (
    SELECT i.id FROM import AS i
    WHERE i.project_id = :project AND i.clearing = 0 AND (i.state = 'receiving' OR EXISTS (
        SELECT 1 FROM file_part AS p WHERE p.project_id = :project AND p.file_id = i.id
    )) ORDER BY i.id LIMIT :limit
) AS held;

-- name: find_clearing_import
-- An import whose file has to be deleted.
SELECT i.id FROM import AS i WHERE i.project_id = :project AND i.clearing = 1 ORDER BY i.id LIMIT 1;

-- name: find_expired_import
-- An import that has expired.
SELECT i.id FROM import AS i
WHERE i.project_id = :project AND i.expires_at <= :now ORDER BY i.expires_at LIMIT 1;

-- name: save_import
-- Saves the state and progress of an import.
UPDATE import SET state = :state, phase = :phase, expires_at = :until, clearing = :clearing, settings = :settings, progress = :progress
WHERE project_id = :project AND id = :id;

-- name: save_import_author
-- Saves who asked for the work of an import that begins.
UPDATE import SET key_id = CAST(:key AS bigint), user_id = CAST(:user AS bigint) WHERE project_id = :project AND id = :id;

-- name: delete_import
-- Deletes an import that has no rows in other tables.
DELETE FROM import WHERE project_id = :project AND id = :id;

-- name: save_import_chunks
-- Inserts the outcomes of a chunk, or replaces those of its plan.
INSERT INTO import_chunk AS c (project_id, import_id, chunk, at, phase, outcomes, ids, plan_digests, first_fact, last_fact, first_row)
VALUES (CAST(:project AS bigint), :id, :chunk, :now, :phase, :outcomes, :contacts, :plan_digests, :first_fact, :last_fact, :first)
ON CONFLICT (project_id, import_id, chunk) DO UPDATE SET
    at = excluded.at, phase = excluded.phase, outcomes = excluded.outcomes, ids = excluded.ids, plan_digests = excluded.plan_digests,
    first_fact = excluded.first_fact, last_fact = excluded.last_fact;

-- name: list_import_chunks
-- Chunks of an import from one on, in order.
SELECT c.chunk, c.at, c.phase, c.outcomes, c.ids, c.plan_digests, c.first_fact, c.last_fact, c.first_row FROM import_chunk AS c
WHERE c.project_id = :project AND c.import_id = :id AND c.chunk >= :first ORDER BY c.chunk LIMIT :limit;

-- name: list_import_rows
-- The outcomes and contact ids of chunks, from the one with a given first row on.
SELECT c.first_row, c.outcomes, c.ids FROM import_chunk AS c
WHERE c.project_id = :project AND c.import_id = :id AND c.first_row >= :first ORDER BY c.first_row LIMIT :limit;

-- name: update_chunk_ids
-- Replaces the contact ids of a chunk.
UPDATE import_chunk SET ids = :contacts WHERE project_id = :project AND import_id = :id AND chunk = :chunk;

-- name: finish_import_chunk
-- Marks a chunk as undone.
UPDATE import_chunk SET phase = 'undo' WHERE project_id = :project AND import_id = :id AND chunk = :chunk;

-- name: delete_import_chunk
-- Deletes a chunk.
DELETE FROM import_chunk WHERE project_id = :project AND import_id = :id AND chunk = :chunk;

-- name: list_import_joins
-- The contacts that joined groups by a chunk.
SELECT j.group_id, j.contacts FROM import_join AS j
WHERE j.project_id = :project AND j.import_id = :id AND j.chunk = :chunk;

-- name: update_import_join
-- Replaces the contacts that joined a group by a chunk.
UPDATE import_join SET contacts = :contacts
WHERE project_id = :project AND import_id = :id AND chunk = :chunk AND group_id = :group;

-- name: delete_import_joins
-- Deletes what a chunk keeps of groups.
DELETE FROM import_join WHERE project_id = :project AND import_id = :id AND chunk = :chunk;

-- name: save_import_changes
-- Keeps cards as they were before an import, and when the import changed the contact last. The first card stays.
INSERT INTO import_change AS c (project_id, contact_id, import_id, at, card)
SELECT CAST(:project AS bigint), changed.id, CAST(:id AS bigint), CAST(:now AS bigint), changed.card
FROM rows(:items AS changed, id bigint, card text)
WHERE true
ON CONFLICT (project_id, contact_id, import_id) DO UPDATE SET at = excluded.at;

-- name: find_import_changes
-- The cards of some contacts before an import, and when it changed them last.
SELECT c.contact_id, c.at, c.card
FROM rows(:ids AS wanted, id bigint) CROSS JOIN import_change AS c
WHERE c.project_id = :project AND c.contact_id = wanted.id AND c.import_id = :id;

-- name: delete_import_changes
-- Deletes the cards of some contacts before an import.
DELETE FROM import_change
WHERE project_id = :project AND import_id = :id AND contact_id IN (SELECT gone.id FROM rows(:ids AS gone, id bigint));

-- name: delete_some_import_changes
-- Deletes some of the cards from before an import.
DELETE FROM import_change
WHERE project_id = :project AND import_id = :id AND contact_id IN (
    SELECT c.contact_id FROM import_change AS c
    WHERE c.project_id = :project AND c.import_id = :id ORDER BY c.contact_id LIMIT :limit
);

-- name: delete_contact_changes
-- Deletes a contact's cards from before all imports.
DELETE FROM import_change WHERE project_id = :project AND contact_id = :contact;

-- name: delete_changes_by_card
-- Deletes cards from before imports that hold a pattern, whichever contact they belong to.
DELETE FROM import_change WHERE project_id = :project AND card LIKE :pattern;

-- name: delete_import_rejects
-- Deletes the rejects of an import from one record to another.
DELETE FROM import_reject
WHERE project_id = :project AND import_id = :id AND number >= :first AND number <= :last;

-- name: list_import_rejects
-- Rejects and warnings of an import from one record on, in order.
SELECT r.number, r.reason, r.cell, r.record, r.digits, r.taken FROM import_reject AS r
WHERE r.project_id = :project AND r.import_id = :id AND r.number >= :first ORDER BY r.number LIMIT :limit;

-- name: find_rejects_by_digits
-- Rejects of all imports whose digits hold a pattern.
SELECT r.import_id, r.number FROM import_reject AS r WHERE r.project_id = :project AND r.digits LIKE :pattern;

-- name: erase_import_reject
-- Clears a reject of what it holds, the reason included, which quotes it; it stays counted.
UPDATE import_reject SET reason = :reason, cell = '', record = 'null', digits = '' WHERE project_id = :project AND import_id = :id AND number = :number;

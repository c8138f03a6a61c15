-- name: insert_import
-- A new import, whose file is still arriving.
INSERT INTO import (project_id, id, created_at, expires_at, state, phase, key_id, request_id, erasure_id, clearing, settings, progress)
VALUES (CAST(:project AS bigint), :id, :now, :until, :state, :phase, :key, :request, :erasure, 0, :settings, :progress);

-- name: get_import
-- One import.
SELECT i.id, i.created_at, i.expires_at, i.state, i.phase, i.key_id, i.erasure_id, i.clearing, i.settings, i.progress
FROM import AS i WHERE i.project_id = :project AND i.id = :id;

-- name: list_imports
-- Imports, the newest first, from the one before a given one on; those whose file is still arriving are left out.
SELECT i.id, i.created_at, i.expires_at, i.state, i.phase, i.key_id, i.erasure_id, i.clearing, i.settings, i.progress
FROM import AS i WHERE i.project_id = :project AND i.id < :before AND i.state <> 'receiving'
ORDER BY i.id DESC LIMIT :limit;

-- name: find_open_import
-- The first import that is to be worked on.
SELECT i.id FROM import AS i
WHERE i.project_id = :project AND i.state IN ('queued', 'running') ORDER BY i.id LIMIT 1;

-- name: find_import_after
-- The import that was made after another one.
SELECT i.id FROM import AS i WHERE i.project_id = :project AND i.id > :id ORDER BY i.id LIMIT 1;

-- name: list_waiting_imports
-- Imports whose files wait for somebody's word.
SELECT i.id FROM import AS i
WHERE i.project_id = :project AND ((i.state = 'paused' AND i.phase <> 'undo') OR (i.state = 'done' AND i.phase = 'plan')) ORDER BY i.id;

-- name: count_imports_with_files
-- How many imports hold a file that is still arriving or wanted, up to a limit.
SELECT COUNT(*) FROM (
    SELECT i.id FROM import AS i
    WHERE i.project_id = :project AND i.clearing = 0 AND (i.state = 'receiving' OR EXISTS (
        SELECT 1 FROM file_part AS p WHERE p.project_id = :project AND p.file_id = i.id
    )) ORDER BY i.id LIMIT :limit
) AS held;

-- name: find_clearing_import
-- An import whose file nobody needs any more.
SELECT i.id FROM import AS i WHERE i.project_id = :project AND i.clearing = 1 ORDER BY i.id LIMIT 1;

-- name: find_expired_import
-- An import whose time is over.
SELECT i.id FROM import AS i
WHERE i.project_id = :project AND i.expires_at <= :now ORDER BY i.expires_at LIMIT 1;

-- name: save_import
-- How far an import is.
UPDATE import SET state = :state, phase = :phase, expires_at = :until, clearing = :clearing, settings = :settings, progress = :progress
WHERE project_id = :project AND id = :id;

-- name: delete_import
-- An import of which nothing else is left.
DELETE FROM import WHERE project_id = :project AND id = :id;

-- name: save_import_chunks
-- What became of some thousands of records.
INSERT INTO import_chunk AS c (project_id, import_id, chunk, at, phase, outcomes, ids, plan_digests, first_fact, last_fact, first_row)
VALUES (CAST(:project AS bigint), :id, :chunk, :now, :phase, :outcomes, :contacts, :plan_digests, :first_fact, :last_fact, :first)
ON CONFLICT (project_id, import_id, chunk) DO UPDATE SET
    at = excluded.at, phase = excluded.phase, outcomes = excluded.outcomes, ids = excluded.ids, plan_digests = excluded.plan_digests,
    first_fact = excluded.first_fact, last_fact = excluded.last_fact;

-- name: list_import_chunks
-- Some chunks of an import in their order.
SELECT c.chunk, c.at, c.phase, c.outcomes, c.ids, c.plan_digests, c.first_fact, c.last_fact, c.first_row FROM import_chunk AS c
WHERE c.project_id = :project AND c.import_id = :id AND c.chunk >= :first ORDER BY c.chunk LIMIT :limit;

-- name: list_import_rows
-- The outcomes and contacts of some chunks whose first row is not before a given one, in their order.
SELECT c.first_row, c.outcomes, c.ids FROM import_chunk AS c
WHERE c.project_id = :project AND c.import_id = :id AND c.first_row >= :first ORDER BY c.first_row LIMIT :limit;

-- name: update_chunk_ids
-- A chunk without the id of somebody who was erased.
UPDATE import_chunk SET ids = :contacts WHERE project_id = :project AND import_id = :id AND chunk = :chunk;

-- name: finish_import_chunk
-- A chunk was undone.
UPDATE import_chunk SET phase = 'undo' WHERE project_id = :project AND import_id = :id AND chunk = :chunk;

-- name: delete_import_chunk
-- A chunk of an import whose time is over.
DELETE FROM import_chunk WHERE project_id = :project AND import_id = :id AND chunk = :chunk;

-- name: list_import_joins
-- Who joined which group by a chunk.
SELECT j.group_id, j.contacts FROM import_join AS j
WHERE j.project_id = :project AND j.import_id = :id AND j.chunk = :chunk;

-- name: update_import_join
-- Who joined a group by a chunk, without somebody who was erased.
UPDATE import_join SET contacts = :contacts
WHERE project_id = :project AND import_id = :id AND chunk = :chunk AND group_id = :group;

-- name: delete_import_joins
-- What a chunk knows of groups.
DELETE FROM import_join WHERE project_id = :project AND import_id = :id AND chunk = :chunk;

-- name: save_import_changes
-- Cards before an import changed them; the first one of an import stays, and when it changed the contact last.
INSERT INTO import_change AS c (project_id, contact_id, import_id, at, card)
SELECT CAST(:project AS bigint), changed.id, CAST(:id AS bigint), CAST(:now AS bigint), changed.card
FROM rows(:items AS changed, id bigint, card text)
WHERE true
ON CONFLICT (project_id, contact_id, import_id) DO UPDATE SET at = excluded.at;

-- name: find_import_changes
-- What some contacts were before an import changed them.
SELECT c.contact_id, c.at, c.card
FROM rows(:ids AS wanted, id bigint) CROSS JOIN import_change AS c
WHERE c.project_id = :project AND c.contact_id = wanted.id AND c.import_id = :id;

-- name: delete_import_changes
-- Nobody needs to know any more what some contacts were before an import.
DELETE FROM import_change
WHERE project_id = :project AND import_id = :id AND contact_id IN (SELECT gone.id FROM rows(:ids AS gone, id bigint));

-- name: delete_some_import_changes
-- Nobody needs to know any more what an import has changed.
DELETE FROM import_change
WHERE project_id = :project AND import_id = :id AND contact_id IN (
    SELECT c.contact_id FROM import_change AS c
    WHERE c.project_id = :project AND c.import_id = :id ORDER BY c.contact_id LIMIT :limit
);

-- name: delete_contact_changes
-- What somebody who is erased was before imports.
DELETE FROM import_change WHERE project_id = :project AND contact_id = :contact;

-- name: delete_changes_by_card
-- What somebody who is erased was before imports, under whatever id.
DELETE FROM import_change WHERE project_id = :project AND card LIKE :pattern;

-- name: delete_import_rejects
-- Records that an import could not take, from one to another.
DELETE FROM import_reject
WHERE project_id = :project AND import_id = :id AND number >= :first AND number <= :last;

-- name: list_import_rejects
-- Some records that an import could not take, in their order.
SELECT r.number, r.reason, r.record FROM import_reject AS r
WHERE r.project_id = :project AND r.import_id = :id AND r.number >= :first ORDER BY r.number LIMIT :limit;

-- name: find_rejects_by_digits
-- Records that imports could not take and that hold somebody's digits.
SELECT r.import_id, r.number FROM import_reject AS r WHERE r.project_id = :project AND r.digits LIKE :pattern;

-- name: erase_import_reject
-- A record that an import could not take, without what it said.
UPDATE import_reject SET record = 'null', digits = '' WHERE project_id = :project AND import_id = :id AND number = :number;

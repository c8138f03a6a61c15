-- name: insert_sender
-- Inserts a sender.
INSERT INTO sender (project_id, id, channel, name, folded, definition, credentials, paused, fence, meter, created_at)
VALUES (CAST(:project AS bigint), :id, :channel, :name, :folded, :definition, :credentials, '', 0, :meter, :now);

-- name: get_sender
-- One sender, a deleted one too.
SELECT s.id, s.channel, s.name, s.definition, s.credentials, s.paused, s.fence, s.meter, s.created_at, s.deleted_at
FROM sender AS s WHERE s.project_id = :project AND s.id = :id;

-- name: list_senders
-- The senders that are not deleted, in order of creation.
SELECT s.id, s.channel, s.name, s.definition, s.credentials, s.paused, s.fence, s.meter, s.created_at, s.deleted_at
FROM sender AS s WHERE s.project_id = :project AND s.deleted_at IS NULL ORDER BY s.id;

-- name: update_sender
-- Saves a sender as people set it.
UPDATE sender SET name = :name, folded = :folded, definition = :definition, credentials = :credentials,
    paused = :paused, deleted_at = :deleted_at
WHERE project_id = :project AND id = :id;

-- name: save_meter
-- Saves what a sender sent lately, and why it pauses.
UPDATE sender SET meter = :meter, paused = :paused WHERE project_id = :project AND id = :id;

-- name: raise_fence
-- Takes a sender over from the worker that has it.
UPDATE sender SET fence = fence + 1, meter = :meter WHERE project_id = :project AND id = :id;

-- name: get_fence
-- The fence of a sender.
SELECT s.fence FROM sender AS s WHERE s.project_id = :project AND s.id = :id;

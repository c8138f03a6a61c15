-- name: list_journal
-- Journal rows from one number to another, in order.
SELECT j.seq, j.at, j.key_id, j.user_id, j.request_id, j.action, j.group_id, j.contacts, j.first_fact, j.last_fact, j.left_groups,
    j.detail
FROM journal AS j
WHERE j.project_id = :project AND j.seq >= :first AND j.seq <= :last
ORDER BY j.seq LIMIT :limit;

-- name: list_newest_journal
-- Journal rows between two numbers, the newest first.
SELECT j.seq, j.at, j.key_id, j.user_id, j.request_id, j.action, j.group_id, j.contacts, j.first_fact, j.last_fact, j.left_groups,
    j.detail
FROM journal AS j
WHERE j.project_id = :project AND j.seq > :after AND j.seq < :before
ORDER BY j.seq DESC LIMIT :limit;

-- name: update_journal
-- Replaces the contacts that a journal row names.
UPDATE journal SET contacts = :contacts, left_groups = :left_groups WHERE project_id = :project AND seq = :seq;

-- name: list_removals
-- When and why contacts with a number were removed by deletes that are no opt-outs.
SELECT r.at, r.reason FROM removal AS r WHERE r.project_id = :project AND r.mobile = :mobile ORDER BY r.seq;

-- name: list_removed
-- The numbers of a delete that is no opt-out, by its journal row.
SELECT r.mobile FROM removal AS r WHERE r.project_id = :project AND r.seq = :seq ORDER BY r.mobile;

-- name: list_removal_seqs
-- The journal rows of deletes of a number that are no opt-outs.
SELECT r.seq FROM removal AS r WHERE r.project_id = :project AND r.mobile = :mobile;

-- name: delete_removals
-- Deletes the removals of a number.
DELETE FROM removal WHERE project_id = :project AND mobile = :mobile;

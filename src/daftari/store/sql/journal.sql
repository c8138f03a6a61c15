-- name: list_removals
-- When and why contacts with a number were removed, by deletes that are no opt-outs.
SELECT r.at, r.reason FROM removal AS r WHERE r.project_id = :project AND r.mobile = :mobile ORDER BY r.seq;

-- name: delete_removals
-- What is kept of the removals of a number.
DELETE FROM removal WHERE project_id = :project AND mobile = :mobile;

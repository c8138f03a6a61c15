-- name: lock_system
-- The counter of house ids; the whole file is locked already.
SELECT next_id FROM system WHERE id = 1;

-- name: lock_system
-- The counter of system ids. The whole file is locked already.
SELECT next_id FROM system WHERE id = 1;

-- name: lock_system
-- The counter of system ids, under the lock of system writes.
SELECT next_id FROM system WHERE id = 1 FOR UPDATE;

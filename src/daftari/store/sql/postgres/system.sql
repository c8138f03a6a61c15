-- name: lock_system
-- The counter of house ids, under the lock of house writes.
SELECT next_id FROM system WHERE id = 1 FOR UPDATE;

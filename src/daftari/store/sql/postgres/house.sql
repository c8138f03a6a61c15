-- name: lock_house
-- The counter of house ids, under the lock of house writes.
SELECT next_id FROM house WHERE id = 1 FOR UPDATE;

-- name: find_waiting
-- A connection to this database that waits for a lock.
SELECT a.pid FROM pg_stat_activity AS a
WHERE a.datname = current_database() AND a.wait_event_type = 'Lock' AND a.pid <> pg_backend_pid() LIMIT 1;

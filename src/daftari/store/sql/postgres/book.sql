-- name: lock_book
-- The counters, under the project's write lock. FOR UPDATE would block inserts that refer to the row.
SELECT next_id, next_group_id, next_seq, next_fact, next_item, next_change, join_triggers, write_backs, closed FROM book WHERE project_id = :project FOR NO KEY UPDATE;

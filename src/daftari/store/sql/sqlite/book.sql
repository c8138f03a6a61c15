-- name: lock_book
-- The counters. The whole file is locked already.
SELECT next_id, next_group_id, next_seq, next_fact, next_item, next_change, join_triggers, write_backs, closed FROM book WHERE project_id = :project;

-- name: save_book
-- The counters after a write.
UPDATE book SET next_id = :next_id, next_group_id = :next_group_id, next_seq = :next_seq,
    next_fact = :next_fact, next_item = :next_item
WHERE project_id = :project;

-- name: close_book
-- No write enters any more: the project was deleted.
UPDATE book SET closed = 1 WHERE project_id = :project;

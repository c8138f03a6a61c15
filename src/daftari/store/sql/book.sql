-- name: save_book
-- Saves the counters after a write.
UPDATE book SET next_id = :next_id, next_group_id = :next_group_id, next_seq = :next_seq,
    next_fact = :next_fact, next_item = :next_item
WHERE project_id = :project;

-- name: close_book
-- Closes the book of a deleted project to all writes.
UPDATE book SET closed = 1 WHERE project_id = :project;

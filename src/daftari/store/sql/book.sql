-- name: save_book
-- Saves the counters after a write.
UPDATE book SET next_id = :next_id, next_group_id = :next_group_id, next_seq = :next_seq,
    next_fact = :next_fact, next_item = :next_item, next_change = :next_change, join_triggers = :join_triggers,
    write_backs = :write_backs
WHERE project_id = :project;

-- name: insert_book
-- Inserts the counters of a new project, unless it has some.
INSERT INTO book (project_id, next_id, next_group_id, next_seq, next_fact, next_item, next_change, join_triggers, write_backs,
    oldest_seq, closed)
VALUES (:project, :first_id, 1, 1, 1, 1, 1, 0, 0, 1, 0) ON CONFLICT (project_id) DO NOTHING;

-- name: close_book
-- Closes the book of a deleted project to all writes.
UPDATE book SET closed = 1 WHERE project_id = :project AND closed = 0;

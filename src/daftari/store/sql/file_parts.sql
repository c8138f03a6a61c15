-- name: list_file_parts
-- Parts of a file from one on, in order.
SELECT f.bytes FROM file_part AS f
WHERE f.project_id = :project AND f.file_id = :id AND f.part >= :first
ORDER BY f.part LIMIT :limit;

-- name: delete_file_parts
-- Deletes the first parts of a file.
DELETE FROM file_part
WHERE project_id = :project AND file_id = :id AND part IN (
    SELECT f.part FROM file_part AS f WHERE f.project_id = :project AND f.file_id = :id ORDER BY f.part LIMIT :limit
);

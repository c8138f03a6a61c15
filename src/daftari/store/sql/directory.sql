-- name: count_list
-- The exact total of a list.
SELECT CAST(COALESCE(SUM(members), 0) AS bigint) FROM directory
WHERE project_id = :project AND list = :list AND level = 3;

-- name: list_blocks
-- The number of members in each of some blocks of a list, in order of id.
SELECT block, members FROM directory
WHERE project_id = :project AND list = :list AND level = :level AND block >= :first AND block <= :last
ORDER BY block;

-- name: change_directory
-- Adds members to blocks, or takes them off.
INSERT INTO directory AS d (project_id, list, level, block, members)
SELECT CAST(:project AS bigint), change.list, change.level, change.block, change.members
FROM rows(:items AS change, list bigint, level bigint, block bigint, members bigint)
WHERE true
ON CONFLICT (project_id, list, level, block) DO UPDATE SET members = d.members + excluded.members;

-- name: delete_list
-- Deletes a list from the directory.
DELETE FROM directory WHERE project_id = :project AND list = :list;

-- name: clear_directory
-- Deletes those of some blocks that have no members left.
DELETE FROM directory
WHERE project_id = :project AND members = 0 AND (list, level, block) IN (
    SELECT gone.list, gone.level, gone.block FROM rows(:items AS gone, list bigint, level bigint, block bigint)
);

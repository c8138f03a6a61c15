-- name: count_list
-- The exact total of a list.
SELECT CAST(COALESCE(SUM(members), 0) AS bigint) FROM directory
WHERE project_id = :project AND list = :list AND level = 3;

-- name: list_blocks
-- How many members each of some blocks of a list has, in order of id.
SELECT block, members FROM directory
WHERE project_id = :project AND list = :list AND level = :level AND block >= :first AND block <= :last
ORDER BY block;

-- name: change_directory
-- So many members more or fewer in each block.
INSERT INTO directory AS d (project_id, list, level, block, members)
SELECT CAST(:project AS bigint), change.list, change.level, change.block, change.members
FROM rows(:items AS change, list bigint, level bigint, block bigint, members bigint)
WHERE true
ON CONFLICT (project_id, list, level, block) DO UPDATE SET members = d.members + excluded.members;

-- name: delete_list
-- A list that is no more.
DELETE FROM directory WHERE project_id = :project AND list = :list;
-- name: clear_directory
-- Blocks that reached 0 go.
DELETE FROM directory
WHERE project_id = :project AND members = 0 AND (list, level, block) IN (
    SELECT gone.list, gone.level, gone.block FROM rows(:items AS gone, list bigint, level bigint, block bigint)
);

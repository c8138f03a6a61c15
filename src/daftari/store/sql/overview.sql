-- name: get_overview
-- How many contacts there are and how many reviews are not settled, up to a limit, with the first job that has work.
SELECT (
    SELECT CAST(COALESCE(SUM(d.members), 0) AS bigint) FROM directory AS d
    WHERE d.project_id = :project AND d.list = :list AND d.level = 3
), (
    SELECT COUNT(*) FROM (
        SELECT r.id FROM review AS r
        WHERE r.project_id = :project AND r.id > 0 AND r.settled_at IS NULL
        ORDER BY r.id LIMIT :limit
    ) AS k
), b.id, b.created_at, b.expires_at, b.state, b.user_id, b.settings, b.progress
FROM (SELECT 1 AS one) AS o
LEFT JOIN bulk AS b ON b.project_id = :project AND b.id = (
    SELECT j.id FROM bulk AS j
    WHERE j.project_id = :project AND j.id > 0 AND j.state IN ('running', 'undoing')
    ORDER BY j.id LIMIT 1
);

-- name: find_known_numbers
-- Those of some numbers that the project knows, by their contacts, facts, removals and messages before some ids.
SELECT c.mobile
FROM rows(:items AS wanted, mobile bigint, erased_id bigint) CROSS JOIN contact AS c
WHERE c.project_id = :project AND c.mobile = wanted.mobile AND c.id < :contact
UNION ALL
SELECT wanted.mobile
FROM rows(:items AS wanted, mobile bigint, erased_id bigint) CROSS JOIN fact AS f
WHERE f.project_id = :project AND f.subject_id = wanted.mobile AND f.id < :fact
UNION ALL
SELECT wanted.mobile
FROM rows(:items AS wanted, mobile bigint, erased_id bigint) CROSS JOIN fact AS f
WHERE f.project_id = :project AND f.subject_id = wanted.erased_id AND f.id < :fact
UNION ALL
SELECT r.mobile
FROM rows(:items AS wanted, mobile bigint, erased_id bigint) CROSS JOIN removal AS r
WHERE r.project_id = :project AND r.mobile = wanted.mobile AND r.seq < :seq
UNION ALL
SELECT wanted.mobile
FROM rows(:items AS wanted, mobile bigint, erased_id bigint) CROSS JOIN review AS v
WHERE v.project_id = :project AND v.subject_id = wanted.mobile AND v.id < :item;

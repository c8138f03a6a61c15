-- name: check_book
-- The counters, and the largest id that each must exceed.
SELECT b.next_id, b.next_group_id, b.next_seq, b.next_fact, b.next_change, b.oldest_seq, b.closed,
    (SELECT COALESCE(MAX(c.id), 0) FROM contact AS c WHERE c.project_id = :project),
    (SELECT COALESCE(MAX(g.id), 0) FROM contact_group AS g WHERE g.project_id = :project),
    (SELECT COALESCE(MAX(f.id), 0) FROM fact AS f WHERE f.project_id = :project)
FROM book AS b WHERE b.project_id = :project;

-- name: check_journal
-- The first and last number of the journal, and its number of rows.
SELECT COALESCE(MIN(j.seq), 0), COALESCE(MAX(j.seq), 0), COUNT(*) FROM journal AS j WHERE j.project_id = :project;

-- name: check_feed
-- The first and last number of the feed, and its number of rows.
SELECT COALESCE(MIN(ch.seq), 0), COALESCE(MAX(ch.seq), 0), COUNT(*) FROM change AS ch WHERE ch.project_id = :project;

-- name: check_duplicates
-- Numbers that more than one contact has.
SELECT c.mobile FROM contact AS c WHERE c.project_id = :project
GROUP BY c.mobile HAVING COUNT(*) > 1 ORDER BY c.mobile LIMIT 100;

-- name: check_rows
-- Contacts after an id, in order.
SELECT c.id, c.mobile, c.card, c.consent_status FROM contact AS c
WHERE c.project_id = :project AND c.id > :after ORDER BY c.id LIMIT :limit;

-- name: check_orphans
-- Memberships without a contact or without a group.
SELECT m.group_id, m.contact_id FROM membership AS m
WHERE m.project_id = :project AND (
    NOT EXISTS (SELECT 1 FROM contact AS c WHERE c.project_id = :project AND c.id = m.contact_id)
    OR NOT EXISTS (SELECT 1 FROM contact_group AS g WHERE g.project_id = :project AND g.id = m.group_id)
)
ORDER BY m.group_id, m.contact_id LIMIT 1000;

-- name: check_blocks
-- The number of contacts up to a consent status in each block of 64 ids.
SELECT c.id / 64, COUNT(*) FROM contact AS c
WHERE c.project_id = :project AND c.consent_status <= :consent_status GROUP BY c.id / 64;

-- name: check_states
-- States after a subject, in order.
SELECT s.subject_id, s.suppressed, s.state FROM consent AS s
WHERE s.project_id = :project AND s.subject_id > :after ORDER BY s.subject_id LIMIT :limit;

-- name: check_subjects
-- Subjects that have facts, after a subject, in order.
SELECT DISTINCT f.subject_id FROM fact AS f
WHERE f.project_id = :project AND f.subject_id > :after ORDER BY f.subject_id LIMIT :limit;

-- name: check_member_blocks
-- The number of members in each block of 64 ids of each group.
SELECT m.group_id, m.contact_id / 64, COUNT(*) FROM membership AS m
WHERE m.project_id = :project GROUP BY m.group_id, m.contact_id / 64;

-- name: check_directory
-- The whole directory.
SELECT d.list, d.level, d.block, d.members FROM directory AS d WHERE d.project_id = :project;

-- name: repair_membership
-- Deletes a membership without a contact or without a group.
DELETE FROM membership WHERE project_id = :project AND group_id = :group AND contact_id = :contact;

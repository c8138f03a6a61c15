-- name: walk_contacts
-- Contacts after an id, in order: id, the number unless nothing is known of it, and the card.
SELECT c.id, CASE WHEN c.consent_status > 0 THEN c.mobile END, c.card FROM contact AS c
WHERE c.project_id = :project AND c.id > :after
ORDER BY c.id LIMIT :limit;

-- name: walk_members
-- Members of a group after an id, in order: id, the number unless nothing is known of it, and the card.
SELECT c.id, CASE WHEN c.consent_status > 0 THEN c.mobile END, c.card
FROM (
    SELECT m.contact_id FROM membership AS m
    WHERE m.project_id = :project AND m.group_id = :group AND m.contact_id > :after
    ORDER BY m.contact_id LIMIT :limit
) AS member CROSS JOIN contact AS c
WHERE c.project_id = :project AND c.id = member.contact_id
ORDER BY member.contact_id;

-- name: walk_memberships
-- Memberships of the contacts up to an id, after a membership. Deleted groups count until they are purged.
SELECT m.contact_id, m.group_id FROM membership AS m
WHERE m.project_id = :project AND (m.contact_id, m.group_id) > (:after, :group) AND m.contact_id <= :last
ORDER BY m.contact_id, m.group_id LIMIT :limit;

-- name: find_memberships
-- Memberships of some contacts. Deleted groups count until they are purged.
SELECT m.contact_id, m.group_id FROM rows(:ids AS wanted, id bigint) CROSS JOIN membership AS m
WHERE m.project_id = :project AND m.contact_id = wanted.id
ORDER BY m.contact_id, m.group_id;

-- name: find_group_names
-- The names of those of some groups that are not deleted.
SELECT g.id, g.name, g.folded FROM rows(:ids AS wanted, id bigint) CROSS JOIN contact_group AS g
WHERE g.project_id = :project AND g.id = wanted.id AND g.folded IS NOT NULL;

-- name: list_known_numbers
-- Numbers with a state, in order, each with the id of its contact or NULL.
SELECT s.subject_id, (SELECT c.id FROM contact AS c WHERE c.project_id = :project AND c.mobile = s.subject_id)
FROM consent AS s
WHERE s.project_id = :project AND s.subject_id > :after
ORDER BY s.subject_id LIMIT :limit;

-- name: insert_export
-- Inserts a queued export.
INSERT INTO export (project_id, id, created_at, expires_at, state, attempts, parts, settings, progress)
VALUES (CAST(:project AS bigint), :id, :now, :until, 'queued', 0, 0, :settings, '{}');

-- name: list_exports
-- All exports, in order of creation.
SELECT e.id, e.created_at, e.expires_at, e.state, e.attempts, e.parts, e.settings, e.progress FROM export AS e
WHERE e.project_id = :project ORDER BY e.id;

-- name: get_export
-- One export.
SELECT e.id, e.created_at, e.expires_at, e.state, e.attempts, e.parts, e.settings, e.progress FROM export AS e
WHERE e.project_id = :project AND e.id = :id;

-- name: update_export
-- Saves the state and progress of an export.
UPDATE export SET state = :state, attempts = :attempts, parts = :parts, progress = :progress, expires_at = :until
WHERE project_id = :project AND id = :id;

-- name: delete_export
-- Deletes an export that has no file.
DELETE FROM export WHERE project_id = :project AND id = :id;

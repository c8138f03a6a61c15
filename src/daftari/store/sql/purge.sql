-- name: get_deleted_project
-- A project that was deleted.
SELECT id FROM project WHERE id = :id AND deleted_at IS NOT NULL;

-- name: get_book
-- Whether a project still has a book.
SELECT project_id FROM book WHERE project_id = :project;

-- name: find_deleted_group
-- A deleted group whose members are not all gone.
SELECT g.id FROM contact_group AS g
WHERE g.project_id = :project AND g.deleted_at IS NOT NULL
ORDER BY g.id LIMIT 1;

-- name: list_first_members
-- Some members of a group.
SELECT m.contact_id FROM membership AS m
WHERE m.project_id = :project AND m.group_id = :group
ORDER BY m.contact_id LIMIT :limit;

-- name: delete_group
-- A group that has no members left.
DELETE FROM contact_group WHERE project_id = :project AND id = :group;

-- name: list_first_contacts
-- Some contacts of a closed book.
SELECT c.id FROM contact AS c WHERE c.project_id = :project ORDER BY c.id LIMIT :limit;

-- name: delete_contacts_below
-- Contacts of a closed book, up to an id.
DELETE FROM contact WHERE project_id = :project AND id <= :last;

-- name: delete_memberships_below
-- Memberships of a closed book, of contacts up to an id.
DELETE FROM membership WHERE project_id = :project AND contact_id <= :last;

-- name: delete_all_groups
-- What is left of a closed book: its groups.
DELETE FROM contact_group WHERE project_id = :project;

-- name: delete_all_directory
-- What is left of a closed book: its directory.
DELETE FROM directory WHERE project_id = :project;

-- name: find_journal_end
-- The last of some rows of a closed book's journal.
SELECT MAX(first.seq) FROM (
    SELECT j.seq FROM journal AS j WHERE j.project_id = :project ORDER BY j.seq LIMIT :limit
) AS first;

-- name: delete_journal_below
-- A closed book's journal, up to a number.
DELETE FROM journal WHERE project_id = :project AND seq <= :last;

-- name: delete_removals_below
-- A closed book's removals, up to a journal number.
DELETE FROM removal WHERE project_id = :project AND seq <= :last;

-- name: find_facts_end
-- The last subject of some facts of a closed book.
SELECT MAX(first.subject_id) FROM (
    SELECT f.subject_id FROM fact AS f WHERE f.project_id = :project ORDER BY f.subject_id LIMIT :limit
) AS first;

-- name: delete_facts_below
-- A closed book's facts, up to a subject.
DELETE FROM fact WHERE project_id = :project AND subject_id <= :last;

-- name: find_consent_end
-- The last subject of some states of a closed book.
SELECT MAX(first.subject_id) FROM (
    SELECT s.subject_id FROM consent AS s WHERE s.project_id = :project ORDER BY s.subject_id LIMIT :limit
) AS first;

-- name: delete_consent_below
-- A closed book's states, up to a subject.
DELETE FROM consent WHERE project_id = :project AND subject_id <= :last;

-- name: find_first_audience
-- A frozen audience of a closed book.
SELECT a.id FROM audience AS a WHERE a.project_id = :project ORDER BY a.id LIMIT 1;

-- name: find_reviews_end
-- The last subject of some reviews of a closed book.
SELECT MAX(first.subject_id) FROM (
    SELECT r.subject_id FROM review AS r WHERE r.project_id = :project ORDER BY r.subject_id LIMIT :limit
) AS first;

-- name: delete_reviews_below
-- A closed book's reviews, up to a subject.
DELETE FROM review WHERE project_id = :project AND subject_id <= :last;

-- name: find_quarantine_end
-- The last of some refused requests of a closed book.
SELECT MAX(first.id) FROM (
    SELECT q.id FROM quarantine AS q WHERE q.project_id = :project ORDER BY q.id LIMIT :limit
) AS first;

-- name: delete_quarantine_below
-- A closed book's refused requests, up to one.
DELETE FROM quarantine WHERE project_id = :project AND id <= :last;

-- name: delete_all_near_misses
-- What is left of a closed book: who tried to bring people back.
DELETE FROM near_miss WHERE project_id = :project;

-- name: delete_all_inbound_counts
-- What is left of a closed book: what its tokens brought.
DELETE FROM inbound_count WHERE project_id = :project;

-- name: delete_all_erasures
-- What is left of a closed book: who was erased.
DELETE FROM erasure WHERE project_id = :project;

-- name: delete_all_exports
-- What is left of a closed book: its exports, without their files.
DELETE FROM export WHERE project_id = :project;

-- name: find_first_file
-- A file of a closed book.
SELECT f.file_id FROM file_part AS f WHERE f.project_id = :project ORDER BY f.file_id LIMIT 1;

-- name: delete_book
-- The counters of a closed book.
DELETE FROM book WHERE project_id = :project;

-- name: delete_project_keys
-- The keys of a project that is gone.
DELETE FROM key WHERE project_id = :id;

-- name: delete_project_names
-- The names of a project that is gone.
DELETE FROM project_name WHERE project_id = :id;

-- name: delete_project
-- A project that is gone.
DELETE FROM project WHERE id = :id AND deleted_at IS NOT NULL;

-- name: get_contact
-- One contact by its id.
SELECT id, mobile, card, updated_at, consent_status FROM contact WHERE project_id = :project AND id = :id;

-- name: get_contact_by_mobile
-- One contact by its number.
SELECT id, mobile, card, updated_at, consent_status FROM contact WHERE project_id = :project AND mobile = :mobile;

-- name: find_contacts_by_mobile
-- The contacts that have some of these numbers.
SELECT c.id, c.mobile, c.card, c.updated_at, c.consent_status
FROM rows(:mobiles AS wanted, mobile bigint) CROSS JOIN contact AS c
WHERE c.project_id = :project AND c.mobile = wanted.mobile;

-- name: find_contact_numbers
-- Those of these ids that are contacts, with number and consent status.
SELECT c.id, c.mobile, c.consent_status
FROM rows(:ids AS wanted, id bigint) CROSS JOIN contact AS c
WHERE c.project_id = :project AND c.id = wanted.id;

-- name: list_contact_numbers
-- Contacts after an id, with number and consent status.
SELECT c.id, c.mobile, c.consent_status FROM contact AS c
WHERE c.project_id = :project AND c.id > :after
ORDER BY c.id LIMIT :limit;

-- name: list_numbers_with_consent
-- The same of the contacts of whose numbers something is known.
SELECT c.id, c.mobile, c.consent_status FROM contact AS c
WHERE c.project_id = :project AND c.id > :after AND c.consent_status > 0
ORDER BY c.id LIMIT :limit;

-- name: list_member_numbers
-- The same of the members of a group.
SELECT c.id, c.mobile, c.consent_status
FROM (
    SELECT m.contact_id FROM membership AS m
    WHERE m.project_id = :project AND m.group_id = :group AND m.contact_id > :after
    ORDER BY m.contact_id LIMIT :limit
) AS member CROSS JOIN contact AS c
WHERE c.project_id = :project AND c.id = member.contact_id
ORDER BY member.contact_id;

-- name: list_contact_rows
-- Contacts in order of id, up to a consent status, a row a contact.
SELECT c.id, c.mobile, c.card, c.updated_at, c.consent_status FROM contact AS c
WHERE c.project_id = :project AND c.id >= :first AND c.consent_status <= :consent_status
ORDER BY c.id LIMIT :limit OFFSET :skip;

-- name: find_contact_id_after
-- The id of a contact up to a consent status, as many places after the first of some ids as are skipped.
SELECT c.id FROM contact AS c
WHERE c.project_id = :project AND c.id >= :first AND c.consent_status <= :consent_status
ORDER BY c.id LIMIT 1 OFFSET :skip;

-- name: find_member_id_after
-- The same among the members of a group.
SELECT m.contact_id FROM membership AS m
WHERE m.project_id = :project AND m.group_id = :group AND m.contact_id >= :first
ORDER BY m.contact_id LIMIT 1 OFFSET :skip;

-- name: count_contacts
-- How many contacts have an id within a block, up to a consent status.
SELECT COUNT(*) FROM contact AS c
WHERE c.project_id = :project AND c.id >= :first AND c.id <= :last AND c.consent_status <= :consent_status;

-- name: count_members
-- How many members of a group have an id within a block.
SELECT COUNT(*) FROM membership AS m
WHERE m.project_id = :project AND m.group_id = :group AND m.contact_id >= :first AND m.contact_id <= :last;

-- name: list_member_rows
-- Members of a group in order of id, a row a contact.
SELECT c.id, c.mobile, c.card, c.updated_at, c.consent_status
FROM (
    SELECT m.contact_id FROM membership AS m
    WHERE m.project_id = :project AND m.group_id = :group AND m.contact_id >= :first
    ORDER BY m.contact_id LIMIT :limit OFFSET :skip
) AS member CROSS JOIN contact AS c
WHERE c.project_id = :project AND c.id = member.contact_id
ORDER BY member.contact_id;

-- name: update_contacts
-- Replaces cards and numbers of contacts. An upsert, because SQLite may turn UPDATE … FROM into a scan of the project.
INSERT INTO contact AS c (project_id, id, mobile, card, card_version, updated_at)
SELECT CAST(:project AS bigint), changed.id, changed.mobile, changed.card, CAST(:version AS bigint), CAST(:now AS bigint)
FROM rows(:items AS changed, id bigint, mobile bigint, card text)
WHERE true
ON CONFLICT (project_id, id) DO UPDATE SET
    mobile = excluded.mobile, card = excluded.card, card_version = excluded.card_version, updated_at = excluded.updated_at;

-- name: delete_contact
-- Deletes a contact that has no memberships and no directory entries.
DELETE FROM contact WHERE project_id = :project AND id = :id;

-- name: set_consent_status
-- Sets the consent status of some contacts.
UPDATE contact SET consent_status = :consent_status
WHERE project_id = :project AND id IN (SELECT changed.id FROM rows(:ids AS changed, id bigint));

-- name: find_contacts
-- Those of these ids that are contacts.
SELECT c.id, c.mobile, c.card, c.updated_at, c.consent_status
FROM rows(:ids AS wanted, id bigint) CROSS JOIN contact AS c
WHERE c.project_id = :project AND c.id = wanted.id;

-- name: list_contacts_between
-- The contacts from one id to another, in order of id.
SELECT c.id, c.mobile, c.card, c.updated_at, c.consent_status FROM contact AS c
WHERE c.project_id = :project AND c.id >= :first AND c.id <= :last
ORDER BY c.id;

-- name: delete_memberships
-- Deletes all memberships of some contacts.
DELETE FROM membership
WHERE project_id = :project AND contact_id IN (SELECT gone.id FROM rows(:ids AS gone, id bigint));

-- name: delete_contacts
-- Deletes contacts that have no memberships and no directory entries.
DELETE FROM contact WHERE project_id = :project AND id IN (SELECT gone.id FROM rows(:ids AS gone, id bigint));

-- name: has_contacts
-- Whether the project has any contact.
SELECT c.id FROM contact AS c WHERE c.project_id = :project ORDER BY c.id LIMIT 1;

-- name: get_group
-- One group by its folded name.
SELECT g.id, g.name, g.folded, g.created_at, g.mirrored_by FROM contact_group AS g
WHERE g.project_id = :project AND g.folded = :folded;

-- name: get_counted_group
-- One group by its folded name, with its exact count.
SELECT g.id, g.name, (
    SELECT CAST(COALESCE(SUM(d.members), 0) AS bigint) FROM directory AS d
    WHERE d.project_id = :project AND d.list = g.id AND d.level = 3
), g.created_at, g.mirrored_by FROM contact_group AS g
WHERE g.project_id = :project AND g.folded = :folded;

-- name: list_groups
-- Groups after an id, in order of creation, with their exact counts.
SELECT g.id, g.name, g.folded, g.created_at, g.mirrored_by, (
    SELECT CAST(COALESCE(SUM(d.members), 0) AS bigint) FROM directory AS d
    WHERE d.project_id = :project AND d.list = g.id AND d.level = 3
)
FROM contact_group AS g
WHERE g.project_id = :project AND g.id > :after AND g.folded IS NOT NULL
ORDER BY g.id LIMIT :limit;

-- name: list_mirrored_groups
-- The groups that connections keep in step.
SELECT g.id, g.name, g.folded, g.created_at, g.mirrored_by FROM contact_group AS g
WHERE g.project_id = :project AND g.mirrored_by > 0;

-- name: set_group_mirror
-- Sets the connection that alone decides who is in a group; 0 for none.
UPDATE contact_group SET mirrored_by = :connection WHERE project_id = :project AND id = :id;

-- name: rename_group
-- Sets a group's name.
UPDATE contact_group SET name = :name, folded = :folded WHERE project_id = :project AND id = :id;

-- name: hide_group
-- Hides a deleted group: its name is free at once, its memberships are purged from a time on.
UPDATE contact_group SET folded = NULL, deleted_at = :now, purge_at = :purge_at WHERE project_id = :project AND id = :id;

-- name: show_group
-- Brings back a deleted group that was not purged.
UPDATE contact_group SET folded = :folded, deleted_at = NULL, purge_at = NULL
WHERE project_id = :project AND id = :id AND folded IS NULL;

-- name: get_group_by_id
-- One group, also a deleted one until it is purged.
SELECT g.id, g.name, g.folded, g.mirrored_by, g.purge_at FROM contact_group AS g
WHERE g.project_id = :project AND g.id = :id;

-- name: list_contact_groups
-- The groups of one contact. Deleted groups count until they are purged.
SELECT m.group_id FROM membership AS m
WHERE m.project_id = :project AND m.contact_id = :contact
ORDER BY m.group_id;

-- name: list_memberships
-- The groups of some contacts, with their names. Deleted groups count until they are purged.
SELECT m.contact_id, m.group_id, g.name, g.folded, g.mirrored_by
FROM rows(:ids AS wanted, id bigint) CROSS JOIN membership AS m CROSS JOIN contact_group AS g
WHERE m.project_id = :project AND m.contact_id = wanted.id AND g.project_id = :project AND g.id = m.group_id
ORDER BY m.contact_id, g.id;

-- name: list_group_names
-- The names of the groups of some contacts.
SELECT m.contact_id, g.name
FROM rows(:ids AS wanted, id bigint) CROSS JOIN membership AS m CROSS JOIN contact_group AS g
WHERE m.project_id = :project AND m.contact_id = wanted.id
  AND g.project_id = :project AND g.id = m.group_id AND g.folded IS NOT NULL
ORDER BY m.contact_id, g.id;

-- name: find_members
-- Those of these contacts that are in a group.
SELECT m.contact_id
FROM rows(:ids AS wanted, id bigint) CROSS JOIN membership AS m
WHERE m.project_id = :project AND m.group_id = :group AND m.contact_id = wanted.id;

-- name: list_members_between
-- The members of a group from one id to another, in order.
SELECT m.contact_id FROM membership AS m
WHERE m.project_id = :project AND m.group_id = :group AND m.contact_id >= :first AND m.contact_id <= :last
ORDER BY m.contact_id;

-- name: list_members_outside
-- Members of a group after an id that are not in another group, in order.
SELECT m.contact_id FROM membership AS m
WHERE m.project_id = :project AND m.group_id = :group AND m.contact_id > :after AND NOT EXISTS (
    SELECT 1 FROM membership AS o
    WHERE o.project_id = :project AND o.group_id = :other AND o.contact_id = m.contact_id
)
ORDER BY m.contact_id LIMIT :limit;

-- name: delete_members
-- Deletes memberships of some contacts in one group.
DELETE FROM membership
WHERE project_id = :project AND group_id = :group
  AND contact_id IN (SELECT gone.id FROM rows(:ids AS gone, id bigint));

-- name: delete_contact_memberships
-- Deletes all memberships of one contact.
DELETE FROM membership WHERE project_id = :project AND contact_id = :contact;

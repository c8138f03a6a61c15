-- name: list_reachable
-- Part of the default list in order of id: numbers and what is known of them.
SELECT c.id, c.mobile, c.consent_status FROM contact AS c
WHERE c.project_id = :project AND c.id > :after AND c.consent_status < 2
ORDER BY c.id LIMIT :limit;

-- name: list_reachable_members
-- Part of a group in order of id: numbers and what is known of them.
SELECT c.id, c.mobile, c.consent_status
FROM (
    SELECT m.contact_id FROM membership AS m
    WHERE m.project_id = :project AND m.group_id = :group AND m.contact_id > :after
    ORDER BY m.contact_id LIMIT :limit
) AS member CROSS JOIN contact AS c
WHERE c.project_id = :project AND c.id = member.contact_id
ORDER BY member.contact_id;

-- name: list_member_ids
-- Part of a group in order of id, up to an id.
SELECT m.contact_id FROM membership AS m
WHERE m.project_id = :project AND m.group_id = :group AND m.contact_id > :after AND m.contact_id <= :last
ORDER BY m.contact_id LIMIT :limit;

-- name: insert_audience
-- A frozen audience; its parts follow.
INSERT INTO audience (project_id, id, created_at, expires_at, definition, count, erased, digest, excluded)
VALUES (CAST(:project AS bigint), :id, :now, :until, :definition, :count, :erased, :digest, :excluded);

-- name: get_audience
-- A frozen audience that is still kept.
SELECT a.id, a.created_at, a.expires_at, a.definition, a.count, a.erased, a.digest, a.excluded FROM audience AS a
WHERE a.project_id = :project AND a.id = :id AND a.expires_at > :now;

-- name: list_audience_ids
-- Every frozen audience that holds numbers.
SELECT a.id FROM audience AS a WHERE a.project_id = :project ORDER BY a.id;

-- name: list_audience_parts
-- Some parts of a frozen audience, in the order of its numbers.
SELECT p.part, p.mobiles FROM audience_part AS p
WHERE p.project_id = :project AND p.audience_id = :audience AND p.part >= :first
ORDER BY p.part LIMIT :limit;

-- name: find_audience_part
-- The part of a frozen audience in which a number would be.
SELECT p.part, p.mobiles FROM audience_part AS p
WHERE p.project_id = :project AND p.audience_id = :audience AND p.first_mobile <= :mobile
ORDER BY p.first_mobile DESC LIMIT 1;

-- name: update_audience_part
-- A part of which a number was erased.
UPDATE audience_part SET mobiles = :mobiles, first_mobile = :first, last_mobile = :last
WHERE project_id = :project AND audience_id = :audience AND part = :part;

-- name: increment_erased
-- One number of a frozen audience was erased.
UPDATE audience SET erased = erased + 1 WHERE project_id = :project AND id = :audience;

-- name: find_expired_audience
-- A frozen audience whose time is over.
SELECT a.id FROM audience AS a WHERE a.project_id = :project AND a.expires_at <= :now ORDER BY a.id LIMIT 1;

-- name: delete_audience_parts
-- The numbers of a frozen audience whose time is over.
DELETE FROM audience_part WHERE project_id = :project AND audience_id = :audience;

-- name: delete_audience
-- A frozen audience without parts.
DELETE FROM audience WHERE project_id = :project AND id = :audience;

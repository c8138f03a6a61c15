-- name: list_reachable
-- Contacts that are not suppressed, with number and consent status, in order of id.
SELECT c.id, c.mobile, c.consent_status FROM contact AS c
WHERE c.project_id = :project AND c.id > :after AND c.consent_status < 2
ORDER BY c.id LIMIT :limit;

-- name: list_reachable_members
-- Members of a group, with number and consent status, in order of id.
SELECT c.id, c.mobile, c.consent_status
FROM (
    SELECT m.contact_id FROM membership AS m
    WHERE m.project_id = :project AND m.group_id = :group AND m.contact_id > :after
    ORDER BY m.contact_id LIMIT :limit
) AS member CROSS JOIN contact AS c
WHERE c.project_id = :project AND c.id = member.contact_id
ORDER BY member.contact_id;

-- name: list_member_ids
-- The ids of a group's members after one id and up to another.
SELECT m.contact_id FROM membership AS m
WHERE m.project_id = :project AND m.group_id = :group AND m.contact_id > :after AND m.contact_id <= :last
ORDER BY m.contact_id LIMIT :limit;

-- name: insert_audience
-- Inserts a frozen audience, without its numbers.
INSERT INTO audience (project_id, id, created_at, expires_at, definition, count, erased, digest, excluded)
VALUES (CAST(:project AS bigint), :id, :now, :until, :definition, :count, :erased, :digest, :excluded);

-- name: get_audience
-- A frozen audience that has not expired.
SELECT a.id, a.created_at, a.expires_at, a.definition, a.count, a.erased, a.digest, a.excluded FROM audience AS a
WHERE a.project_id = :project AND a.id = :id AND a.expires_at > :now;

-- name: list_audiences
-- Frozen audiences before an id that have not expired, the newest first.
SELECT a.id, a.created_at, a.expires_at, a.definition, a.count, a.erased, a.digest, a.excluded FROM audience AS a
WHERE a.project_id = :project AND a.id < :before AND a.expires_at > :now
ORDER BY a.id DESC LIMIT :limit;

-- name: list_audience_definitions
-- The definitions of all frozen audiences that have not expired.
SELECT a.definition FROM audience AS a WHERE a.project_id = :project AND a.expires_at > :now ORDER BY a.id;

-- name: list_audience_ids
-- The ids of all frozen audiences.
SELECT a.id FROM audience AS a WHERE a.project_id = :project ORDER BY a.id;

-- name: list_audience_parts
-- Parts of a frozen audience from one on, in order.
SELECT p.part, p.mobiles FROM audience_part AS p
WHERE p.project_id = :project AND p.audience_id = :audience AND p.part >= :first
ORDER BY p.part LIMIT :limit;

-- name: find_audience_part
-- The part of a frozen audience that would hold a number.
SELECT p.part, p.mobiles FROM audience_part AS p
WHERE p.project_id = :project AND p.audience_id = :audience AND p.first_mobile <= :mobile
ORDER BY p.first_mobile DESC LIMIT 1;

-- name: update_audience_part
-- Replaces the numbers of a part.
UPDATE audience_part SET mobiles = :mobiles, first_mobile = :first, last_mobile = :last
WHERE project_id = :project AND audience_id = :audience AND part = :part;

-- name: increment_erased
-- Counts one more erased number in a frozen audience.
UPDATE audience SET erased = erased + 1 WHERE project_id = :project AND id = :audience;

-- name: find_expired_audience
-- A frozen audience that has expired, and in which no campaign has numbers that it did not claim.
SELECT a.id FROM audience AS a
WHERE a.project_id = :project AND a.expires_at <= :now AND NOT EXISTS (
    SELECT 1 FROM campaign AS c
    WHERE c.project_id = :project AND c.audience_id = a.id AND c.next_place < a.count
)
ORDER BY a.id LIMIT 1;

-- name: delete_audience_parts
-- Deletes the numbers of a frozen audience.
DELETE FROM audience_part WHERE project_id = :project AND audience_id = :audience;

-- name: delete_audience
-- Deletes a frozen audience that has no parts.
DELETE FROM audience WHERE project_id = :project AND id = :audience;

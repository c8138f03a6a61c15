-- name: list_before
-- What an act changed of contacts.
SELECT b.contact_id, b.mobile, b.new_mobile, b.expires_at, b.before FROM contact_before AS b
WHERE b.project_id = :project AND b.seq = :seq AND b.contact_id > 0
ORDER BY b.contact_id;

-- name: get_act_before
-- What an act changed of groups.
SELECT b.contact_id, b.mobile, b.new_mobile, b.expires_at, b.before FROM contact_before AS b
WHERE b.project_id = :project AND b.seq = :seq AND b.contact_id = 0;

-- name: find_acts_before
-- What some acts changed of groups.
SELECT b.seq, b.expires_at, b.before FROM rows(:seqs AS wanted, seq bigint) CROSS JOIN contact_before AS b
WHERE b.project_id = :project AND b.seq = wanted.seq AND b.contact_id = 0;

-- name: find_contact_before
-- What some acts changed of a contact.
SELECT b.seq, b.expires_at, b.before FROM rows(:seqs AS wanted, seq bigint) CROSS JOIN contact_before AS b
WHERE b.project_id = :project AND b.seq = wanted.seq AND b.contact_id = :contact;

-- name: list_contacts_before
-- The contacts that had a number before acts that changed them.
SELECT DISTINCT b.contact_id FROM contact_before AS b
WHERE b.project_id = :project AND b.mobile = :mobile AND b.contact_id > 0;

-- name: list_acts
-- The newest acts that changed a contact, before one.
SELECT b.seq FROM contact_before AS b
WHERE b.project_id = :project AND b.contact_id = :contact AND b.seq < :before
ORDER BY b.seq DESC LIMIT :limit;

-- name: save_act_before
-- Replaces what is kept of an act.
UPDATE contact_before SET before = :before WHERE project_id = :project AND seq = :seq AND contact_id = 0;

-- name: delete_act_contacts
-- Deletes what an act changed of contacts.
DELETE FROM contact_before WHERE project_id = :project AND seq = :seq AND contact_id > 0;

-- name: delete_person_before
-- Deletes what acts changed of a contact, and of the contacts that had a number.
DELETE FROM contact_before WHERE project_id = :project AND contact_id > 0 AND (
    contact_id = :contact OR contact_id IN (
        SELECT x.contact_id FROM contact_before AS x WHERE x.project_id = :project AND x.mobile = :mobile
        UNION ALL
        SELECT y.contact_id FROM contact_before AS y WHERE y.project_id = :project AND y.new_mobile = :mobile
    )
);

-- name: find_expired_before
-- Something that is no longer kept.
SELECT b.seq FROM contact_before AS b
WHERE b.project_id = :project AND b.expires_at <= :now
ORDER BY b.expires_at LIMIT 1;

-- name: delete_expired_before
-- Deletes what is no longer kept, up to a limit.
DELETE FROM contact_before WHERE project_id = :project AND (seq, contact_id) IN (
    SELECT x.seq, x.contact_id FROM contact_before AS x
    WHERE x.project_id = :project AND x.expires_at <= :now
    ORDER BY x.expires_at LIMIT :limit
);

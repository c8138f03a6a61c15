-- name: list_contact_cards
-- Part of the book in order of id, up to a standing: how many, and their cards joined with commas.
SELECT COUNT(*), CAST(group_concat(card, ',') AS BLOB) FROM (
    SELECT c.card FROM contact AS c
    WHERE c.project_id = :project AND c.id >= :first AND c.standing <= :standing
    ORDER BY c.id LIMIT :limit OFFSET :skip
);

-- name: list_member_cards
-- Part of a group in order of id: how many, and their cards joined with commas.
SELECT COUNT(*), CAST(group_concat(card, ',') AS BLOB) FROM (
    SELECT c.card FROM (
        SELECT m.contact_id FROM membership AS m
        WHERE m.project_id = :project AND m.group_id = :group AND m.contact_id >= :first
        ORDER BY m.contact_id LIMIT :limit OFFSET :skip
    ) AS member CROSS JOIN contact AS c
    WHERE c.project_id = :project AND c.id = member.contact_id
    ORDER BY member.contact_id
);
